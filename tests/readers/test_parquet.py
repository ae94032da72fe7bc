"""Parquet: rows as records, invalid strings and damaged row groups set aside, a wrong column named."""

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bessemer.config.sources import Columns
from bessemer.errors import DataError
from bessemer.readers.parquet import read_parquet
from bessemer.readers.records import Item, Limits, Reason, Record, Skip, Skipped, Unreadable
from tests.readers import hostile
from tests.readers.hostile import LIMITS


def read(path: Path, columns: Columns | None = None, limits: Limits = LIMITS) -> list[Item]:
    return list(read_parquet(path, path.name, columns or Columns(), limits))


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.dictionary(pa.int32(), pa.string())])
def test_text_columns_of_every_type_are_read(tmp_path: Path, kind: pa.DataType) -> None:
    texts = ["eins", "zwei 二", None, "eins"]
    values = [None if text is None else text.encode() for text in texts] if kind == pa.binary() else texts
    column = pa.array(values, pa.binary()) if kind == pa.binary() else pa.array(values, pa.string()).cast(kind)
    table = pa.table({"text": column, "day": [dt.date(2020, 1, n) for n in range(1, 5)], "url": ["u"] * 4})
    pq.write_table(table, tmp_path / "a.parquet")
    found = read(tmp_path / "a.parquet", Columns(date="day"))
    assert [(item.locator, item.text, item.date, item.url) for item in found if isinstance(item, Record)] == [
        ("a.parquet:1", "eins", "2020-01-01", "u"),
        ("a.parquet:2", "zwei 二", "2020-01-02", "u"),
        ("a.parquet:4", "eins", "2020-01-04", "u"),
    ]
    assert found[2] == Skipped(Skip.EMPTY_TEXT)


def test_a_file_without_the_text_column_is_refused_with_the_columns_that_exist(tmp_path: Path) -> None:
    path = hostile.parquet_without_text(tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"no column text; its columns are body, title"):
        read(path)
    assert len(read(path, Columns(text="body"))) == 2


def test_a_row_that_is_no_utf8_goes_to_quarantine_and_its_neighbours_stay(tmp_path: Path) -> None:
    good, bad, also_good = read(hostile.parquet_with_invalid_utf8(tmp_path / "a.parquet"))
    assert isinstance(good, Record)
    assert isinstance(also_good, Record)
    assert isinstance(bad, Unreadable)
    assert (bad.reason, bad.locator) == (Reason.ENCODING, "a.parquet:2")


def test_a_damaged_row_group_counts_its_rows_and_leaves_the_others(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"text": [f"text number {n} {n**30}" for n in range(300)]})
    pq.write_table(table, path, row_group_size=100, compression="zstd", use_dictionary=False)
    group = pq.ParquetFile(path).metadata.row_group(1).column(0)
    data = bytearray(path.read_bytes())
    start = group.data_page_offset + 40
    data[start : start + 200] = bytes(200)
    path.write_bytes(bytes(data))
    found = read(path)
    assert sum(isinstance(item, Record) for item in found) == 200
    (bad,) = [item for item in found if isinstance(item, Unreadable)]
    assert (bad.reason, bad.records, bad.locator) == (Reason.CORRUPT, 100, "a.parquet:101")


def test_what_is_no_parquet_or_empty_or_too_large_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 but nothing else")
    (tmp_path / "b.parquet").write_bytes(b"")
    pq.write_table(pa.table({"text": ["x" * 200_000, "y"]}), tmp_path / "c.parquet", use_dictionary=False)
    found = [read(tmp_path / f"{name}.parquet", limits=Limits(100_000, 1e6, 0.0))[0] for name in "abc"]
    assert [item.reason for item in found if isinstance(item, Unreadable)] == [
        Reason.CORRUPT,
        Reason.EMPTY_FILE,
        Reason.TOO_LARGE,
    ]


def test_a_row_group_that_expands_absurdly_is_not_unpacked(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"text": ["\0" * 90_000] * 200}), tmp_path / "a.parquet", compression="zstd", use_dictionary=False
    )
    (item,) = read(tmp_path / "a.parquet")
    assert isinstance(item, Unreadable)
    assert (item.reason, item.records) == (Reason.EXPANSION, 200)
