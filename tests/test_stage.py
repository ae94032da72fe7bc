"""A stage as a process: honest exit code, one sentence, report before a failed check, run record always."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import os, signal, sys, time
from pydantic import Field
from bessemer.config.base import Strict
from bessemer.errors import ConfigError, DataError, TryAgain
from bessemer.reporting.report import StageReport, check
from bessemer.stage import run_stage

class Toy(Strict):
    limit: int = Field(3, ge=1)

def main(context):
    how = sys.argv[1]
    context.record.note("how", how)
    if how == "config": raise ConfigError("params.yaml: toy.limit is too large; lower it.")
    if how == "data": raise DataError("input.txt is empty; fill it.")
    if how == "again": raise TryAgain("Interrupted; run again.")
    if how == "bug": raise ZeroDivisionError("surprise")
    if how == "interrupt": raise KeyboardInterrupt
    if how == "terminated":
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(20)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.1)
    value = 5.0 if how == "gate" else 1.0
    return StageReport(stage="toy", title="Toy", summary="Toy.", metrics={"value": value},
        checks=[check("value", value, "<=", context.section.limit, severity="error", reason="it must be small")])

run_stage("toy", main, toy=Toy)
"""


def process(
    root: Path, how: str, params: str, script: str = SCRIPT, **extra: str
) -> "subprocess.CompletedProcess[str]":
    (root / "params.yaml").write_text(params)
    environment = {**os.environ, "BESSEMER_RUN": "r1", "PYTHONPATH": str(Path.cwd()), **extra}
    return subprocess.run(
        [sys.executable, "-c", script, how], cwd=root, env=environment, capture_output=True, text=True, check=False
    )


def run(root: Path, how: str, params: str = "toy: {limit: 3}\n") -> tuple[int, str, dict[str, object]]:
    done = process(root, how, params)
    record = json.loads((root / ".runs/r1/toy.json").read_text())
    return done.returncode, done.stderr, record


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("fine", 0),
        ("config", 2),
        ("gate", 3),
        ("data", 4),
        ("again", 75),
        ("interrupt", 75),
        ("terminated", 75),
        ("bug", 1),
    ],
)
def test_the_exit_code_says_what_kind_of_end_it_was(tmp_path: Path, how: str, code: int) -> None:
    returned, said, record = run(tmp_path, how)
    assert (returned, record["exit_code"]) == (code, code)
    assert record["notes"] == {"how": how}
    if code in (2, 3, 4, 75):
        assert said.startswith("bessemer: toy: ")
        assert len(said.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("data", "input.txt is empty; fill it."),
        ("interrupt", "interrupted; run it again to continue."),
        ("bug", "this is a bug (ZeroDivisionError: surprise); please report it."),
    ],
)
def test_terminal_and_record_say_the_same_and_a_second_rank_says_it_under_its_number(
    tmp_path: Path, how: str, sentence: str
) -> None:
    _, said, record = run(tmp_path, how)
    assert said.splitlines()[-1] == f"bessemer: toy: {sentence}"
    assert record["error"] == sentence
    (tmp_path / ".runs/r1/toy.json").unlink()
    second = process(tmp_path, how, "toy: {}\n", RANK="1")
    assert second.stderr.splitlines()[-1] == f"bessemer: toy: rank 1: {sentence}"
    assert not (tmp_path / ".runs/r1/toy.json").exists()


def test_a_rank_with_a_launcher_leaves_the_reason_to_it(tmp_path: Path) -> None:
    place = tmp_path / "rank-1.json"
    done = process(tmp_path, "data", "toy: {}\n", RANK="1", BESSEMER_RECORD=str(place))
    assert (done.returncode, done.stderr) == (4, "")
    record = json.loads(place.read_text())
    assert (record["exit_code"], record["error"]) == (4, "input.txt is empty; fill it.")
    assert not (tmp_path / ".runs").exists()


def test_a_bug_shows_its_traceback(tmp_path: Path) -> None:
    assert "ZeroDivisionError: surprise" in run(tmp_path, "bug")[1]


def test_the_report_is_written_before_a_failed_check_ends_the_stage(tmp_path: Path) -> None:
    _, said, _ = run(tmp_path, "gate")
    assert "value is 5, the bound is <= 3: it must be small" in said
    for name in ("summary.json", "metrics.json", "index.html"):
        assert (tmp_path / "reports/toy" / name).exists()


def test_a_misspelt_parameter_ends_the_stage_with_the_key_that_was_meant(tmp_path: Path) -> None:
    code, said, _ = run(tmp_path, "fine", "toy: {limt: 3}\n")
    assert (code, said.strip()) == (
        2,
        "bessemer: toy: params.yaml: toy.limt is not a parameter; did you mean limit?",
    )


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS tells nothing of the children that have ended")
def test_processor_time_of_workers_is_part_of_the_record(tmp_path: Path) -> None:
    pool = """
import time
def work(_):
    end = time.process_time() + 0.4
    while time.process_time() < end: pass
"""
    (tmp_path / "busy.py").write_text(pool)
    use = """
    import multiprocessing, concurrent.futures, busy
    server = multiprocessing.get_context("forkserver")
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=server) as pool: list(pool.map(busy.work, range(4)))
    context.record.note("own", time.process_time())
"""
    script = SCRIPT.replace("    how = sys.argv[1]\n", f"    how = sys.argv[1]\n{use}")
    done = process(tmp_path, "fine", "toy: {limit: 3}\n", script, PYTHONPATH=f"{Path.cwd()}:{tmp_path}")
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / ".runs/r1/toy.json").read_text())
    assert record["cpu_s"] >= record["notes"]["own"] + 4 * 0.4
