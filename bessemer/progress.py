"""Progress that a person or another program can follow.

Under ``bessemer run`` and Prefect the stage appends JSON lines to the file named by ``BESSEMER_PROGRESS``; the parent
draws the bars. By hand, in a terminal, a single line is drawn here. Otherwise nothing is printed.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ENVIRONMENT = "BESSEMER_PROGRESS"
_INTERVAL_S = 0.25


class Progress:
    """Work of a known amount. ``advance`` is cheap: it writes at most four times a second.

    A line of the progress file is ``{"label", "done", "total", "unit", "elapsed_s", "note"}``.
    """

    def __init__(self, label: str, total: int, unit: str) -> None:
        self.label, self.total, self.unit = label, total, unit
        self.done, self.note = 0, ""
        self._start = time.monotonic()
        self._last = 0.0
        target = os.environ.get(ENVIRONMENT)
        self._file = Path(target) if target else None
        self._terminal = self._file is None and sys.stderr.isatty()
        self._write()

    def advance(self, amount: int = 1, note: str | None = None) -> None:
        """Count ``amount`` more units as done; ``note`` is shown beside the bar (a loss, a file)."""
        self.done += amount
        if note is not None:
            self.note = note
        if time.monotonic() - self._last >= _INTERVAL_S:
            self._write()

    def close(self) -> None:
        """Write the last state."""
        self._write()
        if self._terminal:
            print(file=sys.stderr)

    def _write(self) -> None:
        self._last = time.monotonic()
        elapsed = self._last - self._start
        if self._file is not None:
            line = {
                "label": self.label,
                "done": self.done,
                "total": self.total,
                "unit": self.unit,
                "elapsed_s": round(elapsed, 2),
                "note": self.note,
            }
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        elif self._terminal:
            left = elapsed / self.done * (self.total - self.done) if self.done else 0.0
            text = f"\r{self.label}: {self.done:,} of {self.total:,} {self.unit}, {left:,.0f} s left {self.note}"
            print(text.ljust(100), end="", file=sys.stderr, flush=True)


@contextmanager
def progress(label: str, total: int, unit: str) -> Iterator[Progress]:
    """A :class:`Progress` that is closed at the end, also after an error."""
    bar = Progress(label, total, unit)
    try:
        yield bar
    finally:
        bar.close()
