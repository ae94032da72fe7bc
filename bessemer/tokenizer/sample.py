"""Which documents the tokenizer is trained on: a bounded, weighted sample that is a pure function of their ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bessemer.shards import read_shard
from bessemer.text.normalize import keyed

_EXAMPLE_CHARACTERS = 240
_EXAMPLE_LANGUAGES = 16


@dataclass(frozen=True)
class Row:
    """A document of the sample."""

    id: str
    source: str
    language: str
    text: str


@dataclass(frozen=True)
class Queue:
    """All documents of a corpus in their order, with what decides which are taken.

    Attributes:
        shards: name and rows of each shard.
        ids: shape (n,), fixed-size bytes.
        priority: shape (n,), float64, as of :func:`priorities`.
        sizes: shape (n,), int64: UTF-8 bytes.
    """

    shards: list[tuple[str, int]]
    ids: NDArray[np.bytes_]
    priority: NDArray[np.float64]
    sizes: NDArray[np.int64]

    def first(self, limit: int) -> NDArray[np.bool_]:
        """Shape (n,): the documents that come first while their bytes fit into ``limit``, and at least one."""
        order = np.lexsort((self.ids, self.priority))
        fits = np.cumsum(self.sizes[order]) <= limit
        fits[:1] = True
        fits &= np.isfinite(self.priority[order])
        chosen = np.zeros(len(order), dtype=bool)
        chosen[order[fits]] = True
        return chosen


def priorities(
    ids: Sequence[str],
    sources: Sequence[str],
    languages: Sequence[str | None],
    *,
    seed: int,
    source_weights: Mapping[str, float],
    language_weights: Mapping[str, float],
) -> NDArray[np.float64]:
    """Where each document stands in the queue for the sample: the smaller, the earlier.

    The hash of the id, uniform in [0, 1), divided by the weight. Taking all below a cut includes a document with a
    probability in proportion to its weight, until the heavy ones are all in. A weight of 0 excludes: infinity.

    Returns:
        Shape (n,), float64. Made by divisions only, so equal on every machine.
    """
    hashes = np.array([keyed(name, seed, "tokenizer.sample") for name in ids], dtype=np.uint64)
    uniform = (hashes >> np.uint64(11)).astype(np.float64) / 2.0**53
    weights = np.array(
        [
            source_weights.get(source, 1.0) * language_weights.get(language or "", 1.0)
            for source, language in zip(sources, languages, strict=True)
        ],
        dtype=np.float64,
    )
    order: NDArray[np.float64] = np.divide(uniform, weights, out=np.full(len(uniform), np.inf), where=weights > 0)
    return order


def queue_table(table: pa.Table, priority: NDArray[np.float64]) -> pa.Table:
    """The part of a queue that one shard of the corpus makes: ``id``, ``priority``, ``bytes``."""
    sizes = pc.binary_length(table.column("text")).cast(pa.int64())
    return pa.table({"id": table.column("id"), "priority": pa.array(priority), "bytes": sizes})


def read_queue(directory: Path, shards: Sequence[str]) -> Queue:
    """Join the parts that were made by :func:`queue_table`."""
    tables = [read_shard(directory, name) for name in shards]
    joined = pa.concat_tables(tables)
    return Queue(
        shards=[(name, table.num_rows) for name, table in zip(shards, tables, strict=True)],
        ids=np.array(joined.column("id").to_pylist(), dtype="S32"),
        priority=joined.column("priority").to_numpy(),
        sizes=joined.column("bytes").to_numpy(),
    )


def read_chosen(corpus: Path, queue: Queue, chosen: NDArray[np.bool_]) -> Iterator[Row]:
    """The chosen documents in the order of the corpus, one shard in memory at a time."""
    start = 0
    for name, rows in queue.shards:
        wanted = np.flatnonzero(chosen[start : start + rows])
        if len(wanted):
            table = read_shard(corpus, name, ["id", "source", "language", "text"]).take(wanted)
            for row in table.to_pylist():
                yield Row(row["id"], row["source"], row["language"] or "unknown", row["text"])
        start += rows


def examples_of(rows: Sequence[Row]) -> list[Row]:
    """One short stretch for each source and for each of the commonest languages, from the least id."""
    languages: dict[str, int] = {}
    for row in rows:
        languages[row.language] = languages.get(row.language, 0) + 1
    common = sorted(languages, key=lambda name: (-languages[name], name))[:_EXAMPLE_LANGUAGES]
    chosen: dict[str, Row] = {}
    taken: set[tuple[str, str]] = set()
    for row in sorted(rows, key=lambda item: item.id):
        places = {("source", row.source)} | ({("language", row.language)} if row.language in common else set())
        if places - taken:
            taken |= places
            chosen[row.id] = Row(row.id, row.source, row.language, row.text[:_EXAMPLE_CHARACTERS])
    return sorted(chosen.values(), key=lambda item: (item.source, item.language, item.id))
