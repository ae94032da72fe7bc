"""A recorded run is a DVC experiment, and the user's branch, files and index are as they were."""

from pathlib import Path

import pytest

from flows.experiments import save_experiment
from flows.runner import Outcome, StageResult, capture
from tests.flows.conftest import Project

pytestmark = pytest.mark.long


def git(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    code, text = capture(["git", *identity, *arguments], timeout_s=60, cwd=root)
    assert code == 0, text
    return text


@pytest.fixture
def committed(finished: Project) -> Project:
    """The project in git, everything committed."""
    finished.dvc("config", "--unset", "core.no_scm")
    (finished.root / ".gitignore").write_text("/data/\n/.dvc/\n")
    git(finished.root, "init", "-q", "-b", "main")
    git(finished.root, "config", "user.name", "test")
    git(finished.root, "config", "user.email", "test@example.org")
    git(finished.root, "add", "-A")
    git(finished.root, "commit", "-q", "-m", "first")
    return finished


def test_a_run_is_an_experiment_and_the_branch_has_no_new_commit(committed: Project) -> None:
    root = committed.root
    committed.params("by: 2", "by: 3")
    committed.dvc("repro", "--quiet", "count", "last")
    head, status, lock = (
        git(root, "rev-parse", "HEAD"),
        git(root, "status", "--porcelain"),
        (root / "dvc.lock").read_text(),
    )
    said = save_experiment(
        root, "20300101-030000", [StageResult("count", Outcome.RAN), StageResult("last", Outcome.RAN)]
    )
    assert said.startswith("saved as the DVC experiment run-20300101-030000")
    assert git(root, "rev-parse", "HEAD") == head
    assert git(root, "symbolic-ref", "HEAD").strip() == "refs/heads/main"
    assert git(root, "status", "--porcelain") == status
    assert (root / "dvc.lock").read_text() == lock
    assert "run-20300101-030000" in committed.dvc("exp", "list")
    refs = git(root, "for-each-ref", "--format=%(refname)", "refs/exps").split()
    saved = next(ref for ref in refs if ref.endswith("run-20300101-030000"))
    assert git(root, "show", f"{saved}:dvc.lock") == lock


def test_what_failed_does_not_pass_for_done(committed: Project) -> None:
    root = committed.root
    committed.params("by: 2", "by: 3")
    (root / "data/count.txt").unlink()
    (root / "data/count.txt").write_text("half of it")
    lock = (root / "dvc.lock").read_text()
    results = [StageResult("read", Outcome.CACHED), StageResult("count", Outcome.FAILED, 1)]
    assert save_experiment(root, "20300101-040000", results).startswith("saved")
    assert (root / "dvc.lock").read_text() == lock
    assert "count" in committed.dvc("status"), "it still has to run"


def test_without_a_finished_stage_there_is_nothing_to_save(committed: Project) -> None:
    said = save_experiment(committed.root, "x", [StageResult("read", Outcome.FAILED, 1)])
    assert said == "no stage has succeeded, so there is no experiment to save"
