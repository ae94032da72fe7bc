"""What was spent on the results that lie here: each stage's record in the run that has made its present result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bessemer.reporting.amounts import Cost, assumed_power, cost_of
from bessemer.reporting.history import METRICS, read_json


@dataclass(frozen=True)
class Spent:
    """One stage.

    Attributes:
        stage: its name.
        cost: None where no run that is known here has made the result.
        peak_memory_bytes: of its largest process; 0 where that is not known.
        continued_from: the training step that the last attempt began at; what the attempts before it took is not in
            ``cost``.
    """

    stage: str
    cost: Cost | None = None
    peak_memory_bytes: int = 0
    continued_from: int = 0


def spent_on(root: Path, stages: Sequence[str]) -> list[Spent]:
    """What each stage took when it made the result that lies here.

    That is the newest run in which it ended well with the metrics that ``reports/<stage>`` has now; where there is
    none, the newest whose metrics are not known.
    """
    power = assumed_power(root)
    found = []
    for stage in stages:
        record = _record(root, stage)
        notes = record.get("notes") or {}
        cost = cost_of(record, power) if record else None
        peak, step = record.get("peak_memory_bytes"), notes.get("resumed_after_step")
        found.append(Spent(stage, cost, int(peak or 0), int(step or 0)))
    return found


def _record(root: Path, stage: str) -> Mapping[str, Any]:
    """The stage's record in that run; empty where there is none."""
    present = read_json(root / "reports" / stage / METRICS)
    found: list[tuple[bool, float, str, Mapping[str, Any]]] = []
    for path in (root / ".runs").glob(f"*/{stage}.json"):
        record, remembered = read_json(path), read_json(path.with_name(METRICS)).get(stage)
        ended_well = record.get("exit_code") == 0 and record.get("wall_s")
        if ended_well and (remembered is None or remembered == present):
            known, finished = remembered is not None, float(record.get("finished") or 0.0)
            found.append((known, finished, path.parent.name, record))
    return max(found, key=lambda item: item[:3])[3] if found else {}
