"""Runs have facts and names of their own, and a checkout has one run at a time."""

import subprocess
import sys
from pathlib import Path

import pytest

from bessemer.errors import ConfigError, TryAgain
from flows.runner import Outcome, StageResult
from flows.runs import Run, checkout_lock, git_state, latest_run, read_facts


def test_two_runs_in_one_second_have_two_folders(tmp_path: Path) -> None:
    runs = [Run.create(tmp_path) for _ in range(3)]
    assert len({run.folder for run in runs}) == 3
    assert all(run.folder.is_dir() for run in runs)


def test_facts_come_back_as_they_were_written(tmp_path: Path) -> None:
    run = Run.create(tmp_path)
    result = StageResult("curate", Outcome.FAILED, 4, 1.23456, "the file is damaged", ".runs/x/curate.log")
    run.write([result], None)
    assert read_facts(tmp_path, run.name)["finished"] is None
    run.write([result], 4)
    facts = read_facts(tmp_path, run.name)
    assert facts["exit_code"] == 4
    assert facts["finished"] >= facts["started"]
    assert facts["stages"] == [
        {
            "stage": "curate",
            "outcome": "failed",
            "exit_code": 4,
            "seconds": 1.235,
            "message": "the file is damaged",
            "log": ".runs/x/curate.log",
        }
    ]
    assert [path.name for path in run.folder.iterdir()] == ["run.json"]


def test_the_newest_run_is_the_one_that_started_last(tmp_path: Path) -> None:
    for name, started in (("b", 1.0), ("a", 2.0)):
        run = Run(tmp_path, name, started)
        run.folder.mkdir(parents=True)
        run.write([], 0)
    (tmp_path / ".runs/z").mkdir()
    assert latest_run(tmp_path) == "a"


def test_no_run_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no run yet"):
        latest_run(tmp_path)
    with pytest.raises(ConfigError, match="is not there"):
        read_facts(tmp_path, "gone")


def test_a_second_run_of_a_checkout_is_refused_and_names_the_first(tmp_path: Path) -> None:
    script = "from pathlib import Path; from flows.runs import checkout_lock\nwith checkout_lock(Path()): pass"
    with checkout_lock(tmp_path):
        second = subprocess.run(
            [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert second.returncode != 0
        assert "TryAgain: another run of this checkout is going on (process " in second.stderr
        with pytest.raises(TryAgain), checkout_lock(tmp_path):
            pass
    with checkout_lock(tmp_path):
        pass


def test_outside_of_git_there_is_no_commit(tmp_path: Path) -> None:
    assert git_state(tmp_path) == (None, None)
