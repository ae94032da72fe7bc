"""Hub data sets, from a local folder in the place of the Hub: parts, limits, clear errors."""

import json
from pathlib import Path

import pytest

from bessemer.config.sources import Columns, HuggingFace
from bessemer.errors import DataError
from bessemer.readers.hub import count_parts, read_hub, resolve_revision
from bessemer.readers.records import Reason, Record, Unreadable
from tests.readers.hostile import LIMITS

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def dataset(tmp_path: Path) -> HuggingFace:
    """Three files of four rows, one of them too long."""
    folder = tmp_path / "set"
    folder.mkdir()
    for part in range(3):
        rows = [{"text": f"part {part} row {row} é", "id": row} for row in range(4)]
        if part == 1:
            rows[2]["text"] = "x" * 200_000
        (folder / f"train-{part}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return HuggingFace(repository=str(folder), revision=COMMIT)


def test_parts_are_read_independently_and_together_give_every_row(dataset: HuggingFace) -> None:
    parts = count_parts(dataset, COMMIT)
    assert parts == 3
    found = [list(read_hub(dataset, COMMIT, part, parts, columns=Columns(), limits=LIMITS)) for part in range(parts)]
    assert [len(items) for items in found] == [4, 4, 4]
    texts = [item.text for items in found for item in items if isinstance(item, Record)]
    assert texts == [f"part {p} row {r} é" for p in range(3) for r in range(4) if (p, r) != (1, 2)]
    bad = found[1][2]
    assert isinstance(bad, Unreadable)
    assert (bad.reason, bad.locator) == (Reason.TOO_LARGE, "00001-of-00003:3")
    first = found[0][0]
    assert isinstance(first, Record)
    assert first.meta == {"id": 0}


def test_other_columns_and_other_numbers_of_parts_are_refused(dataset: HuggingFace) -> None:
    with pytest.raises(DataError, match="no column body; its columns are id, text"):
        list(read_hub(dataset, COMMIT, 0, 3, columns=Columns(text="body"), limits=LIMITS))
    with pytest.raises(DataError, match="has 3 parts, the lock says 5"):
        list(read_hub(dataset, COMMIT, 0, 5, columns=Columns(), limits=LIMITS))


def test_a_commit_is_its_own_pin_and_needs_no_network(dataset: HuggingFace) -> None:
    assert resolve_revision(dataset) == COMMIT


def test_a_branch_that_cannot_be_resolved_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise OSError("no route\nto host")

    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", unreachable)
    with pytest.raises(DataError, match=r"^the revision main of the Hub data set a/b cannot be resolved \(no route\)"):
        resolve_revision(HuggingFace(repository="a/b", revision="main"))
