"""Follow a running stage in Prefect: its log lines to the run's logger, its progress to a progress artifact."""

from __future__ import annotations

import contextlib
import logging
import time
from pathlib import Path
from typing import cast
from uuid import UUID

import httpx
from prefect.artifacts import create_progress_artifact, update_progress_artifact

from flows.display import ProgressFile, Step, describe

EVERY_S = 2.0
"""Seconds between two looks: the server keeps every log record and every state of an artifact."""

MOST_CHARACTERS = 20_000
"""Of one log record; what a chatty stage wrote beyond it is in its log file."""

HINTS = frozenset(
    {
        "To track the changes with git, run:",
        "git add dvc.lock",
        "To enable auto staging, run:",
        "dvc config core.autostage true",
        "Use `dvc push` to send your updates to remote storage.",
    }
)
"""Advice that DVC repeats after every stage; it stays in the log file."""

UNREACHABLE = (httpx.HTTPError, RuntimeError)
"""What Prefect's client raises when its server does not answer, or not as it should."""

LoggerLike = logging.Logger | logging.LoggerAdapter[logging.Logger]


class Follower:
    """Reads what was added to a stage's log and progress since the last look."""

    def __init__(self, run_folder: Path, stage: str, logger: LoggerLike) -> None:
        self._log = run_folder / f"{stage}.log"
        self._progress = ProgressFile(run_folder / f"{stage}.progress.jsonl")
        self._logger = logger
        self._offset = 0
        self._looked = 0.0
        self._artifacts: dict[str, UUID] = {}

    def tick(self) -> None:
        """Look, unless it was done a moment ago."""
        if time.monotonic() - self._looked >= EVERY_S:
            self._look()

    def close(self) -> None:
        """Look a last time."""
        self._look()

    def _look(self) -> None:
        self._looked = time.monotonic()
        text = self._added()
        if text:
            self._logger.info(text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}\n… see {self._log}")
        for step in self._progress.added():
            if step.total > 0:
                # A server that is away for a while must not cost a training run.
                with contextlib.suppress(*UNREACHABLE):
                    self._show(step)

    def _show(self, step: Step) -> None:
        percent = min(100.0, 100.0 * step.done / step.total)
        known = self._artifacts.get(step.label)
        if known is None:
            self._artifacts[step.label] = cast(UUID, create_progress_artifact(percent, description=describe(step)))
        else:
            update_progress_artifact(known, percent, description=describe(step))

    def _added(self) -> str:
        try:
            with self._log.open("rb") as file:
                file.seek(self._offset)
                added = file.read()
        except OSError:
            return ""
        whole, newline, _ = added.rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        lines = whole.decode(errors="replace").splitlines()
        return "\n".join(line for line in lines if line.strip() and line.strip() not in HINTS)
