"""The denominator of MFU: a vendor's figure for a GPU that is known, else what square matrix products reach here."""

import math
import time
from dataclasses import dataclass

import torch

from bessemer.training.gpus import recognise
from bessemer.training.step import DTYPES

SIZES = (1024, 2048, 4096)


@dataclass(frozen=True)
class Peak:
    """FLOP/s that MFU is a share of, and in words where they are from."""

    flops: float
    name: str


def peak_of(device: torch.device, precision: str, budget_s: float) -> Peak:
    """Peak of one process's device and threads.

    Args:
        device: that trains.
        precision: ``bf16``, ``fp16`` or ``fp32``, of the matrix products.
        budget_s: seconds that measuring may take; a size that would not fit is left out, the smallest never.
    """
    if device.type == "cuda" and precision != "fp32":
        gpu = recognise(torch.cuda.get_device_name(device))
        if gpu is not None:
            return Peak(gpu.peak, f"{gpu.name}, {gpu.peak / 1e12:g} TFLOP/s dense bf16: {gpu.source}")
    flops, size = best_gemm(device, DTYPES[precision], budget_s)
    threads = f", threads: {torch.get_num_threads()}" if device.type == "cpu" else ""
    return Peak(flops, f"measured: best square {precision} product, {size} x {size}{threads}")


def best_gemm(device: torch.device, dtype: torch.dtype, budget_s: float) -> tuple[float, int]:
    """FLOP/s of the best of a few products of square matrices, and its size. The global random state is not used."""
    deadline = time.perf_counter() + budget_s
    best, best_size, expected = 0.0, SIZES[0], 0.0
    for size in SIZES:
        if best and time.perf_counter() + 2 * expected > deadline:
            break
        matrix = torch.linspace(-1.0, 1.0, size * size, device=device).reshape(size, size).to(dtype)
        out = torch.empty_like(matrix)
        seconds = math.inf
        for turn in range(4):
            started = time.perf_counter()
            torch.mm(matrix, matrix, out=out)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            taken = time.perf_counter() - started
            seconds = min(seconds, taken)
            if turn and time.perf_counter() + taken > deadline:
                break
        expected = 8 * seconds
        if 2 * size**3 / seconds > best:
            best, best_size = 2 * size**3 / seconds, size
    return best, best_size
