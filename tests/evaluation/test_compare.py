"""The pinned baseline: a bound when there is one, and a file that must be there."""

from pathlib import Path

import pytest

from bessemer.errors import ConfigError
from bessemer.evaluation.compare import compare_with_baseline, read_baseline


@pytest.mark.parametrize(("value", "passed"), [(1.0, True), (1.6, True), (1.616, True), (1.617, False), (9.0, False)])
def test_a_model_may_be_worse_than_the_baseline_by_the_tolerance_and_no_more(value: float, passed: bool) -> None:
    found = compare_with_baseline({"bits": value}, {"bits": 1.6}, metric="bits", tolerance=0.01)
    assert found is not None
    assert (found.passed, found.severity) == (passed, "error")


def test_nothing_is_compared_where_nothing_is_pinned(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_text('{"metrics": {}}')
    assert compare_with_baseline({"bits": 1.0}, read_baseline(path), metric="bits", tolerance=0.0) is None


@pytest.mark.parametrize("value", [float("nan"), "1.5"])
def test_a_metric_that_is_no_number_passes_nothing(value: float | str) -> None:
    with pytest.raises(ConfigError, match="reports no number bits"):
        compare_with_baseline({"bits": value}, {"bits": 1.6}, metric="bits", tolerance=0.01)


@pytest.mark.parametrize("content", [None, "", "[]", '{"metrics": {"bits": "low"}}', '{"bits": 1}'])
def test_a_baseline_that_cannot_be_read_is_a_sentence(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "baseline.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match="restore it from version control"):
        read_baseline(path)


def test_the_shipped_baseline_is_readable() -> None:
    read_baseline(Path(__file__).parents[2] / "models" / "baseline.json")
