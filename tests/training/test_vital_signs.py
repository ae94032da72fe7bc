"""What the monitor knows of a run, from files written here by hand as a run would."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bessemer.training.vital_signs import VitalSigns, newest_run

NOW = 1_000_000.0


def metric(step: int, loss: float = 3.0, **changes: Any) -> dict[str, Any]:
    row = {"step": step, "tokens": step * 8, "loss": loss, "learning_rate_factor": 1.0, "grad_norm": 0.5}
    return row | {"applied": True, "val_bits_per_byte": None} | changes


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    os.utime(path, (NOW, NOW))


def started(time: float, after: int = 0, pid: int | None = None) -> dict[str, Any]:
    here = {"pid": os.getpid() if pid is None else pid, "host": socket.gethostname()}
    return {"kind": "start", "time": time, "resumed_after_step": after, "steps": 100, **here}


def speed(time: float, step: int, steps: int, **seconds: float) -> dict[str, Any]:
    return {"kind": "speed", "time": time, "step": step, "steps": steps, "tokens_per_second": 8.0, "seconds": seconds}


def signs_of(folder: Path) -> VitalSigns:
    signs = VitalSigns(folder)
    signs.look()
    return signs


def test_goodput_counts_computing_of_steps_that_no_later_attempt_made_again(tmp_path: Path) -> None:
    write(
        tmp_path / "execution.jsonl",
        [
            started(NOW),
            speed(NOW + 10, 10, 10, forward=3.0, backward=4.0, optimizer=1.0, data=1.0),
            speed(NOW + 20, 20, 10, forward=4.0, backward=4.0, checkpoint=2.0),  # killed here, the half is lost
            started(NOW + 500, after=15),
            speed(NOW + 510, 20, 5, forward=5.0, backward=5.0),
        ],
    )
    signs = signs_of(tmp_path)
    seconds = signs.seconds()
    assert signs.attempts == 2
    assert sum(seconds.values()) == pytest.approx(30.0)  # 20 s and 10 s with a trainer, not the 480 between
    assert seconds["repeated"] == pytest.approx(5.0)
    assert signs.goodput() == pytest.approx((8.0 + 4.0 + 10.0) / 30.0)


def test_time_left_is_by_the_speed_of_this_attempt(tmp_path: Path) -> None:
    write(tmp_path / "metrics.jsonl", [metric(step) for step in range(1, 41)])
    write(tmp_path / "execution.jsonl", [started(0.0), speed(5, 20, 20), started(100.0, 20), speed(120.0, 40, 20)])
    assert signs_of(tmp_path).seconds_left() == pytest.approx(60.0)


def test_states_of_a_run(tmp_path: Path) -> None:
    signs = VitalSigns(tmp_path)
    assert signs.state() == "waiting"
    log = tmp_path / "execution.jsonl"
    write(log, [started(NOW), speed(NOW, 1, 1), speed(NOW + 1, 2, 1)])
    signs.look()
    assert signs.state(NOW + 30) == "running"
    assert signs.state(NOW + 120) == "stalled"
    assert "stalled: no line for 120 s" in signs.alerts(NOW + 120)[-1].text
    write(log, [{"kind": "end", "time": NOW + 2, "how": "stopped by SIGTERM"}])
    signs.look()
    assert (signs.state(NOW + 120), signs.end) == ("ended", "stopped by SIGTERM")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    write(log, [started(NOW + 3, pid=gone.pid)])
    signs.look()
    assert signs.state(NOW + 4) == "killed"
    write(log, [started(NOW + 5), {"kind": "end", "time": NOW + 9, "how": "done"}])
    signs.look()
    assert signs.state(NOW + 9999) == "done"


def test_alerts_are_steps_passed_over_and_spikes_and_nothing_else(tmp_path: Path) -> None:
    noisy = [metric(step, 3.0 + 0.1 * (-1) ** step) for step in range(1, 31)]
    strange = [
        metric(31, 9.0),
        metric(32, float("nan"), applied=False),
        metric(33, 3.0, applied=False, grad_norm=40.0),
        metric(34, 3.2),
    ]
    write(tmp_path / "metrics.jsonl", noisy + strange)
    write(tmp_path / "execution.jsonl", [started(NOW), {"kind": "end", "time": NOW, "how": "done"}])
    alerts = signs_of(tmp_path).alerts(NOW)
    assert [alert.step for alert in alerts] == [31, 32, 33]
    assert "spike: loss 9.000 after a median of 3" in alerts[0].text
    assert "not finite: loss nan" in alerts[1].text
    assert "passed over: loss 3.000, gradient norm 40" in alerts[2].text


def test_a_run_that_went_back_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, [metric(step) for step in range(1, 11)])
    signs = signs_of(tmp_path)
    path.write_text("".join(json.dumps(metric(step, 2.0)) + "\n" for step in range(1, 5)))
    signs.look()
    assert signs.step == 4
    assert signs.curve("loss") == [(step, 2.0) for step in range(1, 5)]
    beside = tmp_path / "beside"  # as a run replaces it; meanwhile it has grown beyond what it was
    beside.write_text("".join(json.dumps(metric(step, 1.0)) + "\n" for step in range(1, 21)))
    beside.replace(path)
    signs.look()
    assert signs.curve("loss") == [(step, 1.0) for step in range(1, 21)]


def test_checkpoints_are_those_with_a_manifest(tmp_path: Path) -> None:
    for step in (5, 10):
        (tmp_path / f"step-{step:07d}").mkdir()
    manifest = {"step": 5, "files": {"a": {"bytes": 10}, "b": {"bytes": 5}}}
    (tmp_path / "step-0000005" / "manifest.json").write_text(json.dumps(manifest))
    assert [(kept.step, kept.bytes) for kept in VitalSigns(tmp_path).checkpoints()] == [(5, 15)]


def test_the_newest_run_is_the_one_that_wrote_last(tmp_path: Path) -> None:
    assert newest_run(tmp_path) is None
    for name, when in (("a", 2.0), ("b", 3.0), ("c", 1.0)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.jsonl").write_text("")
        os.utime(tmp_path / name / "metrics.jsonl", (when, when))
    assert newest_run(tmp_path) == tmp_path / "b"
