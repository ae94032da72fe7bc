"""A real Prefect server: runs are cancelled, killed, scheduled and refused, and what is left is what was promised."""

import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from tests.checkout import STAGES, Checkout
from tests.served import Served, running, served, wait_until

# Seconds until a test counts as hung: the first one also waits for the line that all start from.
pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]

LONGER = {"pretrain": {"seed": 7, "tokens": 131072, "validation": {"every_tokens": 65536}}}
GONE_S = 5.0
"""Seconds in which a trainer is gone when its run was cancelled, or when what it depends on was killed."""


def copy(finished: Path, folder: Path) -> Checkout:
    shutil.copytree(finished, folder, symlinks=True)
    checkout = Checkout(folder)
    (folder / "runtime.local.yaml").write_text("distributed: {checkpoint_steps: 1000, threads: 1}\n")
    return checkout


def trainers(checkout: Checkout) -> list[psutil.Process]:
    """Processes that train in a checkout, whoever started them: the process table is asked."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words = process.info["cmdline"] or []
        if "stages.pretrain" in words and process.info["cwd"] == str(checkout.folder):
            found.append(process)
    return running(found)


def left_over(checkout: Checkout) -> list[str]:
    """Command lines of processes that work in a checkout."""
    found = [item for item in psutil.process_iter(["cmdline", "cwd"]) if item.info["cwd"] == str(checkout.folder)]
    return [" ".join(item.info["cmdline"] or []) for item in running(found)]


def wait_for_steps(checkout: Checkout, steps: int) -> None:
    def reached() -> bool:
        for path in (checkout.folder / ".runs").glob("*/pretrain.progress.jsonl"):
            if any(json.loads(line)["done"] >= steps for line in path.read_text().splitlines()[:-1]):
                return True
        return False

    wait_until(reached, 300, "training never began")


def checkpoints(checkout: Checkout) -> list[int]:
    """Steps with a committed checkpoint of the run that is going on."""
    folders = [path.parent for path in (checkout.folder / ".scratch/pretrain").glob("*/step-*/manifest.json")]
    newest = max(folders, key=lambda folder: folder.stat().st_mtime).parent if folders else None
    return sorted(int(folder.name.removeprefix("step-")) for folder in newest.glob("step-*")) if newest else []


def kill(process: psutil.Process) -> None:
    process.send_signal(signal.SIGKILL)


def stop(how: str, serving: Served, run: str) -> None:
    """Cancel a run that trains, or kill something that it depends on."""
    (trainer,) = trainers(serving.checkout)
    above = trainer.parents()
    flow = next(item for item in above if item.ppid() == serving.process.pid)
    if how == "cancelled":
        serving.cancel(run)
    elif how == "dvc killed":
        kill(next(item for item in above if "repro" in item.cmdline()))
    elif how == "flow killed":
        kill(flow)
    elif how == "server killed":
        for item in [member for member in serving.family() if any("server" in word for word in member.cmdline())]:
            if item.is_running():
                kill(item)
    else:
        os.kill(serving.process.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def uninterrupted(finished_line: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Hashes of what pretraining leaves when nothing happens to it."""
    checkout = copy(finished_line, tmp_path_factory.mktemp("uninterrupted") / "checkout")
    checkout.change(LONGER)
    checkout.bessemer("run", "pretrain")
    return checkout.locked()["pretrain"]


@pytest.mark.parametrize("how", ["cancelled", "flow killed", "dvc killed", "server killed", "serve killed"])
def test_the_trainer_is_gone_within_five_seconds_and_the_next_run_continues_from_its_checkpoint(
    how: str, finished_line: Path, uninterrupted: dict[str, str], tmp_path: Path
) -> None:
    checkout = copy(finished_line, tmp_path / "checkout")
    checkout.change(LONGER)
    with served(checkout, tmp_path / "home") as serving:
        run = serving.start("manual", stages=["pretrain"])
        wait_for_steps(checkout, 9)
        before = time.monotonic()
        stop(how, serving, run)
        wait_until(lambda: not trainers(checkout), 60, "the trainer never ended")
        seconds = time.monotonic() - before
        print(f"{how}: the trainer was gone after {seconds:.1f} s")
        assert seconds <= GONE_S
        steps = checkpoints(checkout)
        assert steps
        assert steps[-1] >= 9, "the last step boundary is what was kept"
        if how not in ("server killed", "serve killed"):
            # A trainer that was stopped by nobody's wish is started again by itself.
            ends = {"cancelled": "Cancelled", "flow killed": "Crashed", "dvc killed": "Completed"}
            assert serving.ended(run)["name"] == ends[how]
            task = serving.tasks(run)["pretrain"]
            assert task["run_count"] == (2 if how == "dvc killed" else 1)
            if how == "cancelled":
                assert task["state"]["name"] == "Cancelled", "a 75 that was asked for is not tried again"
        else:
            wait_until(lambda: not left_over(checkout), 60, "something survived")
    wait_until(lambda: not left_over(checkout), 60, "something survived")
    checkout.bessemer("run", "pretrain")
    assert checkout.record("pretrain")["notes"]["resumed_after_step"] == steps[-1]
    assert checkout.locked()["pretrain"] == uninterrupted


def test_a_schedule_fires_by_itself_and_a_second_run_beside_it_ends_as_busy(
    finished_line: Path, tmp_path: Path
) -> None:
    checkout = copy(finished_line, tmp_path / "checkout")
    checkout.change(LONGER)
    path = checkout.folder / "prefect.yaml"
    described: dict[str, Any] = yaml.safe_load(path.read_text())
    described["deployments"][0]["schedules"][0]["cron"] = "* * * * *"
    path.write_text(yaml.safe_dump(described))
    head, lines = checkout.git("rev-parse", "HEAD"), checkout.git("log", "--oneline", "--all")
    with served(checkout, tmp_path / "home") as serving:
        wait_until(lambda: bool(serving.runs("nightly")), 150, "the schedule never fired")
        first = serving.runs("nightly")[-1]
        assert first["auto_scheduled"] is True
        wait_for_steps(checkout, 2)
        second = serving.start("manual")
        state = serving.ended(second, 60)
        assert (state["type"], state["name"]) == ("CANCELLED", "Busy")
        assert "another run of this checkout is going on" in state["message"]
        assert serving.ended(first["id"], 600)["name"] == "Completed"
        tasks = serving.tasks(first["id"])
        cached = {name for name, task in tasks.items() if task["state"]["name"] == "Cached"}
        assert cached == set(STAGES) - {"check", "pretrain", "evaluate", "model_gate"}
        assert tasks["pretrain"]["state"]["message"].startswith("because pretrain.")
    assert checkout.git("rev-parse", "HEAD") == head, "no commit on the user's branch"
    assert checkout.git("log", "--oneline", "--branches") == lines
    assert "run-" in checkout.run("dvc", "exp", "list").stdout
