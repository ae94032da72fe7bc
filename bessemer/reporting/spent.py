"""What was spent on the results that lie here: each stage's record in the run that has made its present result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bessemer.reporting.history import METRICS, read_json


@dataclass(frozen=True)
class Spent:
    """One stage. Everything but its name is None where no run that is known here has made the result.

    Attributes:
        stage: its name.
        wall_s: seconds from start to end.
        cpu_s: seconds of processor time of all its processes.
        gpu_s: seconds times the GPUs that it held; 0 without any.
        peak_memory_bytes: of its largest process.
        continued_from: the training step that the last attempt began at; what the attempts before it took is not in
            these numbers.
    """

    stage: str
    wall_s: float | None = None
    cpu_s: float | None = None
    gpu_s: float | None = None
    peak_memory_bytes: int | None = None
    continued_from: int = 0


def spent_on(root: Path, stages: Sequence[str]) -> list[Spent]:
    """What each stage took when it made the result that lies here.

    That is the newest run in which it ended well with the metrics that ``reports/<stage>`` has now.
    """
    return [_spent(stage, _record(root, stage)) for stage in stages]


def gpu_seconds(record: Mapping[str, Any]) -> float:
    """Seconds times GPUs of a stage's record; 0 for a stage that used none."""
    notes: Mapping[str, Any] = record.get("notes") or {}
    device = str(notes.get("device") or (notes.get("evaluation") or {}).get("device") or "cpu")
    if not device.startswith("cuda"):
        return 0.0
    return float(record.get("wall_s") or 0.0) * int(notes.get("processes") or 1)


def _spent(stage: str, record: Mapping[str, Any] | None) -> Spent:
    if record is None:
        return Spent(stage)
    return Spent(
        stage,
        wall_s=float(record["wall_s"]),
        cpu_s=float(record.get("cpu_s") or 0.0),
        gpu_s=gpu_seconds(record),
        peak_memory_bytes=int(record.get("peak_memory_bytes") or 0) or None,
        continued_from=int((record.get("notes") or {}).get("resumed_after_step") or 0),
    )


def _record(root: Path, stage: str) -> Mapping[str, Any] | None:
    present = read_json(root / "reports" / stage / METRICS)
    found: list[tuple[float, str, Mapping[str, Any]]] = []
    for path in (root / ".runs").glob(f"*/{stage}.json"):
        record, remembered = read_json(path), read_json(path.with_name(METRICS)).get(stage)
        ended_well = record.get("exit_code") == 0 and record.get("wall_s")
        if ended_well and (remembered is None or remembered == present):
            found.append((float(record.get("finished") or 0.0), path.parent.name, record))
    return max(found, key=lambda item: item[:2])[2] if found else None
