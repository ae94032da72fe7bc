"""How a run is doing, read from the files that it leaves in its folder. Nothing here needs torch.

The folder may be that of a run that goes on, has ended, or was killed; on this machine or on a shared disk.
"""

import json
import math
import os
import socket
import time
from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from bessemer.training.logs import COMPUTING, EXECUTION, METRICS, SAMPLES, Tail

SPIKE_NATS = 0.5
"""A loss this far above the median of the steps before, and six times as far as they are from it, is a spike."""
_SPIKE_DEVIATIONS, _WINDOW = 6.0, 64
_STALL_S, _STALL_INTERVALS = 60.0, 10.0
_MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Alert:
    """Something to look at: the step, and what it is in a sentence."""

    step: int
    text: str


@dataclass(frozen=True)
class Kept:
    """A committed checkpoint: step, bytes, and when it was committed (seconds since the epoch)."""

    step: int
    bytes: int
    time: float


@dataclass
class VitalSigns:
    """What is known of a run; :meth:`look` brings it up to date.

    Attributes:
        folder: of the run.
        rows: lines of ``metrics.jsonl``.
        start: line of the newest attempt's start, empty before it.
        speed: newest line of kind ``speed``, empty before it.
        peak: line of the measured or stated peak, empty before it.
        attempts: starts so far.
        end: how the newest attempt ended, empty while it goes on.
        samples: texts of the newest lot.
    """

    folder: Path
    rows: list[dict[str, Any]] = field(default_factory=list)
    start: dict[str, Any] = field(default_factory=dict)
    speed: dict[str, Any] = field(default_factory=dict)
    peak: dict[str, Any] = field(default_factory=dict)
    attempts: int = 0
    end: str = ""
    samples: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._tails = {name: Tail(self.folder / name) for name in (METRICS, EXECUTION, SAMPLES)}
        self._happened: list[dict[str, Any]] = []

    def look(self) -> None:
        """Read what was added since the last look."""
        again, rows = self._tails[METRICS].added()
        self.rows = rows if again else self.rows + rows
        again, rows = self._tails[EXECUTION].added()
        self._happened = rows if again else self._happened + rows
        for row in rows:
            kind = row.get("kind")
            if kind == "start":
                self.start, self.end, self.speed = row, "", {}
                self.attempts += 1
            elif kind == "speed":
                self.speed = row
            elif kind == "peak":
                self.peak = row
            elif kind == "end":
                self.end = str(row.get("how", ""))
        _, texts = self._tails[SAMPLES].added()
        if texts:
            self.samples = [text for text in texts if text["step"] == texts[-1]["step"]]

    @property
    def step(self) -> int:
        """The last step that was made."""
        return int(self.rows[-1]["step"]) if self.rows else 0

    @property
    def steps(self) -> int:
        """Steps of the whole run; 0 before its first start."""
        return int(self.start.get("steps", 0))

    @property
    def last_sign(self) -> float | None:
        """When the run last wrote a line, seconds since the epoch."""
        times = []
        for name in (METRICS, EXECUTION):
            path = self.folder / name
            if path.exists():
                times.append(path.stat().st_mtime)
        return max(times, default=None)

    def state(self, now: float | None = None) -> str:
        """``waiting``, ``running``, ``stalled``, ``killed``, ``done``, or ``ended``."""
        if not self.start:
            return "waiting"
        if self.end:
            return "done" if self.end == "done" else "ended"
        if self.start.get("host") == socket.gethostname() and not _alive(int(self.start.get("pid", 0))):
            return "killed"
        silent = (time.time() if now is None else now) - (self.last_sign or 0.0)
        return "stalled" if silent > self._patience() else "running"

    def curve(self, name: str) -> list[tuple[float, float]]:
        """Step and value of every line that has a finite one."""
        return [(row["step"], row[name]) for row in self.rows if row.get(name) is not None and math.isfinite(row[name])]

    def seconds_left(self) -> float | None:
        """At the speed of the last minutes, evaluation and checkpoints included; None before it is known."""
        recent = [row for row in self._happened if row.get("kind") in ("start", "speed")][-120:]
        while recent and any(row["kind"] == "start" for row in recent[1:]):
            recent.pop(0)
        if len(recent) < 2 or recent[-1]["time"] <= recent[0]["time"]:
            return None
        steps = sum(int(row.get("steps", 0)) for row in recent[1:])
        passed = float(recent[-1]["time"] - recent[0]["time"])
        return passed / max(1, steps) * max(0, self.steps - self.step)

    def seconds(self) -> dict[str, float]:
        """Seconds of each phase over all attempts, ``repeated`` being steps that were made again, and the rest.

        Their sum is the time in which a trainer was there; what is not in COMPUTING is what goodput lacks.
        """
        spent: dict[str, float] = {}
        for row, counted in self._counted():
            for phase, value in row["seconds"].items():
                spent[phase] = spent.get(phase, 0.0) + value * counted
                spent["repeated"] = spent.get("repeated", 0.0) + value * (1 - counted)
        present = self._present()
        return spent | {"unseen": max(0.0, present - sum(spent.values()))} if spent else {}

    def goodput(self) -> float | None:
        """Share of the time with a trainer that went into forward, backward and optimizer of steps that counted."""
        seconds = self.seconds()
        total = sum(seconds.values())
        return sum(seconds.get(phase, 0.0) for phase in COMPUTING) / total if total else None

    def checkpoints(self) -> list[Kept]:
        """The committed checkpoints, oldest first."""
        found = []
        for path in sorted(self.folder.glob(f"step-*/{_MANIFEST}")):
            try:
                manifest = json.loads(path.read_text(encoding="utf-8"))
                size = sum(file["bytes"] for file in manifest["files"].values())
                found.append(Kept(int(manifest["step"]), size, path.stat().st_mtime))
            except (OSError, ValueError, KeyError):
                continue  # it was retired while being read
        return found

    def alerts(self, now: float | None = None) -> list[Alert]:
        """Steps that were passed over, spikes of the loss, and a run that is not moving, oldest first."""
        found: list[Alert] = []
        before: deque[float] = deque(maxlen=_WINDOW)
        for row in self.rows:
            loss, norm = row["loss"], row["grad_norm"]
            if not (math.isfinite(loss) and math.isfinite(norm)):
                found.append(Alert(row["step"], f"not finite: loss {loss:g}, gradient norm {norm:g}"))
                continue
            if not row["applied"]:
                found.append(Alert(row["step"], f"passed over: loss {loss:.3f}, gradient norm {norm:.3g}"))
                continue
            if len(before) >= _WINDOW // 4:
                middle = median(before)
                spread = median(abs(value - middle) for value in before)
                if loss - middle > max(SPIKE_NATS, _SPIKE_DEVIATIONS * spread):
                    found.append(Alert(row["step"], f"spike: loss {loss:.3f} after a median of {middle:.3f}"))
            before.append(loss)
        state = self.state(now)
        if state in ("stalled", "killed"):
            silent = (time.time() if now is None else now) - (self.last_sign or 0.0)
            what = "no line" if state == "stalled" else "its process is gone; no line"
            found.append(Alert(self.step, f"{state}: {what} for {silent:,.0f} s after step {self.step}"))
        return found

    def _patience(self) -> float:
        times = [row["time"] for row in self._happened if row.get("kind") in ("start", "speed", "peak")][-50:]
        between = [later - earlier for earlier, later in pairwise(times)]
        return max(_STALL_S, _STALL_INTERVALS * median(between)) if between else 5 * _STALL_S

    def _counted(self) -> list[tuple[dict[str, Any], float]]:
        """Every line of speed, with the share of its steps that no later attempt made again."""
        found: list[tuple[dict[str, Any], float]] = []
        frontier = math.inf
        for row in reversed(self._happened):
            if row.get("kind") == "speed":
                first = row["step"] - row["steps"]
                counted = min(row["step"], frontier) - first
                found.append((row, min(1.0, max(0.0, counted / max(1, row["steps"])))))
            elif row.get("kind") in ("start", "back"):
                frontier = min(frontier, row.get("resumed_after_step", row.get("step", 0)))
        return found[::-1]

    def _present(self) -> float:
        """Seconds between each start and the last line of its attempt."""
        total, last = 0.0, 0.0
        began: float | None = None
        for row in self._happened:
            if row.get("kind") == "start":
                total += last - began if began is not None else 0.0
                began = row["time"]
            last = row["time"]
        return total + (last - began if began is not None else 0.0)


def newest_run(scratch: Path) -> Path | None:
    """The run in ``scratch`` that wrote last, None without any."""
    found = [path.parent for name in (EXECUTION, METRICS) for path in scratch.glob(f"*/{name}")]
    return max(found, key=lambda folder: max(item.stat().st_mtime for item in folder.glob("*.jsonl")), default=None)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
