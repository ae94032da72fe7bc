"""Charts as inline SVG that takes its colours from the page, so that one drawing serves light, dark and print.

Matplotlib draws, with fixed margins and fixed marker colours; the markers are then replaced by CSS variables.
"""

import io
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from bessemer.reporting.numbers import count, decimal, percent, quantity, short_count, words
from bessemer.reporting.report import Histogram, Series
from bessemer.reporting.untrusted import neutralise

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 380, 180
MAX_POINTS = 300
"""Points of a line; a longer series is drawn as the mean of equal stretches over a band from least to largest."""

MAX_LINES = 6
LOG_FROM = 100
"""Largest count from which a logarithmic axis helps; below it, it has one tick and misleads."""

_PLAIN_UNITS = frozenset({"", "count", "value", "score", "probability", "share", "fraction"})
"""Units that add nothing after a number."""

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "{http://www.w3.org/1999/xlink}href"
_TEXT, _LINE, _ACCENT, _THRESHOLD, _PAGE = "#010101", "#020202", "#030303", "#040404", "#050505"
_SERIES = tuple(f"#0{number}0a0a" for number in range(1, MAX_LINES + 1))
_COLOURS = {
    _TEXT: "currentColor",
    _LINE: "var(--line)",
    _ACCENT: "var(--accent)",
    _THRESHOLD: "var(--mark)",
    _PAGE: "var(--page)",
    **{colour: f"var(--series-{number})" for number, colour in enumerate(_SERIES, start=1)},
}
_DASHES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 3)))
_NUMBER = re.compile(r"-?\d+\.\d+")
_FONT = re.compile(r"font(-family)?: ?[^;]*'[^;]*;? ?")


@dataclass(frozen=True)
class Chart:
    """One drawing with its heading and a sentence that says the same in words."""

    title: str
    svg: Markup
    caption: str
    axis: str
    """What the horizontal axis measures. Words stand in HTML, so that none from the data is drawn by matplotlib."""

    legend: tuple[str, ...] = ()
    """Names of the lines, in the order of the CSS variables ``--series-1`` …; empty for a single line."""


def histogram_chart(histogram: Histogram) -> Chart:
    """Bars over the bins and, where there is one, a dashed line at the threshold."""
    edges = np.asarray(histogram.edges, dtype=np.float64)
    counts = np.asarray(histogram.counts, dtype=np.float64)
    edges = _positive(edges) if histogram.log_x else edges
    with _axes() as (axes, finish):
        log_y = histogram.log_y and counts.max(initial=0) >= LOG_FROM
        floor = 0.5 if log_y else 0.0
        axes.stairs(np.maximum(counts, floor), edges, baseline=floor, fill=True, color=_ACCENT, linewidth=0)
        if histogram.log_x:
            axes.set_xscale("log")
        if log_y:
            axes.set_yscale("log")
            axes.set_ylim(bottom=floor)
        else:
            axes.set_ylim(0, max(1.0, counts.max(initial=0) * 1.08))
        low, high = float(edges[0]), float(edges[-1])
        threshold = histogram.threshold
        if threshold is not None and _near(threshold, low, high, log=histogram.log_x):
            low, high = min(low, threshold), max(high, threshold)
            axes.axvline(threshold, color=_PAGE, linewidth=4.5)
            axes.axvline(threshold, color=_THRESHOLD, linestyle=(0, (4, 2.5)), linewidth=1.8)
        axes.set_xlim(low, high if high > low else low + 1)
        svg = finish(f"histogram {histogram.name}", f"Histogram: {histogram.title}")
    return Chart(histogram.title, svg, describe(histogram), "" if histogram.unit == "value" else histogram.unit)


def describe(histogram: Histogram) -> str:
    """The histogram in a sentence: how many values, the median, the share on either side of the threshold."""
    counts = np.asarray(histogram.counts, dtype=np.float64)
    total = counts.sum()
    if total == 0:
        return "No values."
    edges = np.asarray(histogram.edges, dtype=np.float64)
    cumulative = np.concatenate(([0.0], np.cumsum(counts))) / total
    shares = histogram.unit.startswith(("share", "fraction")) or "fraction" in histogram.name
    write = partial(quantity, "share") if shares else partial(decimal, digits=3)
    unit = "" if shares or histogram.unit in _PLAIN_UNITS else f" {histogram.unit}"
    low, middle, high = (write(_quantile(edges, cumulative, share)) for share in (0.05, 0.5, 0.95))
    spread = f"median about {middle}{unit}, nine in ten between {low} and {high}"
    fullest = int(counts.argmax())
    if counts[fullest] > total / 2 and edges[fullest + 1] - edges[fullest] != 1:
        start, end = write(float(edges[fullest])), write(float(edges[fullest + 1]))
        spread = f"{percent(counts[fullest] / total)} of them between {start} and {end}{unit}"
    sentence = f"{count(total)} values; {spread}."
    if histogram.threshold is None:
        return sentence
    below = float(np.interp(histogram.threshold, edges, cumulative))
    sides = f"about {percent(below)} lie below, {percent(1 - below)} above"
    return f"{sentence} Dashed: the threshold {write(histogram.threshold)}; {sides}."


def series_charts(series: Series) -> list[Chart]:
    """One chart for each kind of column: ``train_loss`` and ``val_loss`` share one, ``learning_rate`` has its own."""
    table = np.array([[np.nan if value is None else value for value in row] for row in series.rows], dtype=np.float64)
    if table.size == 0:
        return []
    kinds: dict[str, list[int]] = {}
    for column, name in enumerate(series.y, start=1):
        kinds.setdefault(name.rsplit("_", 1)[-1], []).append(column)
    groups = [
        columns[start : start + MAX_LINES] for columns in kinds.values() for start in range(0, len(columns), MAX_LINES)
    ]
    return [_line_chart(series, table, columns, alone=len(groups) == 1) for columns in groups]


def _line_chart(series: Series, table: NDArray[np.float64], columns: Sequence[int], *, alone: bool) -> Chart:
    names = [series.y[column - 1] for column in columns]
    facts = []
    with _axes() as (axes, finish):
        for place, (column, name) in enumerate(zip(columns, names, strict=True)):
            seen = np.isfinite(table[:, 0]) & np.isfinite(table[:, column])
            x, y = table[seen, 0], table[seen, column]
            colour = _ACCENT if len(columns) == 1 else _SERIES[place]
            _draw_line(axes, x, y, colour, "-" if len(columns) == 1 else _DASHES[place])
            if y.size:
                facts.append(f"{words(name)} from {decimal(float(y[0]))} to {decimal(float(y[-1]))}")
        reach = table[np.isfinite(table[:, 0]), 0]
        low, high = (float(reach.min()), float(reach.max())) if reach.size else (0.0, 1.0)
        axes.set_xlim(low, high if high > low else low + 1)
        bottom, top = axes.get_ylim()
        if 0 < bottom < 0.35 * top:
            axes.set_ylim(bottom=0)
        title = series.title if alone else ", ".join(words(name) for name in names)
        svg = finish(f"series {series.name} {' '.join(names)}", f"Line chart: {title}")
    caption = "; ".join(facts) + "." if facts else "No values."
    return Chart(title, svg, caption, words(series.x).lower(), tuple(names) if len(names) > 1 else ())


def _draw_line(axes: "Axes", x: NDArray[np.float64], y: NDArray[np.float64], colour: str, dash: object) -> None:
    if x.size > MAX_POINTS:
        stretches = [part for part in np.array_split(np.arange(x.size), MAX_POINTS) if part.size]
        x = np.array([x[part].mean() for part in stretches])
        least, largest = (np.array([pick(y[part]) for part in stretches]) for pick in (np.min, np.max))
        y = np.array([y[part].mean() for part in stretches])
        axes.fill_between(x, least, largest, color=colour, alpha=0.2, linewidth=0)
    marker = "o" if x.size <= 24 else None
    axes.plot(x, y, color=colour, linewidth=1.6, linestyle=dash, marker=marker, markersize=3)


@contextmanager
def _axes() -> Iterator[tuple["Axes", "_Finish"]]:
    """Axes with the house style, and the function that turns them into SVG."""
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    with mpl.rc_context({"svg.fonttype": "none", "text.parse_math": False, "font.size": 11, "text.color": _TEXT}):
        figure = Figure(figsize=(WIDTH / 72, HEIGHT / 72))
        axes = figure.add_axes((46 / WIDTH, 22 / HEIGHT, 1 - 62 / WIDTH, 1 - 32 / HEIGHT))
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        axes.spines["bottom"].set_color(_LINE)
        axes.grid(axis="y", color=_LINE, linewidth=0.7)
        axes.set_axisbelow(True)
        axes.tick_params(bottom=False, left=False, length=0, labelcolor=_TEXT, labelsize=11, pad=5)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(5))
        yield axes, _Finish(axes, FuncFormatter(lambda value, _: short_count(value).replace("-", "\u2212")))


@dataclass(frozen=True)
class _Finish:
    axes: "Axes"
    formatter: object

    def __call__(self, salt: str, label: str) -> Markup:
        import matplotlib as mpl
        from matplotlib.ticker import LogLocator, NullLocator

        for axis in (self.axes.xaxis, self.axes.yaxis):
            if axis.get_scale() == "log":
                axis.set_major_locator(LogLocator(numticks=6))
            axis.set_major_formatter(self.formatter)  # type: ignore[arg-type]
            axis.set_minor_locator(NullLocator())
        target = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        with mpl.rc_context({"svg.hashsalt": neutralise(salt)}):
            figure = self.axes.get_figure()
            assert figure is not None
            figure.savefig(target, format="svg", transparent=True, metadata=nothing)  # type: ignore[union-attr]
        return _for_a_page(target.getvalue(), label)


def _for_a_page(svg: str, label: str) -> Markup:
    """Matplotlib's SVG without prologue, fonts, sizes and unused ids, and with the page's colours."""
    ET.register_namespace("", _SVG)
    root = ET.fromstring(svg)
    for parent in list(root.iter()):
        for child in list(parent):
            if _is_empty(child) or child.tag == f"{{{_SVG}}}metadata" or child.find(f"{{{_SVG}}}style") is not None:
                parent.remove(child)
    used = set(re.findall(r"#([a-z0-9]+)", " ".join(_references(root))))
    for element in root.iter():
        if element.get("id") not in used:
            element.attrib.pop("id", None)
        if _XLINK in element.attrib:
            element.set("href", element.attrib.pop(_XLINK))
        if "style" in element.attrib:
            element.set("style", _page_style(element.attrib["style"]))
        for name in ("d", "x", "y", "transform"):
            if name in element.attrib:
                element.set(name, _NUMBER.sub(lambda match: f"{float(match.group()):.1f}", element.attrib[name]))
        if "d" in element.attrib:
            element.set("d", " ".join(element.attrib["d"].split()))
        element.tail = None
        if element.tag != f"{{{_SVG}}}text":
            element.text = None
    root.attrib.pop("width", None)
    root.attrib.pop("height", None)
    root.attrib.pop("version", None)
    root.set("role", "img")
    root.set("aria-label", neutralise(label))
    return Markup(ET.tostring(root, encoding="unicode"))


def _is_empty(element: ET.Element) -> bool:
    """Whether it is a group in which nothing is drawn."""
    drawn = {f"{{{_SVG}}}{name}" for name in ("path", "text", "use")}
    return element.tag == f"{{{_SVG}}}g" and all(part.tag not in drawn for part in element.iter())


def _references(root: ET.Element) -> Iterator[str]:
    for element in root.iter():
        yield element.get("clip-path", "")
        yield element.get(_XLINK, "")


def _page_style(style: str) -> str:
    for marker, colour in _COLOURS.items():
        style = style.replace(marker, colour)
    return _FONT.sub("", style)


def _near(value: float, low: float, high: float, *, log: bool) -> bool:
    """Whether a line at this value can be drawn without pressing the bars into a corner."""
    if log:
        return value > 0 and low * low / high <= value <= high * high / low
    return 2 * low - high <= value <= 2 * high - low


def _positive(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Edges for a logarithmic axis: one that is not above zero moves to half the smallest that is."""
    positive = edges[edges > 0]
    least = positive.min() / 2 if positive.size else 0.5
    return np.maximum(edges, least)


def _quantile(edges: NDArray[np.float64], cumulative: NDArray[np.float64], share: float) -> float:
    """The value below which a share of the counts lies: linear within a bin, exact where a bin holds one integer."""
    place = int(np.searchsorted(cumulative, share, side="left"))
    place = min(max(place, 1), len(edges) - 1)
    low, high = float(edges[place - 1]), float(edges[place])
    if high - low == 1:
        return float(math.ceil(low))
    rise = cumulative[place] - cumulative[place - 1]
    part = (share - cumulative[place - 1]) / rise if rise > 0 else 0.0
    return low + float(part) * (high - low)
