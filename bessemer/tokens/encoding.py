"""From a shard of documents to its tokens, sorted by the global order, so that every range of it can be read alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bessemer.tokenizer.encode import Encoder

_BATCH = 512
_FIELDS: list[pa.Field[Any]] = [
    pa.field("key", pa.uint64(), nullable=False),
    pa.field("id", pa.string(), nullable=False),
    pa.field("source", pa.string(), nullable=False),
    pa.field("language", pa.string()),
    pa.field("bytes", pa.int64(), nullable=False),
    pa.field("ids", pa.large_list(pa.int32()), nullable=False),
]
ENCODED_SCHEMA = pa.schema(_FIELDS)
"""``key`` is the place in the global order, ``ids`` are the tokens without the final end-of-text."""


def encode_table(table: pa.Table, encoder: Encoder, keys: NDArray[np.uint64]) -> pa.Table:
    """Encode the texts of a shard.

    Args:
        table: with ``id``, ``source``, ``language`` and ``text``.
        encoder: the tokenizer.
        keys: order key of each row.

    Returns:
        Rows of :data:`ENCODED_SCHEMA` in the order of (key, id).
    """
    names = table.column("id").to_pylist()
    order = np.array(sorted(range(len(names)), key=lambda row: (keys[row], names[row])), dtype=np.int64)
    table = table.select(["id", "source", "language", "text"]).take(order)
    parts, sizes = [pa.array([], pa.large_list(pa.int32()))], [np.empty(0, dtype=np.int64)]
    for texts in _batches(table.column("text")):
        parts.append(pa.array(encoder.encode(texts), pa.large_list(pa.int32())))
        sizes.append(np.array([len(text.encode()) for text in texts], dtype=np.int64))
    columns = {
        "key": pa.array(keys[order]),
        "id": table.column("id"),
        "source": table.column("source"),
        "language": table.column("language"),
        "bytes": pa.array(np.concatenate(sizes)),
        "ids": pa.chunked_array(parts),
    }
    return pa.table(columns).cast(ENCODED_SCHEMA)


def read_range(directory: Path, names: Sequence[str], low: int, high: int) -> pa.Table:
    """The encoded documents of all shards with ``low <= key < high``, in the global order.

    Row groups outside the range are skipped, so all ranges together read each file about once.

    Args:
        directory: of encoded shards.
        names: of the shards.
        low: smallest key.
        high: one more than the largest key, at most 2**64.
    """
    keys = pa.compute.field("key")
    inside = (keys >= pa.scalar(low, pa.uint64())) & (keys <= pa.scalar(high - 1, pa.uint64()))
    tables = [pq.read_table(directory / f"{name}.parquet", filters=inside, partitioning=None) for name in names]
    return pa.concat_tables(tables).sort_by([("key", "ascending"), ("id", "ascending")])


def _batches(column: pa.ChunkedArray[Any]) -> Iterator[list[str]]:
    for start in range(0, len(column), _BATCH):
        yield cast(list[str], column.slice(start, _BATCH).to_pylist())
