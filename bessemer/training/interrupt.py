"""SIGTERM, SIGINT and SIGUSR1 as a flag that the loop reads between steps."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = tuple(int(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1))


class Interrupt:
    """Name of the signal that asked for an end, empty so far."""

    def __init__(self) -> None:
        self.name = ""

    def __bool__(self) -> bool:
        return bool(self.name)


@contextmanager
def interruptible() -> Iterator[Interrupt]:
    """Turn the signals of preemption into a flag while the loop runs; a second one ends the process as usual."""
    flag = Interrupt()
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def note(number: int, frame: FrameType | None) -> None:
        flag.name = signal.Signals(number).name
        signal.signal(number, before[number] if before[number] is not None else signal.SIG_DFL)

    for number in _SIGNALS:
        signal.signal(number, note)
    try:
        yield flag
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
