"""SIGTERM, SIGINT and SIGUSR1 as a flag that the loop reads wherever it can stop without a loss."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from bessemer.stage import ignore_repeated

STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
"""Signals of preemption."""


class Stopped(BaseException):
    """Ends what is being done. No error: so nothing that handles errors, a compiler for one, takes it for its own."""


class Interrupt:
    """What is known of a signal that asked for an end.

    Attributes:
        name: of the signal, empty so far.
        since: when it came, on the monotonic clock.
        at_once: raise :class:`Stopped` from the signal: nothing is lost by it. The loop sets it for what cannot be
            stopped between two micro-batches: building, loading, compiling.
    """

    def __init__(self) -> None:
        self.name = ""
        self.since = 0.0
        self.at_once = False

    def __bool__(self) -> bool:
        return bool(self.name)


@contextmanager
def interruptible() -> Iterator[Interrupt]:
    """Turn the signals of preemption into a flag while the loop runs.

    A second Ctrl-C ends the process as usual; a second SIGTERM or SIGUSR1 does not, it is often an echo of the first.
    """
    flag = Interrupt()
    before = {number: signal.getsignal(number) for number in STOPPING}

    def note(number: int, frame: FrameType | None) -> None:
        if not flag:
            flag.name, flag.since = signal.Signals(number).name, time.monotonic()
        usual = before[signal.Signals(number)]
        signal.signal(number, usual or signal.SIG_DFL if number == signal.SIGINT else ignore_repeated)
        if flag.at_once:
            raise Stopped

    for number in STOPPING:
        signal.signal(number, note)
    try:
        yield flag
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
