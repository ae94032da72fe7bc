"""What happens in this attempt at a run, as JSON lines: its start, speeds about once a second, its end.

A line of kind ``speed`` sums up the steps since the one before: tokens a second of training (without evaluation and
checkpoints), MFU by both conventions (see :class:`bessemer.model.presets.Flops`), most memory so far in MB, and the
seconds of each phase (see :mod:`bessemer.training.phases`), all of rank 0.
"""

import os
import resource
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from bessemer.training.logs import EXECUTION, TRAINING, write_line
from bessemer.training.peak import Peak, peak_of
from bessemer.training.phases import Phases
from bessemer.training.trackers import Boards

INTERVAL_S = 1.0
PEAK_AFTER_S, PEAK_BUDGET_S = 10.0, 2.0
"""Runs that are shorter are not held up by measuring a peak; others for two seconds at most, once."""


@dataclass(frozen=True)
class Work:
    """What a run computes: operations of a token by both conventions, tokens of a step, and who computes.

    Attributes:
        flops_palm: see :class:`bessemer.model.presets.Flops`.
        flops_causal: likewise.
        batch_tokens: of one step, over all processes.
        world: number of processes.
        precision: of the matrix products.
    """

    flops_palm: int
    flops_causal: int
    batch_tokens: int
    world: int
    precision: str


class ExecutionLog:
    """The file, kept by rank 0."""

    def __init__(
        self, directory: Path, work: Work, phases: Phases, device: torch.device, facts: Mapping[str, Any]
    ) -> None:
        """Add the line of this start; ``facts`` are what was resolved for it."""
        self._file = (directory / EXECUTION).open("a", encoding="utf-8")
        self._work, self._phases, self._device = work, phases, device
        self._peak: Peak | None = None
        self._began = self._last = time.monotonic()
        self._steps = 0
        self._step = int(facts.get("resumed_after_step", 0))
        self._spent = phases.seconds()
        self._write("start", pid=os.getpid(), host=socket.gethostname(), **facts)

    def step(self, step: int, boards: Boards) -> None:
        """Count step ``step`` as done, and write a line if the last one is long enough ago."""
        self._steps, self._step = self._steps + 1, step
        if time.monotonic() - self._last < INTERVAL_S:
            return
        self._measure_peak()
        values = self._speed()
        boards.log(
            {name: value for name, value in values.items() if name != "seconds"}
            | {f"seconds/{name}": value for name, value in values["seconds"].items()},
            step,
        )

    def go_back(self, step: int) -> None:
        """Note that the run goes on from ``step`` once more."""
        if self._steps:
            self._speed()
        self._write("back", step=step)

    def close(self, how: str) -> None:
        """Write the last speeds, and in a word or sentence how it ended."""
        if self._steps:
            self._speed()
        self._write("end", step=self._step, how=how)
        self._file.close()

    def _speed(self) -> dict[str, Any]:
        spent = self._phases.seconds()
        seconds = {name: round(value - self._spent[name], 4) for name, value in spent.items()}
        training = sum(seconds[phase] for phase in TRAINING)
        tokens = self._steps * self._work.batch_tokens
        rate = tokens / training if training > 0 else None
        values: dict[str, Any] = {
            "step": self._step,
            "steps": self._steps,
            "tokens_per_second": None if rate is None else round(rate, 1),
            **self._mfu(rate),
            "memory_mb": round(peak_memory(self._device) / 1e6, 1),
            "seconds": {name: value for name, value in seconds.items() if value > 0},
        }
        self._write("speed", **values)
        self._last, self._steps, self._spent = time.monotonic(), 0, spent
        return values

    def _mfu(self, rate: float | None) -> dict[str, float]:
        if self._peak is None or rate is None:
            return {}
        whole = self._peak.flops * self._work.world
        return {
            "mfu_palm": round(rate * self._work.flops_palm / whole, 4),
            "mfu_causal": round(rate * self._work.flops_causal / whole, 4),
        }

    def _measure_peak(self) -> None:
        if self._peak is not None or time.monotonic() - self._began < PEAK_AFTER_S:
            return
        self._phases.enter("start")
        self._peak = peak_of(self._device, self._work.precision, PEAK_BUDGET_S)
        self._phases.enter("other")
        self._write("peak", flops=self._peak.flops, name=self._peak.name, processes=self._work.world)

    def _write(self, kind: str, **values: Any) -> None:
        self._file.write(write_line({"kind": kind, "time": round(time.time(), 3), **values}))
        self._file.flush()


def peak_memory(device: torch.device) -> int:
    """Most bytes that this process has held: of the device's memory on a GPU, else resident in the machine's."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
