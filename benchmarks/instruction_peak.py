"""What the processor's multiply-adds could do if they never waited for memory: compiled, run, and not a formula."""

import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).with_suffix(".c")


class InstructionPeak(NamedTuple):
    """FLOP/s of one thread; bf16 is 0 where there is no such instruction. AMX is not tried."""

    fp32: float
    bf16: float


def instruction_peak() -> InstructionPeak | None:
    """The peak of one thread; None without a C compiler or on a processor that is not an x86."""
    compiler = next(filter(None, map(shutil.which, (os.environ.get("CC", "cc"), "gcc", "clang"))), None)
    if compiler is None or platform.machine() not in ("x86_64", "AMD64"):
        return None
    with tempfile.TemporaryDirectory(prefix="bessemer-") as folder:
        binary = Path(folder) / "peak"
        command = [compiler, "-O3", "-march=native", "-funroll-loops", str(SOURCE), "-o", str(binary)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return None
        done = subprocess.run([str(binary)], capture_output=True, text=True, check=False)
    fp32, bf16 = map(float, done.stdout.split())
    return InstructionPeak(fp32, bf16)
