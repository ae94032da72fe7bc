"""StageReport: what a stage did to its data, typed and deterministic. Pages, metrics and plots are made from it alone.

What changes from run to run (times, hosts, memory) has no place here; it goes into the run record.
"""

import csv
import io
import math
import operator
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict, Field

from bessemer.shards import write_bytes, write_json

SUMMARY = "summary.json"
METRICS = "metrics.json"
HISTOGRAMS = "histograms.csv"
DROPS = "drops.csv"
Scalar = int | float | str
Operator = Literal["<=", ">=", "<", ">", "=="]
Severity = Literal["warn", "error"]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "==": operator.eq,
}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Count(_Part):
    """A line of the funnel: what is there at this point of the stage. ``None`` where a unit does not apply."""

    label: str
    records: int | None = None
    documents: int | None = None
    bytes: int | None = None
    tokens: int | None = None


class Drop(_Part):
    """Documents (and their UTF-8 bytes) that left here, by reason."""

    reason: str
    documents: int
    bytes: int


class Histogram(_Part):
    """``counts[i]`` values lie in ``[edges[i], edges[i + 1])``; the last bin includes its upper edge."""

    name: str
    title: str
    unit: str
    edges: list[float]
    counts: list[int]
    threshold: float | None = None
    log_x: bool = False
    log_y: bool = False


class Series(_Part):
    """Columns over a common x; written as CSV for ``dvc plots``. A missing point is ``None``."""

    name: str
    title: str
    x: str
    y: list[str]
    rows: list[list[float | None]]


class Table(_Part):
    """A small table for people. Where its numbers are ``shares`` of one, pages shade its cells: a heatmap."""

    name: str
    title: str
    columns: list[str]
    rows: list[list[Scalar | None]]
    note: str = ""
    shares: bool = False


class Sample(_Part):
    """A document shown as it is, with the facts that put it here. The text is cut by the stage."""

    group: str
    id: str
    source: str
    text: str
    facts: dict[str, Scalar] = Field(default_factory=dict)


class SamplePair(_Part):
    """Two documents side by side and their true Jaccard similarity."""

    id_a: str
    id_b: str
    text_a: str
    text_b: str
    similarity: float


class Check(_Part):
    """A bound and whether it held. A failed check of severity ``error`` ends the stage with exit code 3.

    ``low`` and ``high`` are the 95 % interval of a value that was found on a sample.
    """

    id: str
    metric: str
    value: float
    op: Operator
    threshold: float
    severity: Severity
    passed: bool
    reason: str
    low: float | None = None
    high: float | None = None


class StageReport(_Part):
    """All that a stage has to say about its result. Same inputs and parameters, same bytes."""

    stage: str
    title: str
    summary: str
    counts: list[Count] = Field(default_factory=list)
    drops: list[Drop] = Field(default_factory=list)
    metrics: dict[str, Scalar] = Field(default_factory=dict)
    histograms: list[Histogram] = Field(default_factory=list)
    series: list[Series] = Field(default_factory=list)
    tables: list[Table] = Field(default_factory=list)
    samples: list[Sample] = Field(default_factory=list)
    pairs: list[SamplePair] = Field(default_factory=list)
    checks: list[Check] = Field(default_factory=list)
    provenance: dict[str, str] = Field(default_factory=dict)

    @property
    def failed(self) -> list[Check]:
        """Checks of severity ``error`` that did not hold."""
        return [check for check in self.checks if check.severity == "error" and not check.passed]


def check(metric: str, value: float, op: Operator, threshold: float, *, severity: Severity, reason: str) -> Check:
    """Compare a value with a bound. A value that is not a number passes nothing."""
    passed = bool(_COMPARE[op](value, threshold)) and not math.isnan(value)
    return Check(
        id=f"{metric} {op} {threshold:g}",
        metric=metric,
        value=value,
        op=op,
        threshold=threshold,
        severity=severity,
        passed=passed,
        reason=reason,
    )


def histogram(
    name: str,
    values: ArrayLike,
    *,
    title: str,
    unit: str,
    bins: int | Sequence[float] = 30,
    threshold: float | None = None,
    log_x: bool = False,
    log_y: bool = False,
) -> Histogram:
    """Histogram of finite values over equal bins; with ``log_x`` over equal ratios, without values below 1e-12.

    Args:
        name: short ASCII name, used for files.
        values: any shape, numeric.
        title: what is counted.
        unit: unit of the values.
        bins: number of bins, or their edges.
        threshold: drawn as a line.
        log_x: equal ratios between edges.
        log_y: draw counts on a logarithmic axis.
    """
    array = np.asarray(values, dtype=np.float64).ravel()
    array = array[np.isfinite(array) & ((array > 1e-12) | (not log_x))]
    if not isinstance(bins, int):
        edges = np.asarray(bins, dtype=np.float64)
    elif array.size == 0:
        edges = np.array([1.0, 10.0] if log_x else [0.0, 1.0])
    elif log_x:
        low, high = float(array.min()), float(array.max())
        edges = np.geomspace(low, max(high, low * 1.001), bins + 1)
    else:
        edges = np.histogram_bin_edges(array, bins)
    counts, edges = np.histogram(np.clip(array, edges[0], edges[-1]), edges)
    return Histogram(
        name=name,
        title=title,
        unit=unit,
        edges=[float(f"{edge:.6g}") for edge in edges],
        counts=[int(count) for count in counts],
        threshold=threshold,
        log_x=log_x,
        log_y=log_y,
    )


def write_report(report: StageReport, directory: Path) -> None:
    """Write ``summary.json``, ``metrics.json`` and what ``dvc plots`` draws into ``directory``.

    That is ``<series>.csv``, and of a stage that sets them, even to none, ``histograms.csv`` and ``drops.csv``.
    """
    write_json(directory / SUMMARY, report.model_dump())
    write_json(directory / METRICS, report.metrics)
    for series in report.series:
        _write_csv(directory / f"{series.name}.csv", [series.x, *series.y], series.rows)
    if "histograms" in report.model_fields_set:
        steps = [row for item in report.histograms for row in _steps(item)]
        _write_csv(directory / HISTOGRAMS, ["histogram", "value", "count"], steps)
    if "drops" in report.model_fields_set:
        drops: list[list[Scalar]] = [[drop.reason, drop.documents, drop.bytes] for drop in report.drops]
        _write_csv(directory / DROPS, ["reason", "documents", "bytes"], drops)


def _steps(item: Histogram) -> Iterator[list[Scalar]]:
    """Label, lower edge and count of every bin, and where the last one ends; of equal ratios the logarithm."""
    unit = f"log10 {item.unit}" if item.log_x else item.unit
    for edge, count in zip(item.edges, [*item.counts, 0], strict=True):
        yield [f"{item.title} ({unit})", float(f"{math.log10(edge):.6g}") if item.log_x else edge, count]


def _write_csv(path: Path, columns: Sequence[str], rows: Sequence[Sequence[Scalar | None]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_bytes(path, text.getvalue().encode())


def read_report(directory: Path) -> StageReport:
    """The report that :func:`write_report` left in ``directory``."""
    return StageReport.model_validate_json((directory / SUMMARY).read_bytes())
