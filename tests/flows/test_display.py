"""What a person is told while a line runs, with and without a terminal."""

import io
import json
import logging
from pathlib import Path

import pytest
from rich.console import Console

from flows.display import Display, ProgressFile, Step, clock, describe
from flows.following import Follower
from flows.runner import Outcome, StageResult


def line(done: int, **fields: object) -> str:
    step = {"label": "train", "done": done, "total": 200, "unit": "steps", "elapsed_s": 30.0, "note": "loss 3.1"}
    return json.dumps({**step, **fields}) + "\n"


def test_time_left_is_that_of_the_average_pace() -> None:
    step = Step("train", 50, 200, "steps", 30.0, "loss 3.1")
    assert step.left_s == pytest.approx(90.0)
    assert describe(step) == "train: 50 of 200 steps, 1:30 left · loss 3.1"
    assert Step("train", 0, 200, "steps", 30.0, "").left_s is None
    assert Step("train", 200, 200, "steps", 30.0, "").left_s is None


@pytest.mark.parametrize(("seconds", "text"), [(3.44, "3.4 s"), (61, "1:01"), (3599.6, "1:00:00"), (7325, "2:02:05")])
def test_times_are_short(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_a_progress_file_is_followed_also_through_half_written_lines(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    follower = ProgressFile(path)
    assert follower.look() is None
    whole = line(10)
    path.write_text(whole + line(20)[:15])
    assert follower.look() is not None
    assert follower.look().done == 10  # type: ignore[union-attr]
    path.write_text(whole + line(20) + "not json\n")
    assert follower.look().done == 20, "what is no step is passed over"  # type: ignore[union-attr]
    path.write_text(whole + line(20) + "not json\n" + line(30))
    assert follower.look().done == 30  # type: ignore[union-attr]


def test_every_label_is_seen_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    follower = ProgressFile(path)
    path.write_text(line(10, label="read") + line(200, label="read") + line(5, label="write"))
    assert [(step.label, step.done) for step in follower.added()] == [("read", 200), ("write", 5)]
    assert follower.added() == []


def test_without_a_terminal_there_is_one_line_per_event(tmp_path: Path) -> None:
    output = io.StringIO()
    with Display(["ingest", "curate", "shard"], tmp_path, Console(file=output, width=40)) as display:
        display.started("ingest")
        display.finished(StageResult("ingest", Outcome.RAN, seconds=12.3, message="[ingest.x]: 1 → 2"))
        display.finished(StageResult("curate", Outcome.GATE_FAILED, 3, message="too little is left, far too little"))
        display.finished(StageResult("shard", Outcome.SKIPPED, message="needs curate"))
    assert output.getvalue().splitlines() == [
        "ingest: started",
        "ingest: ran in 0:12: [ingest.x]: 1 → 2",
        "curate: gate failed: too little is left, far too little",
        "shard: skipped: needs curate",
    ]


def test_in_a_terminal_every_stage_has_a_row_and_a_running_one_its_bar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")  # a dumb one has no live display
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=110, color_system=None)
    with Display(["ingest", "pretrain", "evaluate"], tmp_path, console) as display:
        display.finished(StageResult("ingest", Outcome.CACHED))
        display.started("pretrain")
        (tmp_path / "pretrain.progress.jsonl").write_text(line(50))
    last = output.getvalue().split("\x1b[2K")[-1]
    shown = output.getvalue()
    assert "ingest" in shown
    assert "cached" in shown
    assert "train: 50 of 200 steps, 1:30 left · loss 3.1" in last
    assert "evaluate" in shown
    assert "waiting" in shown


def test_prefect_gets_what_a_stage_says_and_not_what_dvc_repeats(tmp_path: Path) -> None:
    told: list[str] = []
    logger = logging.getLogger("test_following")
    logger.setLevel(logging.INFO)
    logger.addFilter(lambda record: bool(told.append(record.getMessage())) and False)
    follower = Follower(tmp_path, "curate", logger)
    log = tmp_path / "curate.log"
    log.write_text("Running stage 'curate':\n> python -m stages.curate\n\nkept 3 of 5\nhalf a li")
    follower.close()
    with log.open("a") as file:
        file.write("ne\nTo track the changes with git, run:\n\n\tgit add dvc.lock\n")
    follower.close()
    follower.close()
    assert told == ["Running stage 'curate':\n> python -m stages.curate\nkept 3 of 5", "half a line"]
