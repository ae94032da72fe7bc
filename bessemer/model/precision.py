"""In which precision matrix products run."""

from functools import cache
from pathlib import Path
from typing import Literal, cast

import torch

Precision = Literal["fp32", "bf16", "fp16"]
_NATIVE_BF16 = {"avx512_bf16", "amx_bf16"}


def resolve_precision(requested: str, device: torch.device) -> Precision:
    """bf16 where it is asked for, or where the hardware multiplies in it and ``auto`` is asked for."""
    if requested != "auto":
        return cast(Precision, requested)
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return "bf16" if _NATIVE_BF16 & _cpu_flags() else "fp32"


@cache
def _cpu_flags() -> frozenset[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    return next((frozenset(line.split()) for line in lines if line.startswith("flags")), frozenset())
