"""What a run cost: time, processor time and memory of each stage, and what the caches saved."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bessemer.reporting.history import earlier_cost
from bessemer.reporting.numbers import byte_size, count, duration, quantity, words
from bessemer.reporting.states import JoinedStage

_NOTES = 8
_NOTE_CHARACTERS = 120


def cost_line(root: Path, run: str, stage: JoinedStage) -> dict[str, str]:
    """One stage: this run's time, processor time, memory and cache hits, and its last time where it did not work."""
    jobs = (stage.record.get("jobs") or {}).values()
    cached = sum(int(label.get("cached", 0)) for label in jobs)
    total = sum(int(label.get("total", 0)) for label in jobs)
    before = earlier_cost(root, run, stage.name) if stage.seconds is None else None
    memory = stage.record.get("peak_memory_bytes")
    return {
        "name": stage.name,
        "wall": duration(stage.seconds) if stage.seconds is not None else "–",
        "cpu": duration(float(stage.record["cpu_s"])) if stage.record.get("cpu_s") else "–",
        "memory": byte_size(memory) if memory else "–",
        "jobs": f"{count(cached)} of {count(total)}" if total else "–",
        "before": duration(before) if before is not None else "",
        "notes": "; ".join(f"{_label(key)} {value}" for key, value in _notes(stage)),
    }


def _label(key: str) -> str:
    """A note's name without the unit that its value carries."""
    return words(key.removesuffix("_per_s").removesuffix("_per_second")).lower()


def _notes(stage: JoinedStage) -> list[tuple[str, str]]:
    notes: dict[str, Any] = stage.record.get("notes") or {}
    plain = [(key, value) for key, value in notes.items() if isinstance(value, str | int | float)]
    return [(key, quantity(key, value)[:_NOTE_CHARACTERS]) for key, value in plain[:_NOTES]]


def cost_total(root: Path, run: str, stages: Sequence[JoinedStage]) -> list[dict[str, str]]:
    """The whole run: processor time, the largest process, what was saved, and the machines."""
    records = [stage.record for stage in stages if stage.record]
    reused = [stage.name for stage in stages if stage.state.state in ("cached", "restored")]
    peak = max((int(record.get("peak_memory_bytes") or 0) for record in records), default=0)
    total = [
        {
            "label": "Processor time",
            "value": duration(sum(float(record.get("cpu_s") or 0) for record in records)),
            "note": "all processes of the stages that ran",
        },
        {"label": "Most memory of one process", "value": byte_size(peak) if peak else "–", "note": ""},
    ]
    if reused:
        saved = duration(sum(earlier_cost(root, run, name) or 0.0 for name in reused))
        total.append({"label": "Saved", "value": saved, "note": f"{len(reused)} stages up to date, by their last run"})
    hosts = sorted({str(record["host"]) for record in records if record.get("host")})
    pythons = sorted({str(record["python"]) for record in records if record.get("python")})
    if hosts:
        note = f"Python {', '.join(pythons)}" if pythons else ""
        total.append({"label": "Machine", "value": ", ".join(hosts), "note": note})
    return total
