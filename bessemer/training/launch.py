"""Start the training processes of one machine, and end all of them when one ends badly.

On several machines use ``torchrun`` or ``accelerate launch`` with ``-m stages.pretrain``: a rank started by them
notices, and joins.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bessemer.errors import BessemerError, ConfigError, DataError, GateFailed, TryAgain
from bessemer.stage import RECORD_ENVIRONMENT, RunRecord
from bessemer.training.interrupt import STOPPING, Interrupt, interruptible

_KINDS: dict[int, type[BessemerError]] = {
    kind.exit_code: kind for kind in (ConfigError, GateFailed, DataError, TryAgain)
}
_POLL_S = 0.1
_FAREWELL_S = 10.0
"""Seconds that ranks have to end in by themselves when one has failed."""


def launch(module: str, processes: int, *, root: Path, grace_s: float, record: RunRecord | None = None) -> None:
    """Run ``python -m module`` as ranks 0 to ``processes - 1`` and wait for all.

    A signal that asks for the end is passed on to the ranks, which write a checkpoint. When a rank fails the others are
    asked to end, and killed after ``grace_s`` seconds. Ranks have sessions of their own, so that Ctrl-C reaches them
    once, through here; as every stage does, they ask the kernel for SIGTERM when this process is killed.

    Args:
        module: of the rank, which finds ``RANK`` and ``WORLD_SIZE`` in its environment.
        processes: number of ranks on this machine.
        root: folder that they run in.
        grace_s: seconds between asking and killing.
        record: takes over what rank 0 notes, whether it succeeds or not.

    Raises:
        BessemerError: of the kind, and with the sentence, that the first failed rank ended with.
    """
    port = _free_port()
    ranks: list[subprocess.Popen[bytes]] = []
    with tempfile.TemporaryDirectory(prefix="bessemer-") as folder:
        records = [Path(folder) / f"rank-{rank}.json" for rank in range(processes)]
        with interruptible() as interrupt:
            try:
                for rank, path in enumerate(records):
                    ranks.append(_start(module, rank, processes, port, root, path))
                failed = _wait(ranks, interrupt)
            finally:
                _end(ranks, grace_s)
        facts = [_read(path) for path in records]
    if record is not None:
        record.take_over(facts[0])
    if failed is not None:
        raise _failure(failed, ranks[failed].returncode, facts[failed])


def run_and_kill(
    command: Sequence[str],
    ranks: int,
    *,
    root: Path,
    when: Callable[[], bool],
    timeout_s: float,
) -> list[int]:
    """Run ``python -m command...`` as a single process, or as so many ranks, and SIGKILL all of them ``when`` asked to.

    It is how a resume is proved: nothing of the processes gets to say goodbye.

    Args:
        command: a module and its arguments.
        ranks: their number; 0 for a single process that is none.
        root: folder that they run in.
        when: asked about a hundred times a second; once true, every process is killed.
        timeout_s: seconds after which they are killed in any case; after a failure the others have ten.

    Returns:
        The exit code of each: minus 9 if it was killed.
    """
    port, deadline = _free_port(), time.monotonic() + timeout_s
    started: list[subprocess.Popen[bytes]] = []
    with tempfile.TemporaryDirectory(prefix="bessemer-") as folder:
        try:
            for rank in range(max(1, ranks)):
                environment = os.environ | (_of_rank(rank, ranks, port, Path(folder)) if ranks else {})
                started.append(
                    subprocess.Popen(
                        [sys.executable, "-m", *command], cwd=root, env=environment, start_new_session=True
                    )
                )
            while any(one.poll() is None for one in started) and time.monotonic() < deadline and not when():
                if any(one.poll() for one in started):
                    deadline = min(deadline, time.monotonic() + _FAREWELL_S)
                time.sleep(_POLL_S / 10)
        finally:
            for one in started:
                one.kill()
    return [one.wait() for one in started]


def _start(module: str, rank: int, processes: int, port: int, root: Path, record: Path) -> subprocess.Popen[bytes]:
    environment = os.environ | _of_rank(rank, processes, port, record)
    return subprocess.Popen([sys.executable, "-m", module], cwd=root, env=environment, start_new_session=True)


def _of_rank(rank: int, processes: int, port: int, record: Path) -> dict[str, str]:
    """What a rank finds in its environment."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        RECORD_ENVIRONMENT: str(record),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(max(1, cores // processes))),
    }


def _wait(ranks: Sequence[subprocess.Popen[bytes]], interrupt: Interrupt) -> int | None:
    """The rank that failed first, or None when all are done."""
    passed_on = False
    while True:
        codes = [rank.poll() for rank in ranks]
        failed = [rank for rank, code in enumerate(codes) if code]
        if failed:
            return min(failed, key=lambda rank: _remoteness(codes[rank] or 0))
        if all(code == 0 for code in codes):
            return None
        if interrupt and not passed_on:
            passed_on = True
            for rank in ranks:
                rank.send_signal(signal.SIGTERM)
        time.sleep(_POLL_S)


def _remoteness(code: int) -> int:
    """How likely a rank's exit code is only what another rank's end led to, for ranks that ended at the same time."""
    if code in _KINDS:
        return 0 if code != TryAgain.exit_code else 1
    return 2 if code < 0 else 3


def _failure(rank: int, code: int, facts: dict[str, Any]) -> BessemerError:
    """What to raise for a rank that ended with ``code`` and left the record ``facts``, empty if it could not."""
    if code < 0:
        name = signal.Signals(-code).name
        if -code in STOPPING:
            return TryAgain(f"stopped by {name}; the same command continues.")
        often = ", often because memory ran out: lower distributed.micro_batch" if -code == signal.SIGKILL else ""
        return BessemerError(f"training process {rank} was ended by {name}{often}.")
    kind = _KINDS.get(code, BessemerError)
    return kind(facts.get("error") or f"training process {rank} ended with exit code {code}; its reason is above.")


def _read(path: Path) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts


def _end(ranks: Sequence[subprocess.Popen[bytes]], grace_s: float) -> None:
    """Ask the ranks that still run to end, and kill them after the grace time."""
    deadline = time.monotonic() + grace_s
    for rank in ranks:
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
