"""What GPUs can do at most, as their vendors state it: the denominators of MFU, and what a plan is made with."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Gpu:
    """A kind of GPU.

    Attributes:
        key: name on a command line.
        name: as people say it.
        pattern: regular expression on the name that the driver gives.
        peak: bf16 FLOP/s with fp32 accumulation, dense (without sparsity).
        memory_gb: memory in GB (10^9 bytes).
        source: where the peak is stated.
    """

    key: str
    name: str
    pattern: str
    peak: float
    memory_gb: int
    source: str


GPUS: tuple[Gpu, ...] = (
    Gpu("b200", "B200", r"\bB200\b", 2250e12, 180, "NVIDIA DGX B200 data sheet (4,500 with sparsity)"),
    Gpu("h200", "H200 SXM", r"\bH200\b", 989.4e12, 141, "NVIDIA H200 data sheet (1,979 with sparsity)"),
    Gpu("h100-nvl", "H100 NVL", r"\bH100 NVL\b", 835e12, 94, "NVIDIA H100 data sheet (1,671 with sparsity)"),
    Gpu("h100-pcie", "H100 PCIe", r"\bH100 PCIe\b", 756e12, 80, "NVIDIA H100 data sheet (1,513 with sparsity)"),
    Gpu(
        "h100",
        "H100 SXM",
        r"\bH100\b.*\bHBM3\b|\bH100 SXM",
        989.4e12,
        80,
        "NVIDIA H100 data sheet (1,979 with sparsity)",
    ),
    Gpu("a100-80gb", "A100 80 GB", r"\bA100\b.*\b80GB\b", 312e12, 80, "NVIDIA A100 data sheet"),
    Gpu("a100-40gb", "A100 40 GB", r"\bA100\b.*\b40GB\b", 312e12, 40, "NVIDIA A100 data sheet"),
    Gpu("l40s", "L40S", r"\bL40S\b", 362e12, 48, "NVIDIA L40S data sheet (733 with sparsity)"),
    Gpu("l4", "L4", r"\bL4\b", 121e12, 24, "NVIDIA L4 data sheet (242 with sparsity)"),
    Gpu(
        "rtx4090", "GeForce RTX 4090", r"\bRTX 4090$", 165.2e12, 24, "NVIDIA Ada architecture paper, fp32 accumulation"
    ),
    Gpu("rtx3090", "GeForce RTX 3090", r"\bRTX 3090$", 71e12, 24, "NVIDIA GA102 architecture paper, fp32 accumulation"),
    Gpu("mi300x", "Instinct MI300X", r"\bMI300X\b", 1307.4e12, 192, "AMD Instinct MI300X data sheet"),
)


def recognise(driver_name: str) -> Gpu | None:
    """The kind of the GPU that its driver calls ``driver_name``; None if it is not in the table, never a guess."""
    return next((gpu for gpu in GPUS if re.search(gpu.pattern, driver_name)), None)
