"""Charts say what the numbers say, in the page's own colours."""

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bessemer.reporting.charts import MAX_POINTS, describe, histogram_chart, series_charts
from bessemer.reporting.numbers import percent
from bessemer.reporting.report import Histogram, Series, histogram

NUMBERS = re.compile(r"-?\d+(?:\.\d+)?")


def points(path: str) -> list[tuple[float, float]]:
    numbers = [float(number) for number in NUMBERS.findall(path)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def path_of(svg: str, colour: str) -> list[tuple[float, float]]:
    for element in ET.fromstring(svg).iter():
        if element.tag.endswith("path") and colour in element.get("style", ""):
            return points(element.attrib["d"])
    raise AssertionError(f"nothing is drawn in {colour}")


def example(**changes: object) -> Histogram:
    values = {
        "name": "h",
        "title": "H",
        "unit": "words",
        "edges": [0, 1, 2, 3],
        "counts": [10, 40, 20],
        "threshold": 1.5,
    }
    return Histogram.model_validate({**values, **changes})


def test_bars_are_as_high_as_their_counts() -> None:
    outline = path_of(histogram_chart(example()).svg, "var(--accent)")
    floor = max(y for _, y in outline)
    heights = [floor - outline[place][1] for place in (1, 3, 5)]
    assert heights == pytest.approx([heights[1] * share for share in (0.25, 1, 0.5)], abs=0.2)


def test_the_threshold_stands_where_its_value_is() -> None:
    svg = histogram_chart(example()).svg
    outline = path_of(svg, "var(--accent)")
    left, right = min(x for x, _ in outline), max(x for x, _ in outline)
    (x, _), _ = path_of(svg, "var(--mark)")
    assert x == pytest.approx((left + right) / 2, abs=0.2)


def test_a_threshold_far_from_all_values_is_told_and_not_drawn() -> None:
    chart = histogram_chart(example(threshold=1e9))
    assert "var(--mark)" not in chart.svg
    assert "100\u00a0% lie below" in chart.caption


@pytest.mark.parametrize("changes", [{}, {"log_x": True}, {"log_y": True}, {"counts": [0, 0, 0]}, {"threshold": None}])
def test_all_colours_are_the_pages_and_no_font_or_size_is_fixed(changes: dict[str, object]) -> None:
    svg = str(histogram_chart(example(**changes)).svg)
    assert "#0" not in re.sub(r"#[a-z0-9]{10,}", "", svg)
    assert "font-family" not in svg
    assert 'width="' not in svg.partition(">")[0]
    assert "<style" not in svg
    assert "metadata" not in svg


@settings(max_examples=20)
@given(st.lists(st.floats(0, 1e6), min_size=50, max_size=200))
def test_the_caption_names_the_median_or_the_bin_that_has_most_values(values: list[float]) -> None:
    drawn = histogram("h", values, title="H", unit="", bins=40)
    if max(drawn.counts) > len(values) / 2:
        assert percent(max(drawn.counts) / len(values)) in describe(drawn)
        return
    told = float(re.findall(r"median about ([\d.,e-]+\d)", describe(drawn))[0].replace(",", ""))
    width = drawn.edges[1] - drawn.edges[0]
    ordered = sorted(values)
    low, high = ordered[(len(values) - 1) // 2], ordered[len(values) // 2]
    assert low - width - abs(told) * 0.01 - 1e-3 <= told <= high + width + abs(told) * 0.01 + 1e-3


def test_whole_numbers_in_bins_of_one_have_a_whole_median() -> None:
    drawn = histogram("h", [2, 2, 3, 3, 3, 7], title="H", unit="documents", bins=range(9))
    assert "median about 3 documents" in describe(drawn)


def test_an_empty_histogram_says_so() -> None:
    assert histogram_chart(histogram("h", [], title="H", unit="words")).caption == "No values."


def test_columns_of_a_kind_share_a_chart_and_others_have_their_own() -> None:
    series = Series(
        name="t",
        title="T",
        x="step",
        y=["train_loss", "val_loss", "learning_rate"],
        rows=[[0, 9, 9, 1], [1, 3, None, 2]],
    )
    charts = series_charts(series)
    assert [chart.legend for chart in charts] == [("train_loss", "val_loss"), ()]
    assert "Train loss from 9 to 3" in charts[0].caption


def test_a_long_series_is_drawn_short_and_keeps_its_extremes_in_the_band() -> None:
    rows: list[list[float | None]] = [[step, 1.0] for step in range(20_000)]
    rows[7000][1] = 50.0
    (chart,) = series_charts(Series(name="t", title="T", x="step", y=["loss"], rows=rows))
    drawing = ET.fromstring(chart.svg)
    used = next(e for e in drawing.iter() if e.tag.endswith("use") and "opacity: 0.2" in e.get("style", ""))
    outline = next(e for e in drawing.iter() if e.get("id") == used.attrib["href"][1:])
    heights = [y for _, y in points(outline.attrib["d"])]
    assert len(heights) <= 2 * MAX_POINTS + 10
    assert max(heights) - min(heights) > 100
    assert len(chart.svg) < 30_000


def test_a_series_of_nothing_draws_nothing() -> None:
    assert series_charts(Series(name="t", title="T", x="step", y=["loss"], rows=[])) == []
    (chart,) = series_charts(Series(name="t", title="T", x="step", y=["loss"], rows=[[1.0, None]]))
    assert chart.caption == "No values."


def test_the_same_histogram_gives_the_same_bytes() -> None:
    drawn = histogram("h", np.random.default_rng(3).normal(size=500), title="H", unit="")
    assert histogram_chart(drawn).svg == histogram_chart(drawn).svg
