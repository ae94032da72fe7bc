"""Beside the page of a run, a stage's page says why the stage ran and what moved; its own page never knows of a run."""

import json
from pathlib import Path

import pytest

from bessemer.reporting.html import PAGE_BYTES, render_stage_page
from bessemer.reporting.overall import render_overall_page
from bessemer.reporting.report import StageReport, write_report
from bessemer.reporting.states import StageState
from tests.reporting.examples import HOSTILE, curate_report
from tests.reporting.test_html import ALLOWED, Page


def report(kept: int) -> StageReport:
    metrics: dict[str, int | float | str] = {"documents_kept": kept, "kept_fraction": kept / 100, "priority": "length"}
    return StageReport(stage="curate", title="Curation", summary="Some are kept.", metrics=metrics)


def facts(root: Path, run: str, started: int, message: str, outcome: str = "ran", code: int = 0) -> None:
    folder = root / ".runs" / run
    folder.mkdir(parents=True)
    stages = [{"stage": "curate", "outcome": outcome, "message": message}]
    (folder / "run.json").write_text(json.dumps({"run": run, "started": started, "exit_code": code, "stages": stages}))
    if outcome == "ran":
        record = {"exit_code": code, "wall_s": 3.0, "cpu_s": 5.0, "notes": {"tokens_per_second": 812.4, "where": "a/b"}}
        (folder / "curate.json").write_text(json.dumps(record))


def rendered(root: Path, run: str, kept: int, why: str, state: str = "ran") -> str:
    write_report(report(kept), root / "reports/curate")
    render_overall_page(root, run, [StageState("curate", state, why, 3.5 if state == "ran" else None)], [])
    return (root / ".runs" / run / "html/curate.html").read_text()


def text_of(page: str) -> str:
    return " ".join(" ".join(Page(page).texts).split()).replace("\u00a0", " ")


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """A good run, one that failed, and one after a changed rule."""
    facts(tmp_path, "one", 1, "it was never run here")
    facts(tmp_path, "bad", 2, "", "failed", code=4)
    facts(tmp_path, "two", 3, "curate.length.min_words changed from 50 to 80")
    rendered(tmp_path, "one", 40, "it was never run here")
    return tmp_path


def test_the_page_beside_the_run_says_why_the_stage_ran_and_what_it_took(changed: Path) -> None:
    text = text_of(rendered(changed, "two", 30, "curate.length.min_words changed from 50 to 80"))
    assert "It ran because curate.length.min_words changed from 50 to 80." in text
    assert "Time 3.5 s Processor time 5.0 s" in text
    assert "Tokens 812/s" in text
    assert ".runs/two/curate.log" in text


def test_numbers_that_moved_since_the_last_good_run_stand_with_then_now_and_difference(changed: Path) -> None:
    text = text_of(rendered(changed, "two", 30, ""))
    assert "What changed since the last good run, one" in text
    assert "Documents kept 40 30 −10 −25.0 %" in text
    assert "Kept fraction 40.0 % 30.0 % −10.0 points −25.0 %" in text
    assert "Priority" not in text.partition("What changed")[2].partition("Log:")[0]


def test_a_stage_that_was_up_to_date_names_the_run_that_made_it_and_the_reason(changed: Path) -> None:
    facts(changed, "three", 4, "", "cached")
    text = text_of(rendered(changed, "three", 40, "", "cached"))
    assert "it last ran in run two, because curate.length.min_words changed from 50 to 80." in text
    assert "No number moved." in text


def test_a_first_run_is_compared_with_nothing(tmp_path: Path) -> None:
    facts(tmp_path, "one", 1, "")
    assert "What changed" not in rendered(tmp_path, "one", 40, "")


def test_the_stages_own_page_is_the_same_whatever_the_history_holds(changed: Path, tmp_path: Path) -> None:
    rendered(changed, "two", 30, "a rule has changed")
    own = changed / "reports/curate/index.html"
    assert own.read_bytes() == render_stage_page(report(30), tmp_path / "elsewhere").read_bytes()
    assert "last good run" not in own.read_text()


def test_a_copy_with_much_of_everything_is_no_larger_than_a_page_may_be(tmp_path: Path) -> None:
    facts(tmp_path, "one", 1, "")
    facts(tmp_path, "two", 2, "")
    for run, value in (("one", 1), ("two", 2)):
        large = curate_report(scale=150)
        metrics = {f"a_metric_with_a_name_of_usual_length_{number}": value for number in range(300)}
        write_report(large.model_copy(update={"metrics": metrics}), tmp_path / "reports/curate")
        render_overall_page(tmp_path, run, [StageState("curate", "ran", "why " * 50, 1.0)], [])
    copy = (tmp_path / ".runs/two/html/curate.html").read_bytes()
    assert b"270 more numbers moved." in copy
    assert len(copy) < PAGE_BYTES


@pytest.mark.parametrize("kind", sorted(HOSTILE))
def test_a_hostile_reason_stays_text(changed: Path, kind: str) -> None:
    page = rendered(changed, "two", 30, HOSTILE[kind])
    assert {tag for tag, _ in Page(page).elements} <= ALLOWED
    assert not any(name.startswith("on") for _, attributes in Page(page).elements for name in attributes)
