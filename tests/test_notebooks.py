"""The notebooks run from a finished run, and are committed without what they show."""

import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.checkout import ROOT, Checkout, make_checkout
from tests.test_served import copy

NAMES = ["01_data_exploration", "02_training_pipeline", "03_analysis"]
TOGETHER_S = 120.0
"""Seconds in which all of them have run."""


def read(name: str, root: Path = ROOT) -> Any:
    return nbformat.read(root / "notebooks" / f"{name}.ipynb", as_version=nbformat.NO_CONVERT)


def test_there_are_three() -> None:
    assert sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_valid_and_has_no_outputs(name: str) -> None:
    book = read(name)
    nbformat.validate(book)
    assert (book.nbformat, book.nbformat_minor) == (4, 5)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert [cell.id for cell in code if cell.outputs or cell.execution_count is not None] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_says_what_it_shows_and_how_to_run_it_and_names_no_place_of_one_machine(name: str) -> None:
    book = read(name)
    first = book.cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    assert f"jupyter-execute --output=../.runs/{{notebook_name}} notebooks/{name}.ipynb" in first.source
    text = "\n".join(cell.source for cell in book.cells)
    assert re.findall(r"""["'(\s](?:/(?:home|root|work|tmp|usr|Users|mnt|data)/|[A-Z]:\\|~/)""", text) == []


@pytest.fixture(scope="module")
def line(finished_line: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A finished line with a run of it, and one after a rule was changed, so that there is something to compare."""
    checkout = copy(finished_line, tmp_path_factory.mktemp("notebooks") / "checkout")
    checkout.bessemer("run")
    checkout.change({"curate": {"length": {"min_words": 80}}})
    checkout.bessemer("run", "curate")
    return checkout


def execute(name: str, checkout: Checkout) -> Any:
    """A notebook after it has run in a checkout; a cell that fails raises."""
    from nbclient import NotebookClient

    book = read(name, checkout.folder)
    apart = ("BESSEMER_", "PREFECT_", "MPL")
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(apart)}
    beside = {"metadata": {"path": str(checkout.folder / "notebooks")}}
    client = NotebookClient(book, timeout=300, startup_timeout=300, resources=beside)
    client.execute(
        env={
            **inherited,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(checkout.folder),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
    )
    return book


@pytest.mark.long
def test_the_three_run_from_a_finished_run_in_two_minutes_and_each_draws_pictures(line: Checkout) -> None:
    before = line.git("status", "--porcelain")
    seconds = {}
    for name in NAMES:
        began = time.monotonic()
        book = execute(name, line)
        seconds[name] = time.monotonic() - began
        outputs = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
        assert any("image/png" in output.get("data", {}) for output in outputs), f"{name} draws nothing"
        said = [output.text for output in outputs if output.output_type == "stream" and output.name == "stderr"]
        assert said == [], "no warning reaches the reader"
    print({name: round(value, 1) for name, value in seconds.items()})
    assert sum(seconds.values()) < TOGETHER_S
    assert line.git("status", "--porcelain") == before, "a notebook changes nothing"


@pytest.mark.long
def test_without_a_run_a_notebook_names_the_command_that_makes_what_is_missing(tmp_path: Path) -> None:
    from nbclient.exceptions import CellExecutionError

    checkout = make_checkout(tmp_path / "checkout")
    for name, stage in zip(NAMES, ["curate", "pretrain", "evaluate"], strict=True):
        with pytest.raises(CellExecutionError, match=f"is not there; `bessemer run {stage}` makes it"):
            execute(name, checkout)
