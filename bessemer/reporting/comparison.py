"""Two runs side by side, as tables of text: what went in, what came out, how good it is, what it took."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bessemer.gates import wilson_interval
from bessemer.reporting.card_metadata import SCORED, interval_of
from bessemer.reporting.card_scores import DOCUMENTS
from bessemer.reporting.corpus import corpus_funnel, losses
from bessemer.reporting.history import moved
from bessemer.reporting.numbers import MINUS, NBSP, byte_size, count, decimal, percent, quantity, words
from bessemer.reporting.report import Count, StageReport, Table
from bessemer.reporting.side import Side
from bessemer.reporting.verdict import Verdict, difference_interval, judge, paired_interval

ABSENT = "–"


@dataclass(frozen=True)
class Line:
    """A row: what it is about, the value on both sides, and the difference in words where there is one."""

    label: str
    a: str
    b: str
    change: str = ""
    group: str = ""


@dataclass(frozen=True)
class Score:
    """A score on both sides, each with its interval where it is known, and whether they differ by more than noise."""

    label: str
    a: str
    of_a: str
    b: str
    of_b: str
    difference: str
    verdict: Verdict


def changed_parameters(a: Side, b: Side) -> list[Line]:
    """Parameters that differ, or that only one side has; none where those of a side are not known at all."""
    keys = sorted({*a.parameters, *b.parameters}) if a.parameters and b.parameters else []
    return [
        Line(key, _value(a.parameters, key), _value(b.parameters, key))
        for key in keys
        if a.parameters.get(key, ABSENT) != b.parameters.get(key, ABSENT)
    ]


def changed_inputs(a: Side, b: Side) -> list[Line]:
    """Sources, code and packages that differ; code by name of file, its digests cut to what people compare."""
    kinds = (("input", a.inputs, b.inputs), ("package", a.packages, b.packages), ("code", a.code, b.code))
    return [
        Line(key, left.get(key, ABSENT)[:12], right.get(key, ABSENT)[:12], group=kind)
        for kind, left, right in kinds
        if left and right
        for key in sorted({*left, *right})
        if left.get(key) != right.get(key)
    ]


def changed_metrics(a: Side, b: Side) -> list[Line]:
    """Metrics that differ, or that only one side has, by stage."""
    lines = []
    for stage in dict.fromkeys([*a.metrics, *b.metrics]):
        left, right = a.metrics.get(stage, {}), b.metrics.get(stage, {})
        lines += [Line(line["name"], line["before"], line["now"], line["change"], stage) for line in moved(left, right)]
        lines += [
            Line(words(name), quantity(name, left.get(name)), quantity(name, right.get(name)), group=stage)
            for name in sorted(set(left) ^ set(right))
            if left and right
        ]
    return lines


def scores(a: Side, b: Side) -> list[Score]:
    """Bits per byte of every set of texts, and accuracies found on a sample, with a verdict on each difference."""
    left, right = (_rows(side.reports.get("evaluate"), SCORED) for side in (a, b))
    documents = [_documents(side.reports.get("evaluate")) for side in (a, b)]
    found = [_bits(name, left[name], right[name], *documents) for name in left if name in right]
    one, two = (side.metrics.get("evaluate", {}) for side in (a, b))
    shares = [_share(metrics) for metrics in (one, two)]
    if shares[0] is not None and shares[1] is not None:
        (value_a, of_a), (value_b, of_b) = shares[0], shares[1]
        verdict = judge(value_a, value_b, difference_interval(value_a, of_a, value_b, of_b), lower_is_better=False)
        difference = _signed(value_b - value_a, lambda value: f"{100 * value:.1f}{NBSP}points")
        ends = [f"{percent(low)} to {percent(high)}" for low, high in (of_a, of_b)]
        found.append(Score("last words", percent(value_a), ends[0], percent(value_b), ends[1], difference, verdict))
    return found


def funnels(a: Side, b: Side) -> list[Line]:
    """The corpus from raw records to trained tokens, step by step; a step that only one side has stands where it is."""
    left, right = ({line.label: line for line in corpus_funnel(side.reports)} for side in (a, b))
    lines = []
    for label in _merged(list(left), list(right)):
        for unit, write in (("documents", count), ("bytes", byte_size), ("tokens", count)):
            one, two = (_amount(side.get(label), unit) for side in (left, right))
            if one is None and two is None:
                continue
            shown_a, shown_b = (ABSENT if value is None else write(value) for value in (one, two))
            name = label[:1].upper() + label[1:].replace("_", " ")
            lines.append(Line(unit.replace("bytes", "text"), shown_a, shown_b, _relative(one, two), name))
    return lines


def lost(a: Side, b: Side) -> list[Line]:
    """Documents left out, by reason."""
    left, right = ({drop.reason: drop.documents for drop in losses(side.reports)} for side in (a, b))
    reasons = sorted({*left, *right}, key=lambda reason: (-max(left.get(reason, 0), right.get(reason, 0)), reason))
    return [
        Line(
            words(reason),
            count(left.get(reason, 0)),
            count(right.get(reason, 0)),
            _relative(left.get(reason, 0), right.get(reason, 0)),
        )
        for reason in reasons
        if left.get(reason) or right.get(reason)
    ]


def by_group(a: Side, b: Side, stage: str, table: str, column: str) -> list[Line]:
    """One column of a table that both reports may have, row by row, in the order of A and then of B."""
    left, right = (_column(side.reports.get(stage), table, column) for side in (a, b))
    return [
        Line(
            label,
            _cell(column, left.get(label)),
            _cell(column, right.get(label)),
            _relative(left.get(label), right.get(label)),
        )
        for label in dict.fromkeys([*left, *right])
    ]


def _value(parameters: Mapping[str, Any], key: str) -> str:
    if key not in parameters:
        return ABSENT
    value = parameters[key]
    return "null" if value is None else str(value)


def _rows(report: StageReport | None, name: str) -> dict[str, dict[str, Any]]:
    table = _table(report, name)
    if table is None:
        return {}
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    return {str(row[table.columns[0]]): row for row in rows}


def _table(report: StageReport | None, name: str) -> Table | None:
    return next((table for table in report.tables if table.name == name), None) if report is not None else None


def _column(report: StageReport | None, name: str, column: str) -> dict[str, float | None]:
    rows = _rows(report, name)
    values = {label: row.get(column) for label, row in rows.items()}
    return {label: value if isinstance(value, int | float) else None for label, value in values.items()}


def _documents(report: StageReport | None) -> dict[str, dict[str, tuple[int, float]]]:
    """Bytes and bits of the documents of each set of texts; without those whose bits are no number."""
    table = _table(report, DOCUMENTS)
    found: dict[str, dict[str, tuple[int, float]]] = {}
    for text, document, size, bits in table.rows if table else ():
        if isinstance(size, int) and math.isfinite(value := _number(bits)):
            found.setdefault(str(text), {})[str(document)] = (size, value)
    return found


def _bits(
    name: str,
    left: Mapping[str, Any],
    right: Mapping[str, Any],
    of_a: Mapping[str, Mapping[str, tuple[int, float]]],
    of_b: Mapping[str, Mapping[str, tuple[int, float]]],
) -> Score:
    """Bits per byte of one set: judged document by document where both reports have all, else by their intervals."""
    one, two = (_number(row.get("bits per byte")) for row in (left, right))
    ends = [str(row.get("95 % interval") or "") for row in (left, right)]
    intervals = [interval_of(text) for text in ends]
    same = all(left.get(key) == right.get(key) for key in ("documents", "bytes"))
    one_by_one, other = of_a.get(name, {}), of_b.get(name, {})
    sizes = {key: size for key, (size, _) in one_by_one.items()}
    # A report lists the first documents of a large set only; the scores are of all.
    whole = sizes and (len(sizes), sum(sizes.values())) == (left.get("documents"), left.get("bytes"))
    paired = whole and sizes == {key: size for key, (size, _) in other.items()}
    interval = None
    if paired:
        pairs = [(one_by_one[key][1], other[key][1], size) for key, size in sizes.items()]
        interval = paired_interval(*(list(column) for column in zip(*pairs, strict=True)))
    elif intervals[0] is not None and intervals[1] is not None:
        interval = difference_interval(one, intervals[0], two, intervals[1])
    verdict = judge(one, two, interval, lower_is_better=True)
    if not same:
        verdict = Verdict("idle", "other texts, so not comparable")
    difference = _signed(two - one, _three_digits)
    return Score(name, _three_digits(one), ends[0], _three_digits(two), ends[1], difference, verdict)


def _number(cell: object) -> float:
    """A cell's number; not a number where it is empty, as a run keeps those that were none."""
    return float(cell) if isinstance(cell, int | float) else math.nan


def _three_digits(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else ABSENT


def _share(metrics: Mapping[str, Any]) -> tuple[float, tuple[float, float]] | None:
    share, items = metrics.get("cloze_accuracy"), metrics.get("cloze_items")
    if not isinstance(share, int | float) or not math.isfinite(share) or not isinstance(items, int) or items < 1:
        return None
    return float(share), wilson_interval(float(share), items)


def _signed(value: float, write: Callable[[float], str]) -> str:
    return f"{'+' if value > 0 else MINUS if value < 0 else ''}{write(abs(value))}"


def _amount(line: Count | None, unit: str) -> float | None:
    return getattr(line, unit) if line is not None else None


def _relative(a: float | None, b: float | None) -> str:
    """The difference in per cent of A."""
    if a is None or b is None or a == b:
        return ""
    return _signed((b - a) / abs(a), lambda value: f"{100 * value:.1f}{NBSP}%") if a else "new"


def _cell(column: str, value: float | None) -> str:
    if value is None:
        return ABSENT
    return quantity(column, value).removesuffix(f"{NBSP}bits/byte") if column else decimal(value)


def _merged(one: Sequence[str], two: Sequence[str]) -> list[str]:
    """Both orders in one: what only the second has comes after what stands before it there."""
    merged = list(one)
    for place, label in enumerate(two):
        if label not in merged:
            before = two[place - 1] if place else None
            merged.insert(merged.index(before) + 1 if before in merged else 0, label)
    return merged
