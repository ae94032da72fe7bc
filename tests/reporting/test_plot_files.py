"""The files that `dvc plots` draws: the numbers of the report, one row a step or a bar."""

import csv
import math
from pathlib import Path

import pytest

from bessemer.reporting.report import Drop, StageReport, histogram, write_report

ABOUT = {"stage": "curate", "title": "Curate", "summary": "one of two"}


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_bins_are_steps_that_end_at_nothing_and_equal_ratios_are_logarithms(tmp_path: Path) -> None:
    plain = histogram("a", [0, 1, 1, 2], title="Plain", unit="words", bins=[0, 1, 2])
    ratios = histogram("b", [1, 10, 100], title="Ratios", unit="bytes", bins=[1, 10, 100], log_x=True)
    write_report(StageReport(**ABOUT, histograms=[plain, ratios]), tmp_path)
    assert rows(tmp_path / "histograms.csv") == [
        ["histogram", "value", "count"],
        ["Plain (words)", "0.0", "1"],
        ["Plain (words)", "1.0", "3"],
        ["Plain (words)", "2.0", "0"],
        ["Ratios (log10 bytes)", "0.0", "1"],
        ["Ratios (log10 bytes)", str(math.log10(10)), "2"],
        ["Ratios (log10 bytes)", "2.0", "0"],
    ]
    assert not (tmp_path / "drops.csv").exists(), "a stage that drops nothing has no such file"


@pytest.mark.parametrize("values", [[], [0, 0, 0]])
def test_a_logarithmic_axis_does_without_a_value(tmp_path: Path, values: list[int]) -> None:
    empty = histogram("a", values, title="Sentences", unit="count", log_x=True)
    write_report(StageReport(**ABOUT, histograms=[empty]), tmp_path)
    assert {row[2] for row in rows(tmp_path / "histograms.csv")[1:]} == {"0"}


def test_a_stage_that_may_drop_has_the_file_also_when_it_drops_none(tmp_path: Path) -> None:
    write_report(StageReport(**ABOUT, drops=[]), tmp_path)
    assert rows(tmp_path / "drops.csv") == [["reason", "documents", "bytes"]]
    write_report(StageReport(**ABOUT, drops=[Drop(reason="too_short", documents=1, bytes=9)]), tmp_path)
    assert rows(tmp_path / "drops.csv")[1:] == [["too_short", "1", "9"]]
