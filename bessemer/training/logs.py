"""What a run leaves in its folder to be read: names of files, and their lines. Nothing here needs torch.

``metrics.jsonl`` is the same in every run with the same parameters; ``execution.jsonl`` is what happened this time:
starts, speeds, the end of each attempt. It is only ever added to.
"""

import json
from pathlib import Path
from typing import Any, Literal, get_args

METRICS = "metrics.jsonl"
EXECUTION = "execution.jsonl"
SAMPLES = "samples.jsonl"
OUTCOME = "outcome.json"

Phase = Literal["start", "data", "forward", "backward", "optimizer", "eval", "checkpoint", "other"]
"""What the time of a line of speed went into; stored: add, never rename."""
PHASES: tuple[Phase, ...] = get_args(Phase)
COMPUTING: tuple[Phase, ...] = ("forward", "backward", "optimizer")
"""Phases in which a run gets on."""
TRAINING: tuple[Phase, ...] = ("data", *COMPUTING, "other")
"""Phases of a step: what tokens a second are reckoned by."""


def read_metrics(directory: Path) -> list[dict[str, Any]]:
    """All whole lines of a run's metrics, in order; a line that a killed writer left half is passed over."""
    return read_lines(directory / METRICS)


def read_execution(directory: Path) -> list[dict[str, Any]]:
    """All whole lines of what happened in a run's folder, in order."""
    return read_lines(directory / EXECUTION)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """All whole rows of a file of JSON lines, up to the first that is none; empty if there is no such file."""
    if not path.exists():
        return []
    found = []
    for line in path.read_bytes().split(b"\n"):
        if not line:
            continue
        row = _parse(line)
        if row is None:
            break
        found.append(row)
    return found


def write_line(row: dict[str, Any]) -> str:
    """A row as it stands in such a file."""
    return json.dumps(row, separators=(",", ":"), ensure_ascii=False) + "\n"


class Tail:
    """Follows a file of JSON lines: only what was added since the last look is read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset, self._inode = 0, 0

    def added(self) -> tuple[bool, list[dict[str, Any]]]:
        """Whether the file was cut or made anew since, so that what was read is void; and the rows to take in."""
        try:
            facts = self._path.stat()
            again = self._offset > 0 and (facts.st_size < self._offset or facts.st_ino != self._inode)
            if again:
                self._offset = 0
            self._inode = facts.st_ino
            with self._path.open("rb") as file:
                file.seek(self._offset)
                content = file.read()
        except OSError:
            return False, []
        whole, newline, _ = content.rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        return again, [row for line in whole.split(b"\n") if line and (row := _parse(line)) is not None]


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None
