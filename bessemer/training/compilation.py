"""Whether torch.compile pays: it takes a while before the first step, and saves a share of every later one."""

import os
import shutil
import sysconfig
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import nn

from bessemer.config.distributed import DistributedRuntime, Strategy
from bessemer.errors import ConfigError

WORTHWHILE = {"cpu": 2e13, "cuda": 1e17}
"""Floating-point operations of a process from which on compiling pays, by device type.

On a CPU of 2 cores without bf16 a layer took 13.5 s to compile and the sample's model then 9 % less time a step, at 40
GFLOP/s a core: that breaks even at 6e12. The figure for GPUs is five minutes at 330 TFLOP/s and not measured.
"""


@dataclass(frozen=True)
class CompileChoice:
    """Whether the model is compiled, and the reason in a sentence."""

    compile: bool
    reason: str


def choose_compile(
    runtime: DistributedRuntime, device: torch.device, strategy: Strategy, operations: float
) -> CompileChoice:
    """What ``compile`` of runtime.yaml comes to.

    Args:
        runtime: section ``distributed``.
        device: where the model is.
        strategy: what runs, never ``auto``.
        operations: floating-point operations of one process over the whole run.

    Raises:
        ConfigError: compilation was asked for and cannot be done here.
    """
    obstacle = _obstacle(device, strategy)
    if runtime.compile is True:
        if obstacle:
            raise ConfigError(f"runtime.yaml: distributed.compile is true and {obstacle}; set it to false or auto.")
        return CompileChoice(True, "asked for")
    if runtime.compile is False:
        return CompileChoice(False, "switched off")
    if obstacle:
        return CompileChoice(False, obstacle)
    needed = WORTHWHILE.get(device.type, WORTHWHILE["cuda"])
    comparison = "at least" if operations >= needed else "less than"
    reason = f"the run has {operations:.1e} operations a process, {comparison} the {needed:.0e} from which on it pays"
    return CompileChoice(operations >= needed, reason)


def compile_layers(model: nn.Module) -> None:
    """Compile each decoder layer in place, so that parameters keep their names.

    Layers are alike, so the first one's compilation serves all; compiling the whole model takes several times as long.
    Validation runs them as they were (``torch.compiler.set_stance``): other shapes would be compiled again.
    """
    names = set(getattr(model, "_no_split_modules", None) or ())
    for module in model.modules():
        if any(kind.__name__ in names for kind in type(module).__mro__):
            module.compile()


def _obstacle(device: torch.device, strategy: Strategy) -> str:
    """Why nothing can be compiled; empty when it can."""
    if strategy.startswith("zero"):
        return "DeepSpeed's engine is not compiled"
    asked = (os.environ.get("CXX") or os.environ.get("CC") or "").split()
    candidates = tuple(asked[:1]) or ("c++", "g++", "clang++", "cc", "gcc", "clang")
    if not any(shutil.which(name) for name in candidates):
        return "there is no C++ compiler"
    if not Path(sysconfig.get_paths()["include"], "Python.h").is_file():
        return "the headers of Python are not installed"
    if device.type == "cuda" and find_spec("triton") is None:
        return "triton is not installed"
    return ""
