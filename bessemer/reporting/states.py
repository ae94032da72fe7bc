"""A stage in a run: its state in the words and colours of the page, its report and its record."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bessemer.reporting.history import read_json
from bessemer.reporting.kept import report_of_run
from bessemer.reporting.report import StageReport

_TONES = {
    "ran": ("good", "ran"),
    "cached": ("kept", "up to date"),
    "restored": ("kept", "restored"),
    "failed": ("bad", "failed"),
    "gate_failed": ("bad", "gate failed"),
    "timed_out": ("bad", "timed out"),
    "cancelled": ("warn", "cancelled"),
    "skipped": ("idle", "skipped"),
}
_HAS_RESULT = frozenset({"ran", "cached", "restored", "gate_failed"})


@dataclass(frozen=True)
class StageState:
    """What became of one stage in a run.

    Attributes:
        name: of the stage.
        state: ran, cached, restored, failed, gate_failed, timed_out, cancelled or skipped; others are shown as is.
        why: one sentence: the change that made it run, or what went wrong.
        wall_s: seconds that it took in this run; None when it took none.
    """

    name: str
    state: str
    why: str = ""
    wall_s: float | None = None


@dataclass(frozen=True)
class JoinedStage:
    """A stage with all that is known of it: its report if this run vouches for it, and its record if it ran."""

    state: StageState
    report: StageReport | None
    record: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Name of the stage."""
        return self.state.name

    @property
    def tone(self) -> str:
        """CSS class of the state."""
        return _TONES.get(self.state.state, ("idle", ""))[0]

    @property
    def word(self) -> str:
        """The state as people say it."""
        return _TONES.get(self.state.state, ("", self.state.state.replace("_", " ")))[1]

    @property
    def seconds(self) -> float | None:
        """Time that its work took in this run; None where it did none."""
        if self.state.state in ("cached", "skipped"):
            return None
        taken = self.state.wall_s if self.state.wall_s is not None else self.record.get("wall_s")
        return float(taken) if taken and math.isfinite(taken) else None

    @property
    def link(self) -> str:
        """Its page, beside the page of the run."""
        return f"{self.name}.html" if self.report is not None else ""


def join(root: Path, run: str, state: StageState) -> JoinedStage:
    """Look up what the stage left: its report where its state says that the run has one, and its record."""
    report = report_of_run(root, run, state.name) if state.state in _HAS_RESULT else None
    return JoinedStage(state, report, read_json(root / ".runs" / run / f"{state.name}.json"))
