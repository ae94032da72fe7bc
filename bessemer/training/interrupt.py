"""SIGTERM, SIGINT and SIGUSR1 as a flag that the loop reads between steps."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from bessemer.stage import ignore_repeated

STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
"""Signals of preemption."""


class Interrupt:
    """Name of the signal that asked for an end, empty so far."""

    def __init__(self) -> None:
        self.name = ""

    def __bool__(self) -> bool:
        return bool(self.name)


@contextmanager
def interruptible() -> Iterator[Interrupt]:
    """Turn the signals of preemption into a flag while the loop runs.

    A second Ctrl-C ends the process as usual; a second SIGTERM does not, it is often an echo of the first.
    """
    flag = Interrupt()
    before = {number: signal.getsignal(number) for number in STOPPING}

    def note(number: int, frame: FrameType | None) -> None:
        flag.name = signal.Signals(number).name
        usual = before[signal.Signals(number)]
        signal.signal(number, ignore_repeated if number == signal.SIGTERM else usual or signal.SIG_DFL)

    for number in STOPPING:
        signal.signal(number, note)
    try:
        yield flag
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
