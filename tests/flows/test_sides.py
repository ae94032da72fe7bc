"""A run can be compared after others have taken its place, and a revision as well as a run."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from bessemer.errors import ConfigError
from bessemer.reporting.report import StageReport, write_report
from flows.compare import compare_command
from flows.runner import Outcome, StageResult, capture
from flows.runs import Run
from flows.sides import side
from tests.flows.conftest import Project


def make_run(root: Path, name: str, started: float, tokens: int) -> None:
    """A run in which one stage worked."""
    report = StageReport(stage="pretrain", title="Pretraining", summary="", metrics={"tokens": tokens})
    write_report(report, root / "reports/pretrain")
    lock = {"stages": {"pretrain": {"params": {"params.yaml": {"pretrain": {"tokens": tokens}}}}}}
    (root / "dvc.lock").write_text(json.dumps(lock))
    run = Run(root, name, started)
    run.folder.mkdir(parents=True)
    (run.folder / "pretrain.json").write_text(json.dumps({"wall_s": 60.0, "cpu_s": 60.0}))
    run.write([StageResult("pretrain", Outcome.RAN, 0), StageResult("evaluate", Outcome.SKIPPED, 0)], 0)


def test_a_run_keeps_its_reports_and_parameters_when_the_next_has_taken_its_place(tmp_path: Path) -> None:
    make_run(tmp_path, "one", 1.0, 1000)
    make_run(tmp_path, "two", 2.0, 2000)
    one, latest = side(tmp_path, "one"), side(tmp_path, "latest")
    assert one.reports["pretrain"].metrics == {"tokens": 1000}
    assert (one.parameters, latest.parameters) == ({"pretrain.tokens": 1000}, {"pretrain.tokens": 2000})
    assert (latest.name, latest.outcomes["evaluate"]) == ("two", "skipped")


def test_a_run_of_an_earlier_version_has_the_reports_that_still_lie_here_or_only_its_numbers(tmp_path: Path) -> None:
    make_run(tmp_path, "one", 1.0, 1000)
    for path in [*(tmp_path / ".runs/one/results").iterdir(), tmp_path / ".runs/one/dvc.lock"]:
        path.unlink()
    metrics = tmp_path / ".runs/one/metrics.json"
    metrics.write_text('{"pretrain": {"tokens": 1000}}')
    assert "pretrain" in side(tmp_path, "one").reports
    metrics.write_text('{"pretrain": {"tokens": 5}}')
    one = side(tmp_path, "one")
    assert (one.reports, one.metrics) == ({}, {"pretrain": {"tokens": 5}})
    assert "The reports of pretrain are gone: of those stages only the numbers are left." in one.about


def test_the_command_writes_one_page_and_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_run(tmp_path, "one", 1.0, 1000)
    make_run(tmp_path, "two", 2.0, 2000)
    assert compare_command(tmp_path, ("one", "latest"), None, Console(width=120)) == 0
    said = capsys.readouterr().out
    assert "1 parameter differs; there are no scores to compare." in said
    assert "pretrain.tokens" in said
    assert "<h2>Parameters that differ</h2>" in (tmp_path / ".runs/compare-one-two.html").read_text()


def test_an_empty_name_is_refused_and_not_taken_for_what_lies_here(tmp_path: Path) -> None:
    make_run(tmp_path, "one", 1.0, 1000)
    with pytest.raises(ConfigError, match="the name of a run is empty"):
        compare_command(tmp_path, ("", "latest"), None, Console())


def test_a_revision_is_compared_by_what_dvc_has_of_it_and_an_unknown_name_is_a_sentence(finished: Project) -> None:
    root = finished.root
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    report = StageReport(stage="read", title="Read", summary="", metrics={"files": 2})
    write_report(report, root / "reports/read")
    for command in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-q", "-m", "one"]):
        code, text = capture(["git", *command], timeout_s=60, cwd=root)
        assert code == 0, text
    (root / ".dvc/config").write_text("")
    found = side(root, "HEAD")
    assert found.parameters["read.limit"] == 3
    assert found.metrics == {"read": {"files": 2}}
    with pytest.raises(ConfigError, match=r"gone is no run in \.runs and no commit, branch, tag or experiment"):
        side(root, "gone")
