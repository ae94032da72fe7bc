"""Which record a process is at, so that one that ends the process is known, and a bound on the time that each takes."""

import mmap
import signal
import time
from collections.abc import Mapping
from pathlib import Path

_SIZE = 4096
_LENGTH = 2


class Watch:
    """Notes the record that a process is at where another process finds it, even if this one ends at once.

    Native code can neither be interrupted nor trusted to come back. So the time limit is the kernel's: a process that
    is at one record for too long is ended (``setitimer(2)``, by the processor time that it used).

    Args:
        path: the note; None to note nothing and bound nothing.
        avoid: records that have ended a process before, and how.
    """

    def __init__(self, path: Path | None = None, avoid: Mapping[str, str] | None = None) -> None:
        self._avoid = avoid or {}
        self._note: mmap.mmap | None = None
        self._seconds = self._renew = 0.0
        if path is not None:
            path.write_bytes(bytes(_SIZE))
            with path.open("r+b") as file:
                self._note = mmap.mmap(file.fileno(), _SIZE)

    def enter(self, place: str, seconds: float) -> str | None:
        """Say that a record is begun; how it has ended a process before, in which case it is not to be touched.

        Args:
            place: names the record; of a longer name the first 4 KB count.
            seconds: of processor time that it may take, or up to a hundredth less, until the next record is begun or
                :meth:`leave` is called.
        """
        if place in self._avoid:
            return self._avoid[place]
        if self._note is not None:
            name = place.encode("utf-8", "replace")[: _SIZE - _LENGTH]
            self._note[:_LENGTH] = bytes(_LENGTH)
            self._note[_LENGTH : _LENGTH + len(name)] = name
            self._note[:_LENGTH] = len(name).to_bytes(_LENGTH, "little")
            now = time.monotonic()
            if seconds != self._seconds or now > self._renew:  # a call of the system for each page would be felt
                signal.setitimer(signal.ITIMER_PROF, seconds)
                self._seconds, self._renew = seconds, now + seconds / 100
        return None

    def leave(self) -> None:
        """Say that the record is done, and that none follows at once."""
        if self._note is not None:
            signal.setitimer(signal.ITIMER_PROF, 0)
            self._seconds = 0.0
            self._note[:_LENGTH] = bytes(_LENGTH)


def noted(path: Path) -> str | None:
    """The record that a process was at when it ended; None if it was at none, or had not begun."""
    try:
        note = path.read_bytes()
    except FileNotFoundError:
        return None
    length = int.from_bytes(note[:_LENGTH], "little")
    return note[_LENGTH : _LENGTH + length].decode("utf-8", "replace") if length else None


def how_it_ended(exit_code: int) -> str:
    """What the exit code of a process that was at a record says of it."""
    if exit_code == -signal.SIGPROF:
        return "took too long"
    if exit_code < 0:
        return f"ended the process that read it ({signal.Signals(-exit_code).name})"
    return f"ended the process that read it (exit code {exit_code})"
