"""What this machine can train on, as JSON: ``python -m bessemer.training.devices``. ``bessemer doctor`` reads it."""

import json
import sys
from typing import Any

import torch

from bessemer.errors import ConfigError
from bessemer.model.attention import BACKENDS, choose_backend
from bessemer.model.precision import resolve_precision


def describe_devices() -> dict[str, Any]:
    """Version of torch, devices with memory in bytes, bf16 by test, and per attention backend an obstacle or "".

    bf16 is tried, not asked for: a small product is computed in it on the first device. ``bf16_native``: by its own
    instructions; a CPU without them is many times slower in bf16 than in fp32.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return {
        "torch": torch.__version__,
        "device": device.type,
        "devices": _gpus() or [f"CPU, {torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}"],
        "bf16": _computes(device, torch.bfloat16),
        "bf16_native": resolve_precision("auto", device) == "bf16",
        "attention": choose_backend("auto", device, torch.bfloat16).backend,
        "backends": {name: _obstacle(name, device) for name in BACKENDS},
    }


def _gpus() -> list[str]:
    found = []
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        memory = properties.total_memory / 2**30
        found.append(f"{properties.name}, {memory:.0f} GiB, capability {properties.major}.{properties.minor}")
    return found


def _computes(device: torch.device, dtype: torch.dtype) -> bool:
    try:
        ones = torch.ones(8, 8, device=device, dtype=dtype)
        return bool((ones @ ones).sum().item() == 512.0)
    except RuntimeError:
        return False


def _obstacle(name: str, device: torch.device) -> str:
    try:
        choose_backend(name, device, torch.bfloat16)
    except ConfigError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    json.dump(describe_devices(), sys.stdout)
