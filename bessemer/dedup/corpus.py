"""All documents as deduplication sees them: a few numbers each, in the order of the shards."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bessemer.identifiers import from_hex
from bessemer.shards import read_manifest

BYTES_PER_DOCUMENT = 40
"""Memory that :class:`Corpus` needs for each document."""


@dataclass(frozen=True)
class Corpus:
    """All n documents; a document is named by its row, counted over all shards.

    Attributes:
        shards: names, in order.
        digests: of the files of documents, xxh3-128 in hex.
        starts: shape (shards + 1,), int64: first row of each shard.
        ids: shape (n, 2), uint64: the 128 bits of each id; they sort as the ids do.
        hashes: shape (n, 2), uint64: the 128 bits of the hash of each normalised text.
        words: shape (n,), int32.
        shingles: shape (n,), int32: places where a shingle starts.
    """

    shards: list[str]
    digests: list[str]
    starts: NDArray[np.int64]
    ids: NDArray[np.uint64]
    hashes: NDArray[np.uint64]
    words: NDArray[np.int32]
    shingles: NDArray[np.int32]

    def __len__(self) -> int:
        return int(self.starts[-1])

    def id(self, row: int) -> str:
        """The id of a document, 32 hex digits."""
        return f"{int(self.ids[row, 0]):016x}{int(self.ids[row, 1]):016x}"

    def rows_by_shard(self, rows: NDArray[np.int64]) -> list[tuple[int, NDArray[np.int64]]]:
        """For each shard that holds any of ``rows`` (ascending): its place, and those rows counted in the shard."""
        bounds = np.searchsorted(rows, self.starts)
        return [
            (shard, rows[bounds[shard] : bounds[shard + 1]] - self.starts[shard])
            for shard in np.flatnonzero(np.diff(bounds)).tolist()
        ]


def read_corpus(documents: Path, signatures: Path) -> Corpus:
    """The numbers of all documents.

    Args:
        documents: shard directory of the documents.
        signatures: folder with a file of signatures for each of its shards.
    """
    shards = read_manifest(documents).shards
    tables = [read_columns(signatures, shard.name, ["id", "hash", "words", "shingles"]) for shard in shards]
    starts = np.zeros(len(shards) + 1, np.int64)
    np.cumsum([table.num_rows for table in tables], out=starts[1:])
    return Corpus(
        shards=[shard.name for shard in shards],
        digests=[shard.xxh3 for shard in shards],
        starts=starts,
        ids=np.concatenate([np.empty((0, 2), np.uint64), *(from_hex(table.column("id")) for table in tables)]),
        hashes=np.concatenate([np.empty((0, 2), np.uint64), *(_from_bytes(table.column("hash")) for table in tables)]),
        words=np.concatenate([np.empty(0, np.int32), *(table.column("words").to_numpy() for table in tables)]),
        shingles=np.concatenate([np.empty(0, np.int32), *(table.column("shingles").to_numpy() for table in tables)]),
    )


def read_columns(directory: Path, name: str, columns: Sequence[str]) -> pa.Table:
    """Columns of a shard, read in this thread and without the pool that fetches ahead: a local disk needs neither."""
    with pq.ParquetFile(directory / f"{name}.parquet", pre_buffer=False) as file:
        return file.read(list(columns), use_threads=False)


def read_some_texts(documents: Path, name: str, rows: NDArray[np.int64]) -> pa.ChunkedArray:
    """Texts of some rows (ascending) of a shard, from the row groups that hold them, in this thread."""
    with pq.ParquetFile(documents / f"{name}.parquet", pre_buffer=False) as file:
        sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        ends = np.cumsum(sizes, dtype=np.int64)
        wanted, firsts = np.unique(np.searchsorted(ends, rows, "right"), return_index=True)
        chunks: list[pa.Array] = []
        for group, own in zip(wanted.tolist(), np.split(rows, firsts)[1:], strict=True):
            texts = file.read_row_group(group, ["text"], use_threads=False).column("text")
            chunks += texts.take(pa.array(own - ends[group] + sizes[group])).chunks
        return pa.chunked_array(chunks, file.schema_arrow.field("text").type)


def texts_of(documents: Path, corpus: Corpus, rows: NDArray[np.int64], workers: int) -> list[pa.Array]:
    """Texts of some rows (ascending), in their order."""
    parts = corpus.rows_by_shard(rows)
    with ThreadPoolExecutor(workers) as pool:
        begun = {  # a new shard, all of whose texts may be needed, is not left for the end
            shard: pool.submit(read_some_texts, documents, corpus.shards[shard], local)
            for shard, local in sorted(parts, key=lambda part: -len(part[1]))
        }
        return [chunk for shard, _ in parts for chunk in begun[shard].result().chunks]


def _from_bytes(column: pa.ChunkedArray) -> NDArray[np.uint64]:
    """Hashes of 16 bytes as shape (n, 2), uint64."""
    chunks = [
        np.frombuffer(chunk.buffers()[1], ">u8", 2 * len(chunk), 16 * chunk.offset)
        for chunk in column.chunks
        if len(chunk)
    ]
    return np.concatenate([np.empty(0, np.uint64), *chunks]).astype(np.uint64).reshape(-1, 2)
