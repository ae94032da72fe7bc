"""A thread in every process that knows what it is doing, and says so when that takes too long.

A rank that waits for another looks exactly like one that works. Each says its own phase and stacks, in one log: the one
that is not in an exchange is the one that the others wait for. The thread also sees to it that a process which was
asked to end does so in time, even if it is stuck in a read or an exchange that never comes back: the last checkpoint
stays.
"""

import faulthandler
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from bessemer.errors import TryAgain
from bessemer.training.interrupt import Interrupt

Doing = Literal[
    "start",
    "compile",
    "data",
    "micro-batch",
    "exchange",
    "optimizer",
    "log",
    "validation",
    "samples",
    "checkpoint",
    "end",
]
_SHORT: tuple[Doing, ...] = ("data", "micro-batch", "exchange", "optimizer")
_LOOKS_PER_LIMIT = 20
_MARGIN = 0.9
"""Share of the grace time after which a process that was asked to end is ended: the rest is for Python's own end."""


class Watchdog:
    """Where a process is: phase and step, and since when. Entering a phase costs two assignments."""

    def __init__(
        self, interrupt: Interrupt, *, rank: int = 0, stall_s: float, end_stalled: bool, grace_s: float | None
    ) -> None:
        """Begin in the phase ``start``.

        Args:
            interrupt: signals of this process.
            rank: of this process.
            stall_s: seconds in one phase after which it is reported, once.
            end_stalled: also end the process then, with exit code 75, in a phase of a step; what may rightly take long,
                as compiling or a validation does, is only reported.
            grace_s: seconds between a signal and the end of the process; None: no limit.
        """
        self.rank = rank
        self._interrupt = interrupt
        self._stall_s, self._end_stalled, self._grace_s = stall_s, end_stalled, grace_s
        self._phase: Doing = "start"
        self._step = 0
        self._since = time.monotonic()
        self._reported = 0.0
        self._done = threading.Event()

    def enter(self, phase: Doing, step: int) -> None:
        """Say what begins, and in which step."""
        self._phase, self._step, self._since = phase, step, time.monotonic()

    def watch(self) -> None:
        """Look until :meth:`close`; what the thread runs."""
        limit = min(self._stall_s, self._grace_s or self._stall_s)
        while not self._done.wait(limit / _LOOKS_PER_LIMIT):
            self._look(time.monotonic())

    def close(self) -> None:
        """Stop looking."""
        self._done.set()

    def _look(self, now: float) -> None:
        since = self._since
        if self._grace_s is not None and self._interrupt and now - self._interrupt.since > _MARGIN * self._grace_s:
            self._report(f"was asked to end by {self._interrupt.name} {now - self._interrupt.since:.0f} s ago")
            self._leave()
        if now - since > self._stall_s and since != self._reported:
            self._reported = since
            self._report("has not moved")
            if self._end_stalled and self._phase in _SHORT:
                self._leave()

    def _report(self, what: str) -> None:
        file = sys.__stderr__ or sys.stderr
        print(
            f"bessemer: pretrain: rank {self.rank} {what}: it has been in the phase `{self._phase}` of step "
            f"{self._step} for {time.monotonic() - self._since:.0f} s; its stacks:",
            file=file,
            flush=True,
        )
        faulthandler.dump_traceback(file, all_threads=True)

    def _leave(self) -> None:
        """End the process from this thread: the main one may never come back to hear of it."""
        sys.stdout.flush()
        os._exit(TryAgain.exit_code)


@contextmanager
def watching(watchdog: Watchdog) -> Iterator[None]:
    """Let the thread look while the block runs."""
    thread = threading.Thread(target=watchdog.watch, name="watchdog", daemon=True)
    thread.start()
    try:
        yield
    finally:
        watchdog.close()
        thread.join()
