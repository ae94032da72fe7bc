"""Start the training processes of one machine, and end all of them when one ends badly.

On several machines use ``torchrun`` or ``accelerate launch`` with ``-m stages.pretrain``: a rank started by them
notices, and joins.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bessemer.errors import BessemerError, ConfigError, DataError, GateFailed, TryAgain
from bessemer.training.interrupt import Interrupt, interruptible

_ERRORS: tuple[type[BessemerError], ...] = (ConfigError, GateFailed, DataError, TryAgain)
_POLL_S = 0.1


def launch(module: str, processes: int, *, root: Path, grace_s: float) -> None:
    """Run ``python -m module`` as ranks 0 to ``processes - 1`` and wait for all.

    A signal that asks for the end is passed on to the ranks, which write a checkpoint. When a rank fails the others are
    asked to end, and killed after ``grace_s`` seconds. Ranks have sessions of their own, so that Ctrl-C reaches them
    once, through here; as every stage does, they ask the kernel for SIGTERM when this process is killed.

    Args:
        module: of the rank, which finds ``RANK`` and ``WORLD_SIZE`` in its environment.
        processes: number of ranks on this machine.
        root: folder that they run in.
        grace_s: seconds between asking and killing.

    Raises:
        BessemerError: of the kind that the first failed rank ended with.
    """
    port = _free_port()
    ranks = [_start(module, rank, processes, port, root) for rank in range(processes)]
    code = 1
    try:
        with interruptible() as interrupt:
            code = _wait(ranks, interrupt)
    finally:
        _end(ranks, grace_s, ask=code != TryAgain.exit_code)
    if code == 0:
        return
    for error in _ERRORS:
        if code == error.exit_code:
            raise error(f"a training process ended with exit code {code}; its reason is printed above.")
    raise RuntimeError(f"a training process ended with exit code {code}; its reason is printed above")


def _start(module: str, rank: int, processes: int, port: int, root: Path) -> subprocess.Popen[bytes]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    environment = os.environ | {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(max(1, cores // processes))),
    }
    return subprocess.Popen([sys.executable, "-m", module], cwd=root, env=environment, start_new_session=True)


def _wait(ranks: Sequence[subprocess.Popen[bytes]], interrupt: Interrupt) -> int:
    """Exit code of the first rank that failed, or 0 when all are done."""
    passed_on = False
    while True:
        codes = [rank.poll() for rank in ranks]
        failed = [code for code in codes if code]
        if failed:
            return failed[0]
        if all(code == 0 for code in codes):
            return 0
        if interrupt and not passed_on:
            passed_on = True
            for rank in ranks:
                rank.send_signal(signal.SIGTERM)
        time.sleep(_POLL_S)


def _end(ranks: Sequence[subprocess.Popen[bytes]], grace_s: float, ask: bool) -> None:
    """Ask the ranks that still run to end unless they are about to, and kill them after the grace time."""
    deadline = time.monotonic() + grace_s
    for rank in ranks:
        if ask and rank.poll() is None:
            rank.terminate()
    for rank in ranks:
        try:
            rank.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            rank.kill()
            rank.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
