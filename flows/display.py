"""What a person sees while a line runs: one row per stage in a terminal, one line per event elsewhere."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from flows.runner import Outcome, StageResult

QUIET_S = 15.0
"""Seconds between two progress lines of a stage when there is no terminal."""

MARKS = {
    Outcome.RAN: ("✓", "green"),
    Outcome.CACHED: ("=", "dim"),
    Outcome.RESTORED: ("↺", "cyan"),
    Outcome.FAILED: ("✗", "bold red"),
    Outcome.GATE_FAILED: ("✗", "bold red"),
    Outcome.TIMED_OUT: ("✗", "bold red"),
    Outcome.CANCELLED: ("■", "yellow"),
    Outcome.SKIPPED: ("–", "dim"),
}


@dataclass(frozen=True)
class Step:
    """The last line of a stage's progress file (see bessemer.progress)."""

    label: str
    done: int
    total: int
    unit: str
    elapsed_s: float
    note: str

    @property
    def left_s(self) -> float | None:
        """Seconds left at the average pace so far; None when nothing is done or all of it."""
        if self.done <= 0 or self.total <= self.done:
            return None
        return self.elapsed_s / self.done * (self.total - self.done)


class ProgressFile:
    """Follows a progress file; only what was added since the last look is read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._step: Step | None = None

    def added(self) -> list[Step]:
        """The steps since the last look, the newest of each label, in the order in which the labels came."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                added = file.read()
        except OSError:
            return []
        whole, newline, _ = added.rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        steps = {step.label: step for line in whole.splitlines() if (step := _parse(line)) is not None}
        if steps:
            self._step = list(steps.values())[-1]
        return list(steps.values())

    def look(self) -> Step | None:
        """The newest step, or None before the first."""
        self.added()
        return self._step


class Display:
    """Draws a run while it goes on; a context manager. It may be told things from several threads."""

    def __init__(self, stages: Sequence[str], run_folder: Path, console: Console) -> None:
        self._stages = list(stages)
        self._folder = run_folder
        self._console = console
        self._results: dict[str, StageResult] = {}
        self._started: dict[str, float] = {}
        self._files: dict[str, ProgressFile] = {}
        self._printed: dict[str, float] = {}
        self._spinner = Spinner("dots", style="bold")
        self._lock = threading.Lock()
        live = console.is_terminal and not console.is_dumb_terminal
        self._live = Live(get_renderable=self._draw, console=console, refresh_per_second=5) if live else None

    def __enter__(self) -> Display:
        if self._live is not None:
            self._live.start(refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def started(self, stage: str) -> None:
        """Show a stage as running."""
        with self._lock:
            self._started[stage] = self._printed[stage] = time.monotonic()
            self._files[stage] = ProgressFile(self._folder / f"{stage}.progress.jsonl")
        self._say(f"{stage}: started")

    def tick(self, stage: str) -> None:
        """Without a terminal, now and then say how far a stage is."""
        if self._live is None and time.monotonic() - self._printed[stage] >= QUIET_S:
            self._printed[stage] = time.monotonic()
            step = self._files[stage].look()
            if step is not None:
                self._say(f"{stage}: {describe(step)}")

    def finished(self, result: StageResult) -> None:
        """Show what became of a stage."""
        with self._lock:
            self._results[result.stage] = result
        words = f"{result.stage}: {describe_result(result)}"
        self._say(f"{words}: {result.message}" if result.message else words)

    def _say(self, text: str) -> None:
        if self._live is None:
            self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def _draw(self) -> RenderableType:
        table = Table.grid(padding=(0, 1))
        table.add_column(width=1)
        table.add_column(min_width=max(map(len, self._stages), default=0))
        table.add_column(width=24)
        table.add_column(overflow="ellipsis", no_wrap=True)
        with self._lock:
            for stage in self._stages:
                table.add_row(*self._row(stage))
        return Group(table)

    def _row(self, stage: str) -> tuple[RenderableType, RenderableType, RenderableType, RenderableType]:
        result = self._results.get(stage)
        if result is not None:
            mark, style = MARKS[result.outcome]
            return (
                Text(mark, style),
                Text(stage, style if not result.outcome.succeeded else ""),
                Text(describe_result(result), style),
                Text(result.message, "dim" if result.outcome is Outcome.SKIPPED else ""),
            )
        if stage not in self._started:
            return Text("·", "dim"), Text(stage, "dim"), Text("waiting", "dim"), Text("")
        step = self._files[stage].look()
        if step is None or step.total <= 0:
            seconds = time.monotonic() - self._started[stage]
            return self._spinner, Text(stage, "bold"), Text(f"running {clock(seconds)}"), Text("")
        bar = ProgressBar(total=step.total, completed=min(step.done, step.total), width=24)
        return self._spinner, Text(stage, "bold"), bar, Text(describe(step))


def describe(step: Step) -> str:
    """``read: 512 of 2,048 documents, 0:42 left · note``."""
    parts = [f"{step.label}: {step.done:,} of {step.total:,} {step.unit}"]
    if step.left_s is not None:
        parts.append(f", {clock(step.left_s)} left")
    if step.note:
        parts.append(f" · {step.note}")
    return "".join(parts)


def describe_result(result: StageResult) -> str:
    """``ran in 0:12``, ``cached``, ``gate failed`` …"""
    words = result.outcome.value.replace("_", " ")
    return f"{words} in {clock(result.seconds)}" if result.outcome is Outcome.RAN else words


def clock(seconds: float) -> str:
    """Seconds as ``m:ss`` or ``h:mm:ss``; below ten seconds with one decimal (``3.4 s``)."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _parse(line: bytes) -> Step | None:
    try:
        fields: dict[str, Any] = json.loads(line)
        return Step(
            str(fields["label"]),
            int(fields["done"]),
            int(fields["total"]),
            str(fields["unit"]),
            float(fields["elapsed_s"]),
            str(fields.get("note", "")),
        )
    except (ValueError, KeyError, TypeError):
        return None
