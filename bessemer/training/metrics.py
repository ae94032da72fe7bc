"""What a run writes down while it trains: JSON lines that a resumed run continues exactly, and curves.

``metrics.jsonl`` holds only what is the same in every run (steps, tokens, losses). Speeds go to ``execution.jsonl``
(see :mod:`bessemer.training.execution`), to the boards and to the run record.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

from bessemer.shards import write_bytes
from bessemer.training.execution import ExecutionLog
from bessemer.training.logs import METRICS, SAMPLES, read_lines, read_metrics, write_line
from bessemer.training.trackers import Boards

__all__ = ["METRICS", "MetricsLog", "read_metrics"]


class MetricsLog:
    """Append-only JSON lines with a copy on the boards."""

    def __init__(self, directory: Path, after_step: int, execution: ExecutionLog, boards: Boards) -> None:
        """Continue after ``after_step``: later lines, written by a run that then died, are taken out."""
        self._directory = directory
        self._file = _continued(directory / METRICS, after_step)
        self._samples = _continued(directory / SAMPLES, after_step)
        self._execution, self._boards = execution, boards

    def write(self, row: dict[str, Any]) -> None:
        """Write the line of a step."""
        self._file.write(write_line(row))
        self._file.flush()
        self._boards.log(row, row["step"])
        self._execution.step(row["step"], self._boards)

    def write_samples(self, step: int, texts: Iterable[dict[str, str]]) -> None:
        """Write the texts that the model wrote after ``step``."""
        for text in texts:
            self._samples.write(write_line({"step": step, **text}))

    def go_back(self, after_step: int) -> None:
        """Take out the lines after ``after_step``, from which the run goes on once more."""
        self._file.close()
        self._samples.close()
        self._file = _continued(self._directory / METRICS, after_step)
        self._samples = _continued(self._directory / SAMPLES, after_step)
        self._boards.go_back(after_step)
        self._execution.go_back(after_step)

    def sync(self) -> None:
        """Flush to disk, before the checkpoint that counts on it."""
        for file in (self._file, self._samples):
            file.flush()
            os.fsync(file.fileno())

    def close(self, how: str) -> None:
        """Flush and close; ``how`` it ended is the last line of ``execution.jsonl``."""
        self.sync()
        self._file.close()
        self._samples.close()
        self._execution.close(how)
        self._boards.close()


def _continued(path: Path, after_step: int) -> TextIO:
    rows = [row for row in read_lines(path) if row["step"] <= after_step]
    write_bytes(path, "".join(write_line(row) for row in rows).encode())
    return path.open("a", encoding="utf-8")
