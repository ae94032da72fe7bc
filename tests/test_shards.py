"""Shard directories: whole or absent, the same bytes, and damage is noticed."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bessemer.errors import DataError
from bessemer.shards import (
    directory_digest,
    read_aligned,
    read_manifest,
    read_row,
    shard_names,
    verify,
    write_manifest,
    write_shard,
)


def _table(start: int, rows: int = 5) -> pa.Table:
    return pa.table({"id": [f"{start + i:032x}" for i in range(rows)], "value": list(range(rows))})


def _directory(path: Path) -> Path:
    infos = [write_shard(path, f"part-{i}", _table(i * 5)) for i in range(3)]
    write_manifest(path, reversed(infos), {"source": "abc"})
    return path


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    assert directory_digest(_directory(tmp_path / "a")) == directory_digest(_directory(tmp_path / "b"))


def test_the_manifest_lists_shards_by_name_whatever_the_order_of_writing(tmp_path: Path) -> None:
    directory = _directory(tmp_path)
    assert shard_names(directory) == ["part-0", "part-1", "part-2"]
    assert read_manifest(directory).totals["rows"] == 15
    verify(directory)


def test_one_flipped_byte_is_noticed(tmp_path: Path) -> None:
    path = _directory(tmp_path) / "part-1.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match=r"part-1\.parquet differs"):
        verify(tmp_path)


def test_a_file_that_the_manifest_does_not_list_is_noticed(tmp_path: Path) -> None:
    _directory(tmp_path)
    write_shard(tmp_path, "stray", _table(90))
    with pytest.raises(DataError, match="stray"):
        verify(tmp_path)


def test_a_directory_without_a_manifest_is_unfinished(tmp_path: Path) -> None:
    write_shard(tmp_path, "part-0", _table(0))
    with pytest.raises(DataError, match="has not finished"):
        shard_names(tmp_path)


def test_a_sidecar_of_other_documents_is_refused(tmp_path: Path) -> None:
    write_shard(tmp_path / "documents", "part-0", _table(0))
    write_shard(tmp_path / "sidecar", "part-0", _table(1))
    with pytest.raises(DataError, match="other ids"):
        read_aligned("part-0", tmp_path / "documents", tmp_path / "sidecar")


def test_no_temporary_file_is_left(tmp_path: Path) -> None:
    _directory(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "_manifest.json",
        "part-0.parquet",
        "part-1.parquet",
        "part-2.parquet",
    ]


def test_row_groups_hold_a_bounded_amount_of_text(tmp_path: Path) -> None:
    texts = ["x" * 10_000] * 100
    write_shard(tmp_path, "long", pa.table({"id": list(map(str, range(100))), "text": texts}))
    write_shard(tmp_path, "short", pa.table({"text": ["y"] * 10_000}))
    write_shard(tmp_path, "numbers", pa.table({"number": range(100_000)}))
    assert _groups(tmp_path / "long.parquet") == [27, 27, 27, 19]
    assert _groups(tmp_path / "short.parquet") == [4096, 4096, 1808]
    assert _groups(tmp_path / "numbers.parquet") == [65_536, 34_464]


def _groups(path: Path) -> list[int]:
    metadata = pq.ParquetFile(path).metadata
    return [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]


def test_lists_are_compressed_like_other_columns(tmp_path: Path) -> None:
    write_shard(tmp_path, "lists", pa.table({"reasons": [["too_short", "quality"]] * 1000}))
    column = pq.ParquetFile(tmp_path / "lists.parquet").metadata.row_group(0).column(0)
    assert column.compression == "ZSTD"
    assert "RLE_DICTIONARY" in column.encodings


def test_texts_have_neither_a_dictionary_nor_statistics(tmp_path: Path) -> None:
    write_shard(tmp_path, "texts", pa.table({"text": ["a", "b"] * 1000, "source": ["web"] * 2000}))
    text, source = (pq.ParquetFile(tmp_path / "texts.parquet").metadata.row_group(0).column(i) for i in range(2))
    assert "RLE_DICTIONARY" not in text.encodings
    assert "RLE_DICTIONARY" in source.encodings
    assert not text.is_stats_set
    assert not source.is_stats_set


@given(rows=st.integers(1, 40), size=st.integers(1, 15), data=st.data())
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_row_read_alone_is_that_row_of_the_shard(tmp_path: Path, rows: int, size: int, data: st.DataObject) -> None:
    table = pa.table({"number": list(range(rows)), "text": [f"text {row}" for row in range(rows)]})
    pq.write_table(table, tmp_path / "shard.parquet", row_group_size=size)
    row = data.draw(st.integers(0, rows - 1))
    assert read_row(tmp_path, "shard", row) == {"number": row, "text": f"text {row}"}
    assert read_row(tmp_path, "shard", row, ["text"]) == {"text": f"text {row}"}
    with pytest.raises(IndexError, match="fewer rows"):
        read_row(tmp_path, "shard", rows)
