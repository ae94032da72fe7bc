"""The page of a run in the terminal: its curve, its frames at every width, and a folder without a run."""

import io
import json
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from bessemer.errors import ConfigError
from bessemer.training.vital_signs import VitalSigns
from flows.line_chart import line_chart
from flows.monitor import monitor_command, page

START = {
    "kind": "start",
    "time": 1.0,
    "pid": os.getpid(),
    "host": socket.gethostname(),
    "steps": 60,
    "parameters": 5_049_088,
    "strategy": "ddp",
    "processes": 2,
    "device": "cpu",
    "precision": "fp32",
    "resumed_after_step": 0,
}
SPEED = {
    "kind": "speed",
    "time": 9.0,
    "step": 40,
    "steps": 40,
    "tokens_per_second": 8123.0,
    "mfu_palm": 0.412,
    "mfu_causal": 0.398,
    "memory_mb": 812.0,
    "seconds": {"forward": 2.0, "backward": 4.0, "optimizer": 1.0, "data": 1.0},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [
        {
            "step": step,
            "tokens": step * 256,
            "loss": 9.0 / step + 1.0,
            "learning_rate_factor": 1.0,
            "grad_norm": 0.7,
            "applied": step != 30,
            "val_bits_per_byte": 1.9 if step == 20 else None,
        }
        for step in range(1, 41)
    ]
    peak = {"kind": "peak", "time": 5.0, "flops": 9.1e10, "name": "measured: best [square] product", "processes": 2}
    sample = {"step": 40, "prompt": "It was", "text": "the \x1b[31mbest\n of times"}
    for name, lines in (("metrics", rows), ("execution", [START, peak, SPEED]), ("samples", [sample])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path


def frame(folder: Path, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False, highlight=False)
    assert monitor_command(Path(), folder, console, once=True) == 0
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 109, 110, 140, 200])
def test_a_frame_fits_its_terminal_and_says_everything(folder: Path, width: int) -> None:
    text = frame(folder, width)
    assert max(len(line) for line in text.splitlines()) <= width
    for said in ("step 40 of 60", "8,123 tokens/s", "41.2% PaLM, 39.8% causal", "812 MB", "goodput 87.5%"):
        assert said in text
    assert "passed over" in text
    assert "\x1b" not in text  # nothing that a model writes reaches the terminal as it is


def test_a_page_is_no_higher_than_the_terminal(folder: Path) -> None:
    signs = VitalSigns(folder)
    signs.look()
    for width, height in ((80, 40), (140, 44), (140, 30)):
        console = Console(file=io.StringIO(), width=width, height=height, force_terminal=False)
        assert len(console.render_lines(page(signs, width, height), pad=False)) <= height


def test_a_folder_without_a_run_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no training run; `bessemer run pretrain` makes one"):
        monitor_command(tmp_path, None, Console(), once=True)


@given(
    st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=1, max_size=300), st.integers(20, 120), st.integers(2, 20)
)
def test_a_chart_keeps_to_its_size(values: list[float], width: int, height: int) -> None:
    lines = line_chart(list(enumerate(values, start=1)), width, height)
    assert len(lines) == height + 1
    assert max(map(len, lines)) <= width


def test_a_falling_line_falls() -> None:
    lines = line_chart([(x, 100.0 - x) for x in range(100)], 40, 5)
    assert lines[0].strip().startswith("100 ┤")
    assert lines[4].strip().startswith("1 ┤")
    filled = [[column for column, character in enumerate(line[5:]) if character != " "] for line in lines[:5]]
    assert [min(columns) for columns in filled] == sorted(min(columns) for columns in filled)
    assert max(filled[0]) < max(filled[4])
