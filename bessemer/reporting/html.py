"""The page of a stage: one HTML file that needs no network, no script and no second file."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bessemer.reporting.charts import Chart, histogram_chart, series_charts
from bessemer.reporting.difference import mark_differences
from bessemer.reporting.grid import FIRST_ROWS, LABEL, cut, table_grid
from bessemer.reporting.numbers import byte_size, count, decimal, percent, quantity, words
from bessemer.reporting.page import environment, identity
from bessemer.reporting.report import Check, Count, Drop, Sample, SamplePair, StageReport
from bessemer.shards import write_bytes

PAGE = "index.html"
PAGE_BYTES = 300_000
"""A page stays below this; samples, pairs and long tables are shortened until it does, and say so."""

ROOM_FOR_RUN = 20_000
"""Bytes of a page that are left to what a run adds to its copy."""

_IDENTITY = re.compile(rb'<meta name="bessemer-page" content="([0-9a-f]{32})">')


@dataclass(frozen=True)
class Shown:
    """How much of the long parts a page shows; the rest stays in summary.json."""

    rows: int
    samples: int
    pairs: int
    characters: int


_SHOWN = (
    Shown(200, 8, 12, 600),
    Shown(100, 5, 8, 600),
    Shown(60, 3, 5, 400),
    Shown(30, 2, 3, 250),
    Shown(15, 1, 1, 120),
)


def render_stage_page(report: StageReport, directory: Path) -> Path:
    """Write ``index.html`` for a report and return its path. Same report, same bytes.

    Args:
        report: all that the page shows.
        directory: ``reports/<stage>``; created when missing.
    """
    path = directory / PAGE
    write_bytes(path, stage_page(report).encode())
    return path


def stage_page(report: StageReport) -> str:
    """The page as text, shortened to stay below :data:`PAGE_BYTES` where samples or tables are many."""
    charts = [histogram_chart(histogram) for histogram in report.histograms]
    series = [chart for one in report.series for chart in series_charts(one)]
    template = environment().get_template("stage.html")
    page = ""
    for shown in _SHOWN:
        page = template.render(_context(report, charts, series, shown))
        if len(page.encode()) < PAGE_BYTES - ROOM_FOR_RUN:
            break
    return page


def page_identity(report: StageReport) -> str:
    """The digest that a current page of this report carries in its head."""
    return identity(report.model_dump_json().encode())


def is_current(page: Path, report: StageReport) -> bool:
    """Whether the file is the page that this version would make from this report."""
    if not page.is_file():
        return False
    with page.open("rb") as file:
        found = _IDENTITY.search(file.read(4096))
    return found is not None and found.group(1).decode() == page_identity(report)


def _context(report: StageReport, charts: list[Chart], series: list[Chart], shown: Shown) -> dict[str, Any]:
    context: dict[str, Any] = {
        "identity": page_identity(report),
        "report": report,
        "status": status(report.checks),
        "checks": check_lines(report.checks),
        "funnel": funnel(report.counts),
        "drops": drops(report.drops),
        "passes": bool(report.drops) or any(line.records is not None for line in report.counts),
        "metrics": metric_facts(_beside_drops(report)),
        "series": series,
        "histograms": charts,
        "tables": [table_grid(table, shown.rows) for table in report.tables],
        "pairs": _pairs(report.pairs, shown),
        "samples": sample_groups(report.samples, shown),
        "provenance": sorted(report.provenance.items()),
    }
    sections = (
        ("checks", "Checks", context["checks"]),
        ("funnel", "In and out" if context["passes"] else "Amounts", context["funnel"]),
        ("drops", "Left out", context["drops"]),
        ("numbers", "Numbers", context["metrics"]),
        ("curves", "Curves", series),
        ("distributions", "Distributions", charts),
        ("tables", "Tables", context["tables"]),
        ("pairs", "Near duplicates", context["pairs"]["shown"]),
        ("samples", "Samples", context["samples"]),
        ("provenance", "Made from", context["provenance"]),
    )
    return {**context, "contents": [(name, title) for name, title, filled in sections if filled]}


def status(checks: Sequence[Check]) -> dict[str, str]:
    """The checks in one phrase and a tone (good, warn, bad, idle)."""
    failed = sum(not check.passed and check.severity == "error" for check in checks)
    warned = sum(not check.passed and check.severity == "warn" for check in checks)
    if failed:
        return {"tone": "bad", "text": f"{failed} of {len(checks)} checks failed"}
    if warned:
        return {"tone": "warn", "text": f"Passed, with {warned} warning{'s' if warned > 1 else ''}"}
    if checks:
        words_of = {1: "The check passed", 2: "Both checks passed"}
        return {"tone": "good", "text": words_of.get(len(checks), f"All {len(checks)} checks passed")}
    return {"tone": "good", "text": "Done"}


def check_lines(checks: Sequence[Check]) -> list[dict[str, str]]:
    """Checks as rows of words, those that failed first."""
    signs = {"<=": "at most", ">=": "at least", "<": "below", ">": "above", "==": "exactly"}
    lines = []
    for check in sorted(checks, key=lambda check: (check.passed, check.severity == "warn")):
        failed = ("failed", "bad") if check.severity == "error" else ("warning", "warn")
        result, tone = ("passed", "good") if check.passed else failed
        interval = "" if check.low is None or check.high is None else f" ({check.low:.3g} to {check.high:.3g})"
        lines.append(
            {
                "result": result,
                "tone": tone,
                "metric": words(check.metric),
                "value": quantity(check.metric, whole(check.value)) + interval,
                "bound": f"{signs[check.op]} {quantity(check.metric, whole(check.threshold))}",
                "reason": check.reason,
            }
        )
    return lines


def whole(value: float) -> float:
    """An integer where the float is one, so that it is shown as one."""
    return int(value) if float(value).is_integer() else value


def funnel(counts: Sequence[Count]) -> dict[str, Any] | None:
    """The counts as rows with bars, which compare documents if half of the rows have them, else what most have."""
    if not counts:
        return None
    shown = {"records": count, "documents": count, "bytes": byte_size, "tokens": count}
    units = [unit for unit in shown if any(getattr(line, unit) is not None for line in counts)]
    known = {unit: sum(getattr(line, unit) is not None for line in counts) for unit in shown}
    measure = max(("documents", "bytes", "tokens", "records"), key=lambda unit: known[unit])
    if 2 * known["documents"] >= len(counts):
        measure = "documents"
    largest = max((getattr(line, measure) or 0 for line in counts), default=0) or 1
    lines = []
    for line in counts:
        value = getattr(line, measure)
        lines.append(
            {
                "label": line.label[:1].upper() + line.label[1:].replace("_", " "),
                "cells": ["" if getattr(line, unit) is None else shown[unit](getattr(line, unit)) for unit in units],
                "width": None if value is None else 100 * value / largest,
                "share": "" if value is None else percent(value / largest),
            }
        )
    titles = {"records": "Records", "documents": "Documents", "bytes": "Text", "tokens": "Tokens"}
    return {"lines": lines, "units": [titles[unit] for unit in units], "measure": measure.replace("bytes", "text")}


def drops(lines: Sequence[Drop]) -> dict[str, Any] | None:
    """The drops as rows with bars, largest first."""
    lines = [line for line in lines if line.documents]
    if not lines:
        return None
    documents = sum(line.documents for line in lines)
    largest = max(line.documents for line in lines)
    written = [
        {
            "label": words(line.reason),
            "documents": count(line.documents),
            "bytes": byte_size(line.bytes),
            "share": percent(line.documents / documents),
            "width": 100 * line.documents / largest,
        }
        for line in sorted(lines, key=lambda line: (-line.documents, line.reason))
    ]
    opened = FIRST_ROWS if len(written) > FIRST_ROWS + 4 else len(written)
    return {
        "documents": count(documents),
        "bytes": byte_size(sum(line.bytes for line in lines)),
        "lines": written,
        "opened": opened,
    }


def _beside_drops(report: StageReport) -> dict[str, int | float | str]:
    """The metrics without those that repeat the table of drops."""
    repeated = {f"dropped_{drop.reason}" for drop in report.drops}
    return {name: value for name, value in report.metrics.items() if name not in repeated}


def metric_facts(metrics: Mapping[str, int | float | str]) -> list[dict[str, str]]:
    """Flat metrics as labels and values with their units."""
    return [{"label": words(name), "value": quantity(name, value), "note": ""} for name, value in metrics.items()]


def sample_groups(samples: Sequence[Sample], shown: Shown) -> list[dict[str, Any]]:
    """Samples by group, in the order in which the groups first come."""
    groups: dict[str, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.group, []).append(sample)
    return [
        {
            "title": cut(words(title), LABEL),
            "shown": [_sample(sample, shown.characters) for sample in members[: shown.samples]],
            "hidden": max(0, len(members) - shown.samples),
        }
        for title, members in groups.items()
    ]


def _sample(sample: Sample, characters: int) -> dict[str, Any]:
    facts = [
        {"label": cut(words(name).lower(), LABEL), "value": cut(quantity(name, value), LABEL)}
        for name, value in sample.facts.items()
    ]
    text = cut(sample.text, characters)
    return {"source": cut(sample.source, LABEL), "id": cut(sample.id, LABEL), "text": text, "facts": facts}


def _pairs(pairs: Sequence[SamplePair], shown: Shown) -> dict[str, Any]:
    lines = []
    for pair in pairs[: shown.pairs]:
        left, right = mark_differences(cut(pair.text_a, shown.characters), cut(pair.text_b, shown.characters))
        sides = [{"id": pair.id_a, "pieces": left}, {"id": pair.id_b, "pieces": right}]
        lines.append({"similarity": decimal(pair.similarity), "sides": sides})
    return {"shown": lines, "hidden": max(0, len(pairs) - shown.pairs)}
