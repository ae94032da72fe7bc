"""Stopped or killed while it trains, run again: the same model to the byte, and nothing left running."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.checkout import Checkout

pytestmark = pytest.mark.long

CHANGE = {"pretrain": {"seed": 7, "tokens": 131072, "validation": {"every_tokens": 65536}}}


def copy(finished: Path, folder: Path) -> Checkout:
    shutil.copytree(finished, folder, symlinks=True)
    checkout = Checkout(folder)
    checkout.change(CHANGE)
    (folder / "runtime.local.yaml").write_text("distributed: {checkpoint_steps: 4, threads: 1}\n")
    return checkout


@pytest.fixture(scope="module")
def uninterrupted(finished_line: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    checkout = copy(finished_line, tmp_path_factory.mktemp("uninterrupted") / "checkout")
    checkout.bessemer("run", "pretrain")
    return checkout.locked()["pretrain"]


def start(checkout: Checkout) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(checkout.folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "flows.cli", "run", "pretrain"]
    return subprocess.Popen(command, cwd=checkout.folder, env=environment, stdin=subprocess.DEVNULL)


def wait_for_steps(checkout: Checkout, steps: int) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        for path in (checkout.folder / ".runs").glob("*/pretrain.progress.jsonl"):
            lines = path.read_text().splitlines()[:-1]
            if any(json.loads(line)["done"] >= steps for line in lines):
                return
        time.sleep(0.05)
    raise AssertionError("training never began")


def family(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def trainer(members: list[psutil.Process]) -> psutil.Process:
    return next(member for member in members if member.cmdline()[-1] == "stages.pretrain")


@pytest.mark.parametrize("kind", ["interrupted", "killed", "trainer killed"])
def test_the_same_command_continues_to_the_same_bytes(
    kind: str, finished_line: Path, uninterrupted: dict[str, str], tmp_path: Path
) -> None:
    checkout = copy(finished_line, tmp_path / "checkout")
    process = start(checkout)
    wait_for_steps(checkout, 9)
    members = family(process)
    if kind == "trainer killed":
        trainer(members).kill()
    else:
        process.send_signal(signal.SIGINT if kind == "interrupted" else signal.SIGKILL)
    code = process.wait(120)
    _, left = psutil.wait_procs(members, timeout=60)
    assert [member for member in left if member.status() != psutil.STATUS_ZOMBIE] == []
    assert code == {"interrupted": 75, "killed": -signal.SIGKILL, "trainer killed": 1}[kind]
    assert checkout.locked()["pretrain"] != uninterrupted, "what was stopped is not taken for finished"

    checkout.bessemer("run", "pretrain")
    assert checkout.locked()["pretrain"] == uninterrupted
