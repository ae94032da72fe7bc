"""What this process is doing, and for how long it has done each thing.

On a GPU the host runs ahead of the device, so the host's clock says nothing. There an event is put into the stream at
each change of phase, and read after the device has passed it: nobody waits for it. A phase that waits for data then
shows as the time in which the device had nothing to do.
"""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from bessemer.training.logs import PHASES, Phase

_MARKS = 1024
"""Events that may wait to be read; more are read although nobody has asked."""


class Phases:
    """A stopwatch that is always in exactly one phase.

    Attributes:
        current: the phase; another thread may read it.
    """

    def __init__(self, device: torch.device) -> None:
        """Begin in ``start``, which lasts until the first step."""
        self.current: Phase = "start"
        self._held = False
        self._events = device.type == "cuda"
        self._spent: dict[Phase, float] = dict.fromkeys(PHASES, 0.0)
        self._marks: deque[tuple[Phase, torch.cuda.Event]] = deque()
        self._since = time.perf_counter()
        if self._events:
            self._mark("start")

    def enter(self, phase: Phase) -> None:
        """End the current phase and begin another, which may be the same."""
        if self._held:
            return
        if self._events:
            self._mark(phase)
        else:
            now = time.perf_counter()
            self._spent[self.current] += now - self._since
            self._since = now
        self.current = phase

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Count all that the block does as the current phase."""
        self._held = True
        try:
            yield
        finally:
            self._held = False

    def seconds(self) -> dict[Phase, float]:
        """Seconds spent in each phase since the start; on a GPU up to the last change that the device has passed."""
        if self._events:
            self._settle()
        return dict(self._spent)

    def _mark(self, phase: Phase) -> None:
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        self._marks.append((phase, event))
        if len(self._marks) > _MARKS:
            self._settle()

    def _settle(self) -> None:
        """Take in what lies between events that are behind the device."""
        while len(self._marks) > 1 and self._marks[1][1].query():
            phase, began = self._marks.popleft()
            self._spent[phase] += began.elapsed_time(self._marks[0][1]) / 1e3
