"""Why a stage would run, or ran, is said down to the field."""

import io
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from flows import why
from flows.runner import Outcome, StageResult
from flows.runs import Run
from flows.why import why_command
from tests.flows.conftest import Project


@pytest.fixture
def said(finished: Project, monkeypatch: pytest.MonkeyPatch) -> "Said":
    """Asks in a project whose parameters are not those of the line."""
    monkeypatch.setattr(why, "load_params", lambda root: None)
    monkeypatch.setattr(why, "require_declared", lambda params, graph: None)
    monkeypatch.setattr(why, "with_stale", lambda changes, root: dict(changes))
    return Said(finished)


class Said:
    """Lines of ``bessemer why``."""

    def __init__(self, project: Project) -> None:
        self.project = project

    def of(self, *stages: str) -> list[str]:
        output = io.StringIO()
        assert why_command(self.project.root, stages, Console(file=output, width=200)) == 0
        return output.getvalue().splitlines()


def test_a_changed_field_is_named_with_both_values_and_what_follows_may_run(said: Said) -> None:
    said.project.params("by: 2", "by: 3")
    assert said.of() == [
        "count will run because count.by changed from 2 to 3",
        "last may run because it reads what count will write; it will not if that stays the same",
    ]


def test_every_further_change_has_a_line(said: Said) -> None:
    said.project.params("cut: 0.5", "cut: 0.75")
    (said.project.root / "source.txt").write_text("steel\n")
    assert said.of("read") == [
        "read will run because read.deep.cut changed from 0.5 to 0.75",
        "  and source.txt has changed",
    ]


def test_of_a_stage_that_is_up_to_date_it_says_which_run_made_it_and_because_of_what(said: Said) -> None:
    assert said.of() == ["every stage is up to date"]
    assert said.of("side") == ["side is up to date; no run of this checkout made it"]
    for name, started, outcome in (("a", 1.0, Outcome.RAN), ("b", 2.0, Outcome.CACHED)):
        run = Run(said.project.root, name, started)
        run.folder.mkdir(parents=True)
        run.write([StageResult("side", outcome, message="count.by changed from 2 to 3")], 0)
    assert said.of("side") == ["side is up to date; run a ran it because count.by changed from 2 to 3"]
    shutil.rmtree(Path(said.project.root / ".runs"))
