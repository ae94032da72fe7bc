"""One stage as a process group that can be ended: ``dvc --wait-for-lock repro --single-item <stage>``.

``--wait-for-lock`` matters: without it a stage that has finished is lost when another DVC process is hashing for more
than three seconds. DVC answers every failure with 255, so what happened is read from its two lines about skipping and
from the run record that the stage itself leaves.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import psutil

from bessemer.config.runtime import WORKERS_ENVIRONMENT
from flows.attached import PARENT

POLL_S = 0.1
"""Seconds between two looks at a running stage."""

UNCHANGED = "didn't change, skipping"
RESTORED = "is cached - skipping run, checking out outputs"
BUSY = ("Unable to acquire lock", "it is being blocked by")
"""What DVC prints (3.67); a test holds them against the installed version."""

_EXIT_STATUS = re.compile(r"exited with (-?\d+)")


class Outcome(StrEnum):
    """What became of a stage in a run."""

    RAN = "ran"
    CACHED = "cached"  # nothing that it depends on has changed
    RESTORED = "restored"  # it has been run with these inputs before; outputs came from DVC's run cache
    FAILED = "failed"
    GATE_FAILED = "gate_failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"  # ended because the run was asked to stop
    SKIPPED = "skipped"  # something that it depends on did not succeed

    @property
    def succeeded(self) -> bool:
        """Whether what depends on the stage may run."""
        return self in (Outcome.RAN, Outcome.CACHED, Outcome.RESTORED)


@dataclass(frozen=True)
class StageResult:
    """How one stage of a run ended; ``exit_code`` is the stage's own (see bessemer.errors), not DVC's."""

    stage: str
    outcome: Outcome
    exit_code: int = 0
    seconds: float = 0.0
    message: str = ""
    log: str = ""

    def as_json(self) -> dict[str, Any]:
        """The result with plain values, as it is written to run.json."""
        return {**self.__dict__, "outcome": self.outcome.value, "seconds": round(self.seconds, 3)}


@dataclass(frozen=True)
class Limits:
    """What a stage may use.

    Attributes:
        grace_s: seconds between asking it to stop and ending it.
        deadline_s: seconds after its start at which it is ended; None: never.
        workers: its share of ``runtime.workers``; None: all of them.
    """

    grace_s: float
    deadline_s: float | None = None
    workers: int | None = None


def run_stage(
    name: str,
    *,
    root: Path,
    run_folder: Path,
    limits: Limits,
    stop: threading.Event,
    force: bool = False,
    tick: Callable[[], None] = lambda: None,
) -> StageResult:
    """Run one stage and wait for it. It is ended by ``stop``, at its deadline, or when this call is interrupted.

    Args:
        name: a stage of dvc.yaml.
        root: the checkout.
        run_folder: ``.runs/<run>``; the log, the progress file and the stage's record are written there.
        limits: deadline, grace and workers.
        stop: set by others to end the stage.
        force: run it also if nothing has changed.
        tick: called about ten times a second while the stage runs.
    """
    log = run_folder / f"{name}.log"
    record = run_folder / f"{name}.json"
    record.unlink(missing_ok=True)
    command = [sys.executable, "-m", "flows.attached", "dvc", "--wait-for-lock", "repro", "--single-item", name]
    command += ["--force"] if force else []
    started = time.monotonic()
    ended_by: Outcome | None = None
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=root,
            env=stage_environment(name, run_folder, limits.workers),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while process.poll() is None:
                if stop.is_set():
                    ended_by = Outcome.CANCELLED
                elif limits.deadline_s is not None and time.monotonic() - started > limits.deadline_s:
                    ended_by = Outcome.TIMED_OUT
                if ended_by is not None:
                    break
                tick()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(POLL_S)
        finally:
            end_group(process, limits.grace_s)
    seconds = time.monotonic() - started
    relative = log.relative_to(root) if log.is_relative_to(root) else log
    outcome, code, message = _judge(name, process.returncode, ended_by, log, _read_record(record))
    return StageResult(name, outcome, code, seconds, message, relative.as_posix())


def stage_environment(name: str, run_folder: Path, workers: int | None = None) -> dict[str, str]:
    """Environment of a stage: this interpreter's folder first on PATH, its share, where to leave its facts."""
    environment = dict(os.environ)
    if workers is not None:
        environment[WORKERS_ENVIRONMENT] = str(workers)
    binaries = str(Path(sys.executable).parent)
    environment["PATH"] = os.pathsep.join([binaries, environment.get("PATH", os.defpath)])
    environment["BESSEMER_RUN"] = run_folder.name
    environment["BESSEMER_PROGRESS"] = str((run_folder / f"{name}.progress.jsonl").resolve())
    environment[PARENT] = str(os.getpid())
    environment["PYTHONUNBUFFERED"] = "1"
    environment["DVC_NO_ANALYTICS"] = "1"
    # bash and sh replace themselves by a single plain command, so that signals reach the stage and not a shell.
    environment["SHELL"] = shutil.which("bash") or "/bin/sh"
    return environment


def end_group(process: subprocess.Popen[bytes], grace_s: float) -> None:
    """End a process, its group and all descendants: SIGTERM, after ``grace_s`` SIGKILL. Returns when all are gone."""
    family = _family(process)
    if family:
        _signal_group(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while family and time.monotonic() < deadline:
        # Only ``process`` may wait for the leader: whoever else does takes its exit status away, and 0 is what is left.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(POLL_S)
        family = [member for member in family if _is_alive(member)]
        if family and process.returncode is not None:
            time.sleep(POLL_S)
    _signal_group(process.pid, signal.SIGKILL)
    for member in family:
        with contextlib.suppress(psutil.Error):
            member.kill()
    process.wait()
    while any(_is_alive(member) for member in family):
        time.sleep(POLL_S / 10)


def capture(command: Sequence[str], *, timeout_s: float, cwd: Path | None = None) -> tuple[int, str]:
    """Status and output (stdout and stderr) of a short command; status 127 when it is missing, 124 when too slow."""
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            text=True,
            errors="replace",
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 124, f"no answer within {timeout_s:g} s"
    except OSError as error:
        return 127, str(error)
    return done.returncode, done.stdout


def hand_over(command: Sequence[str], *, cwd: Path) -> int:
    """Status of a command that has this process's terminal; when this call is interrupted, all that it started ends."""
    process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        return process.wait()
    finally:
        end_group(process, POLL_S)


@contextmanager
def service(command: Sequence[str], *, log: Path, stop_s: float) -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs while a ``with`` block does, with all that it starts; its output goes to ``log``."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield process
    finally:
        end_group(process, stop_s)


def _family(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The process's descendants, also those that have made sessions of their own (torchrun's workers)."""
    try:
        leader = psutil.Process(process.pid)
        return [leader, *leader.children(recursive=True)] if process.poll() is None else _group_members(process.pid)
    except psutil.NoSuchProcess:
        return _group_members(process.pid)


def _group_members(group: int) -> list[psutil.Process]:
    members = []
    for member in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(member.pid) == group:
                members.append(member)
    return members


def _is_alive(member: psutil.Process) -> bool:
    try:
        return bool(member.is_running() and member.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _read_record(path: Path) -> Mapping[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _judge(
    name: str, status: int, ended_by: Outcome | None, log: Path, record: Mapping[str, Any]
) -> tuple[Outcome, int, str]:
    """Outcome, exit class and one sentence, from DVC's status and lines and from the stage's own record."""
    text = log.read_text(encoding="utf-8", errors="replace")
    if status == 0:
        unchanged, restored = f"Stage '{name}' {UNCHANGED}" in text, f"Stage '{name}' {RESTORED}" in text
        return Outcome.CACHED if unchanged else Outcome.RESTORED if restored else Outcome.RAN, 0, ""
    if ended_by is Outcome.CANCELLED:
        return ended_by, 75, f"{name} was stopped; the same command continues it."
    if ended_by is Outcome.TIMED_OUT:
        return ended_by, 1, f"{name} was ended at its deadline (runtime.deadlines_s.{name})."
    if not record and any(line in text for line in BUSY):
        return Outcome.FAILED, 75, f"{name}: another DVC process holds its files; try again when it has ended."
    return _judge_failure(name, status, log, text, record)


def _judge_failure(name: str, status: int, log: Path, text: str, record: Mapping[str, Any]) -> tuple[Outcome, int, str]:
    code = record.get("exit_code")
    if not isinstance(code, int) or code == 0:
        found = _EXIT_STATUS.findall(text)
        code = int(found[-1]) if found else min(status, 1)
    if code < 0 or code > 128:
        number = -code if code < 0 else code - 128
        if number in (signal.SIGTERM, signal.SIGINT):
            return Outcome.FAILED, 75, f"{name} was stopped by signal {number}; the same command continues it."
        return Outcome.FAILED, 1, f"{name} was ended by signal {number} (9 is often: out of memory)."
    message = _last_words(text) or str(record.get("error") or f"see {log.name}")
    return (Outcome.GATE_FAILED if code == 3 else Outcome.FAILED), code, message.removeprefix(f"{name}: ")


def _last_words(text: str) -> str:
    """The line that explains: what the stage said last under its own name, else before DVC spoke, else DVC's error."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    own = [line.removeprefix("bessemer: ") for line in lines if line.startswith("bessemer: ")]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    if own:
        return own[-1]
    if errors and _EXIT_STATUS.search(errors[-1]):
        before = lines[: lines.index(f"ERROR: {errors[-1]}")]
        return before[-1] if before and not before[-1].startswith("> ") else errors[-1]
    return (errors or lines or [""])[-1]
