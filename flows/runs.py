"""A run: its folder under ``.runs``, its facts in ``run.json``, and the lock that lets one go on at a time."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bessemer.errors import ConfigError, TryAgain
from flows.kept import keep_results
from flows.runner import StageResult, capture

RUNS = Path(".runs")
FACTS = "run.json"
_LOCK = ".dvc/tmp/bessemer.lock"


@dataclass
class Run:
    """One run of the line or of a part of it.

    ``run.json`` holds ``{"run", "started", "finished", "wall_s", "exit_code", "commit", "dirty", "stages": […]}``;
    each of ``stages`` is a :class:`flows.runner.StageResult`, in the order of the line. What a stage itself measured
    is beside it in ``<stage>.json``.
    """

    root: Path
    name: str
    started: float = field(default_factory=time.time)

    @classmethod
    def create(cls, root: Path) -> Run:
        """A new run with an empty folder, named by the time (UTC)."""
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        for attempt in range(1, 1000):
            run = cls(root, stamp if attempt == 1 else f"{stamp}-{attempt}")
            try:
                run.folder.mkdir(parents=True)
            except FileExistsError:
                continue
            return run
        raise TryAgain(f"{root / RUNS} has no free name for a run at {stamp}; try again.")

    @property
    def folder(self) -> Path:
        """``.runs/<run>``."""
        return self.root / RUNS / self.name

    def write(self, results: Sequence[StageResult], exit_code: int | None) -> None:
        """Write ``run.json``; an ``exit_code`` of None says that the run goes on."""
        now = time.time()
        commit, dirty = git_state(self.root)
        facts = {
            "run": self.name,
            "started": self.started,
            "finished": None if exit_code is None else now,
            "wall_s": round(now - self.started, 3),
            "exit_code": exit_code,
            "commit": commit,
            "dirty": dirty,
            "stages": [result.as_json() for result in results],
        }
        beside = self.folder / f".{FACTS}.{os.getpid()}"
        beside.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        beside.replace(self.folder / FACTS)
        if exit_code is not None:
            keep_results(self.root, self.folder, results)


def latest_run(root: Path) -> str:
    """Name of the newest run that has facts.

    Raises:
        ConfigError: there is none.
    """
    for path in runs_newest_first(root):
        return path.parent.name
    raise ConfigError(f"{root / RUNS} has no run yet; `bessemer run` makes one.")


def runs_newest_first(root: Path) -> list[Path]:
    """``run.json`` of every run that has one, the one that started last first."""
    return sorted((root / RUNS).glob(f"*/{FACTS}"), key=_started, reverse=True)


def read_facts(root: Path, name: str) -> dict[str, Any]:
    """``run.json`` of a run.

    Raises:
        ConfigError: there is no such run.
    """
    path = root / RUNS / name / FACTS
    try:
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise ConfigError(f"{path} is not there; `bessemer report` without a name takes the newest run.") from None
    return facts


@contextmanager
def checkout_lock(root: Path) -> Iterator[None]:
    """Hold the checkout for one run.

    Raises:
        TryAgain: another run of this checkout is going on; it is named.
    """
    path = root / _LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            holder = file.read().strip()
            raise TryAgain(
                f"another run of this checkout is going on ({holder or 'unknown process'}); wait for it or stop it."
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()}")
        file.flush()
        yield
        file.truncate(0)


def git_state(root: Path) -> tuple[str | None, bool | None]:
    """Commit of the checkout and whether tracked files differ from it; None and None outside of git."""
    status, commit = capture(["git", "rev-parse", "HEAD"], timeout_s=20, cwd=root)
    if status != 0:
        return None, None
    status, changed = capture(["git", "status", "--porcelain", "--untracked-files=no"], timeout_s=60, cwd=root)
    return commit.strip(), bool(changed.strip()) if status == 0 else None


def _started(path: Path) -> float:
    try:
        return float(json.loads(path.read_text(encoding="utf-8"))["started"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0
