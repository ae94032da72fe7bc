"""Every data stage, killed at random moments and run again, ends with the bytes of a run that nobody disturbed."""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.checkout import Checkout

pytestmark = pytest.mark.long

MOMENTS = 4
STAGES = ("ingest", "language", "classifier", "quality", "dedup", "decontaminate", "curate", "tokenizer", "shard")


@pytest.fixture(scope="module")
def checkout(finished_line: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    folder = tmp_path_factory.mktemp("killed") / "checkout"
    shutil.copytree(finished_line, folder, symlinks=True)
    return Checkout(folder)


def outputs(checkout: Checkout, stage: str) -> list[Path]:
    """What DVC removes before the stage runs."""
    declared = yaml.safe_load((checkout.folder / "dvc.yaml").read_text())["stages"][stage]
    return [checkout.folder / name for name in [*declared["outs"], *declared["metrics"]]]


def remove(paths: list[Path]) -> None:
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def contents(paths: list[Path]) -> dict[str, str]:
    files = [
        file for path in paths for file in ([path] if path.is_file() else sorted(path.rglob("*"))) if file.is_file()
    ]
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def start(checkout: Checkout, stage: str) -> "subprocess.Popen[bytes]":
    binaries = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": binaries, "PYTHONPATH": str(checkout.folder), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", f"stages.{stage}"],
        cwd=checkout.folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


@pytest.mark.parametrize("stage", STAGES)
def test_killed_and_run_again_it_ends_with_the_same_bytes(checkout: Checkout, stage: str) -> None:
    paths = outputs(checkout, stage)
    undisturbed = contents(paths)
    assert undisturbed
    cache = checkout.folder / ".cache"
    seconds = 0.0
    for _ in range(2):  # the first run may compile kernels
        remove([*paths, cache])
        began = time.monotonic()
        assert start(checkout, stage).wait(300) == 0
        seconds = time.monotonic() - began
        assert contents(paths) == undisturbed

    remove([cache])
    chance = random.Random(stage)
    killed = 0
    for _ in range(MOMENTS):
        remove(paths)
        process = start(checkout, stage)
        try:
            process.wait(chance.uniform(0.2, 0.9) * seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            killed += 1
    assert killed
    remove(paths)
    assert start(checkout, stage).wait(300) == 0
    assert contents(paths) == undisturbed
