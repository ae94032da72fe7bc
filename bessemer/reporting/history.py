"""Earlier runs of the same checkout: what a stage took when it last ran, and which numbers have moved since."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bessemer.reporting.numbers import MINUS, NBSP, quantity, words
from bessemer.shards import write_json

METRICS = "metrics.json"


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object, or an empty one where the file is missing or holds something else."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def remember_metrics(folder: Path, metrics: Mapping[str, Mapping[str, int | float | str]]) -> None:
    """Keep the metrics of all stages of a run, so that a later run can be compared with it.

    What is kept stays: when the page is drawn again, the checkout may have the numbers of another run.
    """
    if not (folder / METRICS).exists():
        write_json(folder / METRICS, {stage: dict(values) for stage, values in metrics.items()})


def earlier_record(root: Path, run: str, stage: str) -> dict[str, Any]:
    """Record of the stage when it last ended well in another run, not later than ``run``; empty when it never did."""
    until = float(read_json(root / ".runs" / run / "run.json").get("finished") or float("inf"))
    latest: dict[str, Any] = {}
    for path in sorted((root / ".runs").glob(f"*/{stage}.json")):
        record = read_json(path)
        finished = float(record.get("finished") or 0)
        if path.parent.name == run or record.get("exit_code") != 0 or not record.get("wall_s") or finished > until:
            continue
        if finished >= float(latest.get("finished") or 0):
            latest = record
    return latest


def previous_run(root: Path, run: str, stage: str | None = None) -> str | None:
    """The last run before ``run`` that ended well and whose metrics are known; of ``stage``, where one is named."""
    started = float(read_json(root / ".runs" / run / "run.json").get("started") or float("inf"))
    found = []
    for path in sorted((root / ".runs").glob(f"*/{METRICS}")):
        facts = read_json(path.with_name("run.json"))
        earlier = facts.get("exit_code") == 0 and float(facts.get("started") or 0) < started
        if path.parent.name != run and earlier and (stage is None or stage in read_json(path)):
            found.append((float(facts.get("started") or 0), path.parent.name))
    return max(found)[1] if found else None


def made_by(root: Path, run: str, stage: str) -> tuple[str, str] | None:
    """The last run before ``run`` in which the stage worked and ended well, and what made it run; None if unknown."""
    started = float(read_json(root / ".runs" / run / "run.json").get("started") or float("inf"))
    found: list[tuple[float, str, str]] = []
    for path in sorted((root / ".runs").glob("*/run.json")):
        facts = read_json(path)
        began = float(facts.get("started") or 0)
        if path.parent.name != run and began < started:
            found.extend(
                (began, path.parent.name, str(result.get("message") or ""))
                for result in facts.get("stages") or []
                if result.get("stage") == stage and result.get("outcome") in ("ran", "restored")
            )
    return max(found)[1:] if found else None


def changed_metrics(root: Path, run: str) -> dict[str, Any] | None:
    """Metrics that differ from the previous run, with their difference; None when there is no run to compare with."""
    before_run = previous_run(root, run)
    if before_run is None:
        return None
    before, now = read_json(root / ".runs" / before_run / METRICS), read_json(root / ".runs" / run / METRICS)
    lines = [{"stage": stage, **line} for stage in now for line in moved(before.get(stage, {}), now[stage])]
    return {"run": before_run, "lines": lines}


def moved(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[dict[str, str]]:
    """Metrics that both have with different values, as words: then, now, the difference, and that in per cent."""
    lines = []
    for name, value in sorted(now.items()):
        was = before.get(name)
        if was is None or was == value:
            continue
        difference, change = _difference(name, was, value)
        lines.append(
            {
                "name": words(name),
                "before": quantity(name, was),
                "now": quantity(name, value),
                "difference": difference,
                "change": change,
            }
        )
    return lines


def _difference(name: str, was: float | str, value: float | str) -> tuple[str, str]:
    if isinstance(was, str) or isinstance(value, str):
        return "", ""
    sign = "+" if value > was else MINUS
    difference = sign + quantity(name, abs(value - was)).replace("%", "points")
    return difference, f"{sign}{100 * abs(value - was) / abs(was):.1f}{NBSP}%" if was else ""
