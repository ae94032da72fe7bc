"""The index of a ledger: what its questions ask of every document, in one file instead of one a shard.

To open a file takes longer than to read a column of it, so that a question to a thousand shards would take seconds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bessemer.corpus import CorpusPaths, batches
from bessemer.errors import DataError
from bessemer.filters.rules import Reason
from bessemer.identifiers import HEX_DIGITS, from_hex
from bessemer.shards import read_manifest, read_shards, require_made_from

INDEX = "_index"
"""Folder in the ledger that holds the index, and whatever else is kept for questions."""
_DOCUMENTS = "documents"
_NAMED = ["source", "reason", "language"]
_ID_BYTES = HEX_DIGITS // 2
_DUPLICATES = pa.array([Reason.EXACT_DUPLICATE.value, Reason.NEAR_DUPLICATE.value])


@dataclass(frozen=True)
class Row:
    """A document: its id, its shard, and its row there."""

    id: str
    shard: str
    row: int


def write_index(paths: CorpusPaths) -> None:
    """Write the index of a ledger whose shards are written. Rows of the ledger in order, a row group for a batch.

    Columns are ``id`` as 16 bytes, ``source``, ``reason``, ``language``, ``bytes``, ``reasons``, and ``evidence``, the
    id of the kept document that a duplicate duplicates, as 16 bytes.
    """
    path = paths.ledger / INDEX / f"{_DOCUMENTS}.parquet"
    path.parent.mkdir(exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    with pq.ParquetWriter(
        temporary,
        _SCHEMA,
        compression={name: "none" if name in _IDS else "lz4" for name in _LEAVES},
        use_dictionary=[name for name in _LEAVES if name in (*_NAMED, _REASONS)],
    ) as writer:
        for batch in batches(paths):
            writer.write_table(_indexed(paths.ledger, [shard.name for shard in batch]), row_group_size=1 << 31)
    temporary.replace(path)


_IDS = ["id", "evidence"]
_REASONS = "reasons.list.element"
_FIELDS: "list[pa.Field[Any]]" = [
    pa.field("id", pa.binary(_ID_BYTES)),
    pa.field("source", pa.string()),
    pa.field("reason", pa.string()),
    pa.field("language", pa.string()),
    pa.field("bytes", pa.int64()),
    pa.field("reasons", pa.list_(pa.string())),
    pa.field("evidence", pa.binary(_ID_BYTES)),
]
_SCHEMA = pa.schema(_FIELDS)
_LEAVES = ["id", "source", "reason", "language", "bytes", _REASONS, "evidence"]


def _indexed(ledger: Path, names: Sequence[str]) -> pa.Table:
    table = read_shards(ledger, names, ["id", *_NAMED, "bytes", "reasons", "evidence_id"])
    duplicates = pc.is_in(table.column("reason"), value_set=_DUPLICATES)
    evidence = table.column("evidence_id").filter(duplicates)
    places = np.cumsum(duplicates.to_numpy()) - 1
    columns = {name: table.column(name) for name in (*_NAMED, "bytes", "reasons")}
    columns |= {
        "id": _as_bytes(table.column("id")),
        "evidence": _as_bytes(evidence).take(pa.array(places, mask=~duplicates.to_numpy())),
    }
    return pa.table({name: columns[name] for name in _SCHEMA.names}, schema=_SCHEMA)


def _as_bytes(ids: "pa.ChunkedArray[Any]") -> "pa.Array[Any]":
    raw = from_hex(ids).astype(">u8").tobytes()
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(_ID_BYTES), len(ids), [None, pa.py_buffer(raw)])


class LedgerIndex:
    """The index of the ledger of the documents that are there.

    Raises:
        DataError: there is no ledger, it is one of other documents, or its index is missing or damaged.
    """

    def __init__(self, paths: CorpusPaths) -> None:
        require_made_from(paths.ledger, paths.documents, "curate")
        self.shards = read_manifest(paths.documents).shards
        self._starts = np.cumsum([0, *(shard.rows for shard in self.shards)])
        self._path = paths.ledger / INDEX / f"{_DOCUMENTS}.parquet"
        try:
            self._file = pq.ParquetFile(self._path, read_dictionary=[*_NAMED, _REASONS])
        except (OSError, pa.ArrowInvalid) as error:
            raise self._damaged(error) from None
        if self._file.schema_arrow.names != _SCHEMA.names:
            raise self._damaged("it has other columns")
        if self._file.metadata.num_rows != sum(shard.rows for shard in self.shards):
            raise self._damaged("it has another number of documents")

    def _damaged(self, why: object) -> DataError:
        first = str(why).splitlines()[0]
        return DataError(f"{self._path} cannot be read ({first}); run the stage curate again.")

    def tables(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Columns of the documents in order, batch after batch as :func:`bessemer.corpus.batches` has them.

        ``source``, ``reason``, ``language`` and the values of ``reasons`` are dictionary arrays.
        """
        for group in range(self._file.num_row_groups):
            yield self._group(group, columns)

    def _group(self, group: int, columns: Sequence[str]) -> pa.Table:
        try:
            return self._file.read_row_group(group, columns=list(columns))
        except (OSError, pa.ArrowInvalid) as error:
            raise self._damaged(error) from None

    def with_prefix(self, digits: str) -> list[Row]:
        """Documents whose ids begin with 1 to 32 hex digits, in order."""
        low, high = (int(digits.ljust(HEX_DIGITS, end), 16) for end in "0f")
        return self._found("id", low, high)

    def duplicates_of(self, id_: str) -> list[Row]:
        """Documents that were dropped for the sake of this one, in order."""
        return self._found("evidence", int(id_, 16), int(id_, 16))

    def at(self, row: int) -> Row:
        """The document at a row of the corpus."""
        before = 0
        for table in self.tables(["id"]):
            if row < before + table.num_rows:
                return self._place(row, table.column("id")[row - before].as_py())
            before += table.num_rows
        raise IndexError(row)

    def _found(self, column: str, low: int, high: int) -> list[Row]:
        found: list[Row] = []
        before = 0
        for group, table in enumerate(self.tables([column])):
            values = table.column(column).combine_chunks()
            inside = _between(values, low, high)
            rows = inside[values.take(pa.array(inside)).is_valid().to_numpy(zero_copy_only=False)].tolist()
            if rows:
                ids = values if column == "id" else self._group(group, ["id"]).column("id")
                found += (self._place(before + row, ids[row].as_py()) for row in rows)
            before += table.num_rows
        return found

    def _place(self, row: int, id_: bytes) -> Row:
        shard = int(np.searchsorted(self._starts, row, "right")) - 1
        return Row(id_.hex(), self.shards[shard].name, row - int(self._starts[shard]))


def _between(ids: "pa.Array[Any]", low: int, high: int) -> NDArray[np.int64]:
    """Rows, ascending, whose 16 bytes as a number are between two, which are themselves allowed; nulls as they lie."""
    halves = np.frombuffer(ids.buffers()[1] or b"", ">u8").reshape(-1, 2)[ids.offset : ids.offset + len(ids)]
    upper = halves[:, 0].astype(np.uint64)
    rows = np.flatnonzero((upper >= np.uint64(low >> 64)) & (upper <= np.uint64(high >> 64)))  # few are left
    numbers = ((int(a) << 64) | int(b) for a, b in halves[rows])
    return rows[[low <= number <= high for number in numbers]] if len(rows) else rows
