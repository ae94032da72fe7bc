"""The tables of characters that are kept on disk: those that would be made anew, whatever became of the file."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bessemer.text import characters as module
from bessemer.text.characters import Characters, characters, make_characters


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(module, "kernel_folder", lambda: tmp_path)
    characters.cache_clear()
    yield tmp_path
    characters.cache_clear()


def same(one: Characters, other: Characters) -> bool:
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_what_is_read_back_is_what_was_made(folder: Path) -> None:
    first = characters()
    assert [path.suffix for path in folder.iterdir()] == [".npz"]
    characters.cache_clear()
    second = characters()
    assert second is not first
    assert same(first, second)
    assert same(second, make_characters())


@pytest.mark.parametrize("left", [0, 100, 5000])
def test_a_file_that_was_cut_off_is_made_again(folder: Path, left: int) -> None:
    made = characters()
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:left])
    characters.cache_clear()
    assert same(characters(), made)
    assert len(path.read_bytes()) == len(whole)


def test_a_flipped_bit_is_noticed(folder: Path) -> None:
    made = characters()
    (path,) = folder.iterdir()
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    path.write_bytes(whole)
    characters.cache_clear()
    assert same(characters(), made)
