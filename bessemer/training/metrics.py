"""What a run writes down while it trains: JSON lines that a resumed run continues exactly, and TensorBoard.

``metrics.jsonl`` holds only what is the same in every run (steps, tokens, losses). Speeds go to TensorBoard and to
the run record.
"""

import json
import os
from pathlib import Path
from typing import Any

from bessemer.shards import write_bytes

METRICS = "metrics.jsonl"


class MetricsLog:
    """Append-only JSON lines with a TensorBoard copy."""

    def __init__(self, directory: Path, after_step: int) -> None:
        """Continue after ``after_step``: later lines, written by a run that then died, are taken out."""
        self._path = directory / METRICS
        rows = [row for row in read_metrics(directory) if row["step"] <= after_step]
        write_bytes(self._path, "".join(_line(row) for row in rows).encode())
        self._file = self._path.open("a", encoding="utf-8")
        self._board = _board(directory / "tensorboard", after_step)

    def write(self, row: dict[str, Any], volatile: dict[str, float]) -> None:
        """Write one line; ``volatile`` goes to TensorBoard only."""
        self._file.write(_line(row))
        self._file.flush()
        if self._board is not None:
            for name, value in {**row, **volatile}.items():
                if name != "step" and value is not None:
                    self._board.add_scalar(name, value, row["step"])

    def sync(self) -> None:
        """Flush to disk, before the checkpoint that counts on it."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Flush and close."""
        self.sync()
        self._file.close()
        if self._board is not None:
            self._board.close()


def read_metrics(directory: Path) -> list[dict[str, Any]]:
    """All whole lines of a run's metrics, in order; a line that a killed writer left half is passed over."""
    path = directory / METRICS
    if not path.exists():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").split("\n"):
        if not line:
            continue
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return rows


def _line(row: dict[str, Any]) -> str:
    return json.dumps(row, separators=(",", ":")) + "\n"


def _board(directory: Path, after_step: int) -> Any:
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(directory), purge_step=after_step + 1)
