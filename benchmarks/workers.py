"""The systems as processes on one core: started, asked, ended."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PEERS = ROOT / ".venv-bench" / "bin" / "python"
DOLMA_PEERS = ROOT / ".venv-bench-dolma" / "bin" / "python"
OURS = "ours"
STRINGS = "ours, from strings"
MODULES = {
    OURS: ("benchmarks.ours",),
    STRINGS: ("benchmarks.ours", "strings"),
    "datasketch": ("benchmarks.peers.datasketch",),
    "datatrove": ("benchmarks.peers.datatrove",),
    "rensa full": ("benchmarks.peers.rensa", "words"),
    "rensa full, at spaces": ("benchmarks.peers.rensa", "spaces"),
    "rensa RHO": ("benchmarks.peers.rensa", "rho"),
}
_ENVIRONMENTS = (("benchmarks.peers.dolma_", DOLMA_PEERS), ("benchmarks.peers.", PEERS))
"""Modules whose names begin so run by that Python, the others by the project's."""
_THREADS = ("OMP", "OPENBLAS", "MKL", "NUMBA", "RAYON", "VECLIB", "NUMEXPR")


@dataclass(frozen=True)
class Worker:
    """A system's process."""

    name: str
    process: "subprocess.Popen[str]"

    def ask(self, **request: object) -> dict[str, Any]:
        """Send a request and wait for the answer.

        Raises:
            RuntimeError: the process ended; what it said is on standard error.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.name} ended with {self.process.wait()} when asked to {request['do']}")
        return dict(json.loads(answer))


def systems() -> list[str]:
    """Those that can be measured here: ours, and the peers where their environment is installed."""
    return list(MODULES) if PEERS.exists() else [OURS, STRINGS]


def python_of(module: str) -> Path:
    """The Python that has what a system's module imports; it is there only if that environment is installed."""
    return next((python for start, python in _ENVIRONMENTS if module.startswith(start)), Path(sys.executable))


def measured_core() -> int | None:
    """The core that all workers share: the last that this process may use; None where processes cannot be pinned."""
    return max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


@contextmanager
def workers(
    names: Sequence[str], documents: Path, core: int | None, modules: Mapping[str, tuple[str, ...]] = MODULES
) -> Iterator[dict[str, Worker]]:
    """Start a worker for each system, on the given core, with one thread each; only one of them is asked at a time.

    Args:
        names: of systems.
        documents: a file of JSON strings.
        core: which all are pinned to.
        modules: what each system runs: a module and its arguments.
    """
    running: dict[str, Worker] = {}
    try:
        for name in names:
            running[name] = Worker(name, _start(modules[name], documents, core))
        yield running
    finally:
        for worker in running.values():
            assert worker.process.stdin is not None
            worker.process.stdin.close()
            try:
                worker.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                worker.process.kill()


def _start(runs: tuple[str, ...], documents: Path, core: int | None) -> "subprocess.Popen[str]":
    module, *arguments = runs
    environment = os.environ | {f"{library}_NUM_THREADS": "1" for library in _THREADS}
    process = subprocess.Popen(
        [str(python_of(module)), "-m", module, str(documents), *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    if core is not None:
        os.sched_setaffinity(process.pid, {core})
    return process
