"""From a shard of documents to its tokens, sorted by the global order, so that every range of it can be read alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bessemer.tokenizer.encode import Encoder
from bessemer.tokens.order import order_copies

_BATCH = 512
_FIELDS: list[pa.Field[Any]] = [
    pa.field("key", pa.uint64(), nullable=False),
    pa.field("copy", pa.int32(), nullable=False),
    pa.field("id", pa.string(), nullable=False),
    pa.field("source", pa.string(), nullable=False),
    pa.field("language", pa.string()),
    pa.field("bytes", pa.int64(), nullable=False),
    pa.field("ids", pa.large_list(pa.int32()), nullable=False),
]
ENCODED_SCHEMA = pa.schema(_FIELDS)
"""``key`` is the place in the global order of copy ``copy``, ``ids`` are the tokens without the final end-of-text."""


GLOBAL_ORDER: list[tuple[str, Literal["ascending", "descending"]]] = [
    ("key", "ascending"),
    ("id", "ascending"),
    ("copy", "ascending"),
]


def encode_table(table: pa.Table, encoder: Encoder, copies: NDArray[np.int64], seed: int) -> pa.Table:
    """Encode the texts of a shard.

    Args:
        table: with ``id``, ``source``, ``language`` and ``text``.
        encoder: the tokenizer.
        copies: of each row; a row without any is encoded once.
        seed: of the global order.

    Returns:
        Rows of :data:`ENCODED_SCHEMA`, one for each copy, in the global order.
    """
    rows, copy, keys = order_copies(table.column("id").to_pylist(), copies, seed)
    parts, sizes = [pa.array([], pa.large_list(pa.int32()))], [np.empty(0, dtype=np.int64)]
    for texts in _batches(table.column("text")):
        parts.append(pa.array(encoder.encode(texts), pa.large_list(pa.int32())))
        sizes.append(np.array([len(text.encode()) for text in texts], dtype=np.int64))
    columns = {
        "id": table.column("id"),
        "source": table.column("source"),
        "language": table.column("language"),
        "bytes": pa.array(np.concatenate(sizes)),
        "ids": pa.chunked_array(parts),
    }
    whole = pa.table(columns).take(pa.array(rows))
    whole = whole.append_column("key", pa.array(keys)).append_column("copy", pa.array(copy))
    return whole.select(ENCODED_SCHEMA.names).cast(ENCODED_SCHEMA)


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
    return pa.concat_tables(tables).sort_by(GLOBAL_ORDER)


def _batches(column: pa.ChunkedArray[Any]) -> Iterator[list[str]]:
    for start in range(0, len(column), _BATCH):
        yield cast(list[str], column.slice(start, _BATCH).to_pylist())
