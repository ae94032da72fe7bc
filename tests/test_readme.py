"""Every command in the README's table from a classic training demo is run on the cut line."""

import re
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.checkout import ROOT, Checkout

pytestmark = pytest.mark.long
HEADING = "## From a classic training demo to Bessemer"


def table_cells() -> list[str]:
    """The right-hand cells of the table, that is what replaces the classic script."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").split(HEADING, 1)[1].split("\n## ", 1)[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [row.strip("|").split("|")[1].strip() for row in rows]


def commands() -> list[str]:
    """Cells that are one command."""
    found = [match.group(1) for cell in table_cells() if (match := re.fullmatch(r"`([^`]+)`", cell))]
    return [text for text in found if text.split()[0] in ("bessemer", "accelerate", "tensorboard")]


@pytest.fixture
def line(finished_line: Path, tmp_path: Path) -> Checkout:
    shutil.copytree(finished_line, tmp_path / "checkout", symlinks=True)
    return Checkout(tmp_path / "checkout")


def test_the_table_has_the_commands_that_are_run_here() -> None:
    assert sorted(text.split()[0] for text in commands()) == ["accelerate", "bessemer", "bessemer", "tensorboard"]


def test_sections_that_the_table_names_exist() -> None:
    import yaml

    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    runtime = yaml.safe_load((ROOT / "runtime.yaml").read_text())
    assert "model" in params["pretrain"]
    assert "distributed" in runtime
    assert any("`pretrain.model`" in cell for cell in table_cells())
    assert any("`distributed`" in cell for cell in table_cells())


@pytest.mark.parametrize("command", [text for text in commands() if not text.startswith("tensorboard")])
def test_the_command_runs(line: Checkout, command: str) -> None:
    arguments = command.split()
    if arguments[0] == "bessemer":
        done = line.bessemer(*arguments[1:])
    else:
        shutil.rmtree(line.folder / ".scratch", ignore_errors=True)
        done = line.run(*arguments)
        assert line.record("pretrain")["exit_code"] == 0
    assert done.returncode == 0


def test_tensorboard_serves_the_training_curves(line: Checkout) -> None:
    command = next(text for text in commands() if text.startswith("tensorboard"))
    binary = Path(sys.executable).parent / "tensorboard"
    server = subprocess.Popen(
        [str(binary), *command.split()[1:], "--port", "16099", "--load_fast=false"],
        cwd=line.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        address = "http://127.0.0.1:16099/data/plugin/scalars/tags"
        served = ""
        for _ in range(120):
            time.sleep(0.5)
            try:
                served = urllib.request.urlopen(address, timeout=5).read().decode()
            except OSError:
                continue
            if "loss" in served:
                break
        assert "loss" in served
    finally:
        server.terminate()
        server.wait(20)
