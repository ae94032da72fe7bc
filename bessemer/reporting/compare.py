"""The page of two runs side by side: one file, as safe and as plain as the page of one run."""

from collections.abc import Sequence
from typing import Any

from bessemer.config.energy import EnergyRuntime
from bessemer.reporting.amounts import Cost, cost_of, together
from bessemer.reporting.charts import Chart, series_charts
from bessemer.reporting.comparison import (
    ABSENT,
    Line,
    by_group,
    changed_inputs,
    changed_metrics,
    changed_parameters,
    funnels,
    lost,
    scores,
)
from bessemer.reporting.numbers import byte_size, duration, energy, hours
from bessemer.reporting.page import environment, identity
from bessemer.reporting.report import Series, StageReport
from bessemer.reporting.side import Side
from bessemer.reporting.verdict import NOISE

ROWS = 150
"""Rows of a table that the page shows."""

CELL = 200
"""Characters of a cell."""

_GROUPS = (
    ("Training tokens by source", "shard", "sources", "train tokens"),
    ("Training tokens by language", "shard", "languages", "train tokens"),
    ("Documents kept by source", "curate", "sources", "kept"),
)
_SCORED_GROUPS = (
    ("Reference languages", "reference_languages_by_language"),
    ("Validation by language", "validation_by_language"),
    ("Validation by source", "validation_by_source"),
)


def compare_page(a: Side, b: Side, power: EnergyRuntime) -> str:
    """The page as text: what differs going in and coming out, with a verdict where chance can be told from change."""
    parameters, inputs, metrics = changed_parameters(a, b), changed_inputs(a, b), changed_metrics(a, b)
    context: dict[str, Any] = {
        "identity": identity(f"{a.name}\0{b.name}".encode()),
        "sides": [("A", a), ("B", b)],
        "lead": lead(a, b),
        "scores": scores(a, b),
        "parameters": _shown(parameters),
        "inputs": _shown(inputs),
        "metrics": _shown(metrics),
        "funnel": _shown(funnels(a, b)),
        "groups": _grouped(a, b, [(title, *place) for title, *place in _GROUPS]),
        "lost": _by_change(lost(a, b)),
        "charts": overlaid(a, b),
        "by_group": _grouped(a, b, [(title, "evaluate", table, "bits per byte") for title, table in _SCORED_GROUPS]),
        "cost": cost_lines(a, b, power),
        "total": cost_facts(a, b, power),
    }
    sections = (
        ("scores", "How good", context["scores"]),
        ("parameters", "Parameters", True),
        ("inputs", "Code and sources", inputs),
        ("corpus", "The corpus", context["funnel"]),
        ("losses", "What was left out", context["lost"]),
        ("training", "Training", context["charts"]),
        ("metrics", "Every number", metrics),
        ("cost", "Cost", context["cost"]),
    )
    context["contents"] = [(name, title) for name, title, filled in sections if filled]
    return environment().get_template("compare.html").render(context)


def lead(a: Side, b: Side) -> str:
    """The outcome in a sentence or two."""
    parameters, found = changed_parameters(a, b), scores(a, b)
    number = len(parameters)
    went_in = (
        "The parameters are the same" if not number else f"{number} parameter{'s differ' if number > 1 else ' differs'}"
    )
    if not a.parameters or not b.parameters:
        went_in = "The parameters of one of the two are not known"
    clear = [score for score in found if score.verdict.tone != "idle"]
    if clear:
        came_out = "; ".join(f"on {score.label} {score.verdict.text} ({score.a} and {score.b})" for score in clear)
    elif found and all(score.verdict.text == "the same" for score in found):
        came_out = "the scores are the same"
    elif any(score.verdict.text == NOISE for score in found):
        came_out = "no score differs by more than noise explains"
    else:
        came_out = "the scores cannot be compared" if found else "there are no scores to compare"
    return f"{went_in}; {came_out}."


def overlaid(a: Side, b: Side) -> list[Chart]:
    """The training curves that both sides have, each pair in one chart."""
    charts = []
    left, right = (_series(side.reports.get("pretrain")) for side in (a, b))
    for name, one in left.items():
        if name in right:
            charts += series_charts(_joined(one, right[name]))
    return charts


def cost_lines(a: Side, b: Side, power: EnergyRuntime) -> list[Line]:
    """Time of each stage; what a stage did instead, where it did not work."""
    stages = dict.fromkeys([*a.outcomes, *b.outcomes])
    return [Line(stage, _took(a, stage, power), _took(b, stage, power)) for stage in stages]


def cost_facts(a: Side, b: Side, power: EnergyRuntime) -> list[Line]:
    """The whole of both runs: time, processor, GPU, energy, memory."""
    costs = [together(cost_of(record, power) for record in side.records.values()) for side in (a, b)]
    if not any(side.records for side in (a, b)):
        return []
    peaks = [
        max((int(one.get("peak_memory_bytes") or 0) for one in side.records.values()), default=0) for side in (a, b)
    ]
    walls = [duration(side.wall_s) if side.wall_s else ABSENT for side in (a, b)]
    return [
        Line("Time of the run", *walls),
        Line("CPU hours", *(hours(cost.cpu_s) for cost in costs)),
        Line("GPU hours", *(hours(cost.gpu_s) if cost.gpu_s else "none" for cost in costs)),
        Line("Energy", *(_energy(cost) for cost in costs)),
        Line("Most memory of one process", *(byte_size(peak) if peak else ABSENT for peak in peaks)),
    ]


def _took(side: Side, stage: str, power: EnergyRuntime) -> str:
    outcome = side.outcomes.get(stage, "")
    if outcome in ("cached", "skipped", "restored") or stage not in side.records:
        return {"cached": "up to date", "": ABSENT}.get(outcome, outcome.replace("_", " "))
    return duration(cost_of(side.records[stage], power).wall_s)


def _energy(cost: Cost) -> str:
    sign = "≤" if cost.at_most else "≈" if cost.estimated_j else ""
    return f"{sign}{energy(cost.energy_j)}" if cost.energy_j else ABSENT


def _series(report: StageReport | None) -> dict[str, Series]:
    return {series.name: series for series in report.series} if report is not None else {}


def _joined(one: Series, two: Series) -> Series:
    """Both as columns of one series over the same x; a column's last word is that of the original, so charts agree."""
    names = [name for name in one.y if name in two.y]
    rows: dict[float, list[float | None]] = {}
    for place, series in enumerate((one, two)):
        columns = [1 + series.y.index(name) for name in names]
        for row in series.rows:
            if row[0] is None:
                continue
            target = rows.setdefault(row[0], [None] * (2 * len(names)))
            for offset, column in enumerate(columns):
                target[2 * offset + place] = row[column]
    return Series(
        name=one.name,
        title=one.title,
        x=one.x,
        y=[f"{side}_{name}" for name in names for side in ("A", "B")],
        rows=[[x, *values] for x, values in sorted(rows.items())],
    )


def _by_change(lines: Sequence[Line]) -> dict[str, Any]:
    """Rows that differ, and beside them those that do not."""
    parts = {"moved": [line for line in lines if line.change], "same": [line for line in lines if not line.change]}
    return {name: _shown(part) for name, part in parts.items()} if lines else {}


def _grouped(a: Side, b: Side, places: Sequence[tuple[str, ...]]) -> list[tuple[str, dict[str, Any]]]:
    found = [(title, by_group(a, b, stage, table, column)) for title, stage, table, column in places]
    return [(title, _shown(lines)) for title, lines in found if lines]


def _shown(lines: Sequence[Line]) -> dict[str, Any]:
    """The first rows with cells of a length that fits, and the number of those that are left out."""
    if not lines:
        return {}
    shown = [Line(_cut(line.label), _cut(line.a), _cut(line.b), line.change, line.group) for line in lines[:ROWS]]
    return {"lines": shown, "hidden": len(lines) - len(shown), "groups": any(line.group for line in shown)}


def _cut(text: str) -> str:
    return text if len(text) <= CELL else text[: CELL - 1] + "…"
