"""A stage's first curve or histogram as a Mermaid drawing: Prefect shows those, and nothing has to be installed."""

from __future__ import annotations

import math

from bessemer.reporting.report import Histogram, Series, StageReport

MOST_POINTS = 40
"""Points of a curve; Prefect's column is narrow."""


def chart(report: StageReport) -> str:
    """A fenced block with the chart, or nothing when the report has neither curve nor histogram."""
    if report.series:
        lines = _curve(report.series[0])
    elif report.histograms:
        lines = _bars(report.histograms[0])
    else:
        return ""
    return "\n".join(["```mermaid", "xychart-beta", *(f"  {line}" for line in lines), "```"]) if lines else ""


def _curve(series: Series) -> list[str]:
    """The first column over x, thinned out evenly; the first and the last point stay. Points lie at equal distances."""
    points = [(row[0], row[1]) for row in series.rows if _finite(row[0]) and _finite(row[1])]
    if len(points) < 2:
        return []
    last = len(points) - 1
    count = min(len(points), MOST_POINTS)
    chosen = [points[round(place * last / (count - 1))] for place in range(count)]
    return [
        f"title {_quoted(series.title)}",
        f"x-axis {_quoted(series.x)} {chosen[0][0]:g} --> {chosen[-1][0]:g}",
        f"y-axis {_quoted(series.y[0])}",
        f"line [{', '.join(f'{y:.6g}' for _, y in chosen)}]",
    ]


def _bars(histogram: Histogram) -> list[str]:
    return [
        f"title {_quoted(histogram.title)}",
        f"x-axis {_quoted(histogram.unit)} [{', '.join(_quoted(f'{edge:.3g}') for edge in histogram.edges[:-1])}]",
        "y-axis",
        f"bar [{', '.join(str(count) for count in histogram.counts)}]",
    ]


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _quoted(text: str) -> str:
    """A Mermaid string; it knows no escape for its own quotation mark."""
    return '"' + " ".join(text.replace('"', "'").replace("`", "'").split()) + '"'
