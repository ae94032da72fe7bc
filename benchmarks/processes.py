"""What a process and its children take: time, memory, disk."""

import os
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.workers import ROOT

_SAMPLE_S = 0.2


@dataclass(frozen=True)
class Measured:
    """A process that has ended.

    Attributes:
        seconds: wall time from its start to its end.
        memory: most bytes in memory of it and its children together, shared pages counted once (PSS; RSS where the
            system does not tell), looked at every 0.2 s.
        disk: most bytes in its folder.
        output: what it printed.
    """

    seconds: float
    memory: int
    disk: int
    output: str


def run_measured(command: Sequence[str], folder: Path) -> Measured:
    """Run a command of the project in a folder and wait for it.

    Raises:
        RuntimeError: it failed; what it said is on standard error.
    """
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    started = time.perf_counter()
    process = psutil.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
    memory = disk = 0
    output: str | None = None
    while output is None:
        memory, disk = max(memory, _memory_of_tree(process)), max(disk, _disk(folder))
        with suppress(subprocess.TimeoutExpired):
            output = process.communicate(timeout=_SAMPLE_S)[0]
    seconds = time.perf_counter() - started
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[1:])} ended with {process.returncode}")
    return Measured(seconds, memory, max(disk, _disk(folder)), output)


def run_timed(command: Sequence[str], folder: Path) -> tuple[float, str]:
    """Run a command of the project in a folder without looking at it meanwhile, which takes a core now and then.

    Returns:
        Wall seconds from its start to its end, and what it printed.

    Raises:
        subprocess.CalledProcessError: it failed; what it said is on standard error.
    """
    started = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True, check=True
    )
    return time.perf_counter() - started, done.stdout


def _memory_of_tree(process: psutil.Process) -> int:
    total = 0
    try:
        for member in [process, *process.children(recursive=True)]:
            try:
                full = member.memory_full_info()
                total += getattr(full, "pss", full.rss)
            except psutil.Error:
                continue  # it ended meanwhile
    except psutil.Error:
        return 0
    return total


def _disk(root: Path) -> int:
    sizes: dict[int, int] = {}  # by inode: hard links count once
    for folder, _, names in os.walk(root):
        for name in names:
            try:
                facts = (Path(folder) / name).lstat()
            except FileNotFoundError:
                continue  # it was renamed meanwhile
            sizes[facts.st_ino] = facts.st_size
    return sum(sizes.values())
