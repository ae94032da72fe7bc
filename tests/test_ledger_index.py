"""The index of a ledger: the same answers as asking every row of it."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bessemer.corpus import CorpusPaths
from bessemer.errors import DataError
from bessemer.ledger_index import INDEX, LedgerIndex, Row
from bessemer.shards import read_shard
from tests.corpora import document, run_curate, write_corpus

NUMBERS = [1, 0x10, 0xABCDEF << 104, 0xABCDEF << 104 | 7, (0xABCDF0 << 104) - 1, (1 << 128) - 1, 1 << 127, 1 << 64]
ROWS = [
    document(NUMBERS[0], group="twins", words=900),
    document(NUMBERS[1], group="twins", words=800),
    document(NUMBERS[2], words=3),
    document(NUMBERS[3], language=None, evaluation="exam", overlap=1.0),
    document(NUMBERS[4], source="crawl"),
    document(NUMBERS[5], group="twins"),
    document(NUMBERS[6]),
    document(NUMBERS[7], language="de"),
]
SHARDS = {"a": ROWS[:3], "b": [], "c": ROWS[3:4], "d": ROWS[4:], "e": []}


@pytest.fixture(scope="module", params=[1_000_000, 2])
def paths(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> CorpusPaths:
    root = tmp_path_factory.mktemp("index")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bessemer.corpus.BATCH_ROWS", request.param)
        write_corpus(root, SHARDS, pairs=[(NUMBERS[6], NUMBERS[7], 0.9)])
        run_curate(root)
    return CorpusPaths().under(root)


def ledger(paths: CorpusPaths) -> list[tuple[Row, dict[str, Any]]]:
    return [
        (Row(row["id"], shard, place), row)
        for shard in SHARDS
        for place, row in enumerate(read_shard(paths.ledger, shard).to_pylist())
    ]


def test_it_has_the_rows_of_the_ledger_in_order(paths: CorpusPaths) -> None:
    names = ["source", "reason", "language", "bytes", "reasons"]
    found = [row for table in LedgerIndex(paths).tables(names) for row in table.to_pylist()]
    assert found == [{name: row[name] for name in names} for _, row in ledger(paths)]
    assert {row["reason"] for row in found} >= {None, "too_short", "exact_duplicate", "near_duplicate", "contaminated"}


@given(number=st.sampled_from(NUMBERS), digits=st.integers(1, 32), other=st.integers(0, (1 << 128) - 1))
def test_a_prefix_finds_what_begins_with_it(paths: CorpusPaths, number: int, digits: int, other: int) -> None:
    index = LedgerIndex(paths)
    for wanted in (f"{number:032x}"[:digits], f"{other:032x}"[:digits]):
        assert index.with_prefix(wanted) == [place for place, row in ledger(paths) if row["id"].startswith(wanted)]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_document_knows_those_that_were_dropped_for_it(paths: CorpusPaths, number: int) -> None:
    id_ = f"{number:032x}"
    wanted = [place for place, row in ledger(paths) if row["evidence_id"] == id_]
    assert LedgerIndex(paths).duplicates_of(id_) == wanted
    assert (len(wanted) == 2) == (number == NUMBERS[0])


def test_a_row_of_the_corpus_has_its_place(paths: CorpusPaths) -> None:
    index = LedgerIndex(paths)
    assert [index.at(row) for row in range(len(ROWS))] == [place for place, _ in ledger(paths)]


@pytest.mark.parametrize("damage", ["gone", "cut", "footer", "shorter", "other"])
def test_an_index_that_cannot_be_read_names_the_stage_to_run(tmp_path: Path, damage: str) -> None:
    write_corpus(tmp_path, SHARDS)
    run_curate(tmp_path)
    paths = CorpusPaths().under(tmp_path)
    file = paths.ledger / INDEX / "documents.parquet"
    if damage == "gone":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[:-9])
    elif damage == "footer":
        data = bytearray(file.read_bytes())
        size = int.from_bytes(data[-8:-4], "little")
        data[-8 - size : -8] = bytes(reversed(data[-8 - size : -8]))
        file.write_bytes(data)
    elif damage == "other":
        file.write_bytes((paths.ledger / "a.parquet").read_bytes())
    else:
        other = tmp_path / "other"
        write_corpus(other, {"a": ROWS[:2]})
        run_curate(other)
        file.write_bytes((other / "data/ledger" / INDEX / "documents.parquet").read_bytes())
    with pytest.raises(DataError, match=r"documents\.parquet cannot be read .* run the stage curate again"):
        LedgerIndex(paths)
