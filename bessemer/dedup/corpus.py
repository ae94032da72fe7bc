"""All documents as deduplication sees them: a few numbers each, in the order of the shards."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bessemer.arrow_files import read_arrow
from bessemer.shards import read_manifest

_Made = TypeVar("_Made")

CORPUS_COLUMNS = ("id", "hash", "words", "shingles")
"""The first columns of a file of signatures."""
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
    ids, hashes = [np.empty((0, 2), np.uint64)], [np.empty((0, 2), np.uint64)]
    words, shingles = [np.empty(0, np.int32)], [np.empty(0, np.int32)]
    for shard in shards:
        table = read_arrow(signatures, shard.name, range(len(CORPUS_COLUMNS)))
        ids.append(_from_bytes(table.column("id")))
        hashes.append(_from_bytes(table.column("hash")))
        words.append(table.column("words").to_numpy().copy())  # so that no table stays in memory
        shingles.append(table.column("shingles").to_numpy().copy())
    return Corpus(
        shards=[shard.name for shard in shards],
        digests=[shard.xxh3 for shard in shards],
        starts=np.cumsum([len(part) for part in words], dtype=np.int64),
        ids=np.concatenate(ids),
        hashes=np.concatenate(hashes),
        words=np.concatenate(words),
        shingles=np.concatenate(shingles),
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


def map_texts(
    function: Callable[[pa.ChunkedArray], _Made], documents: Path, corpus: Corpus, rows: NDArray[np.int64], workers: int
) -> list[_Made]:
    """What ``function`` makes of the texts of some rows (ascending), shard by shard, in threads."""
    parts = corpus.rows_by_shard(rows)

    def read(shard: int, local: NDArray[np.int64]) -> _Made:
        return function(read_some_texts(documents, corpus.shards[shard], local))

    with ThreadPoolExecutor(workers) as pool:
        begun = {  # a new shard, all of whose texts may be needed, is not left for the end
            shard: pool.submit(read, shard, local) for shard, local in sorted(parts, key=lambda part: -len(part[1]))
        }
        return [begun[shard].result() for shard, _ in parts]


def texts_of(documents: Path, corpus: Corpus, rows: NDArray[np.int64], workers: int) -> list[str]:
    """Texts of some rows (ascending), in their order."""
    return [text for texts in map_texts(pa.ChunkedArray.to_pylist, documents, corpus, rows, workers) for text in texts]


def _from_bytes(values: pa.FixedSizeBinaryArray) -> NDArray[np.uint64]:
    """Values of 16 bytes as shape (n, 2), uint64."""
    numbers = np.frombuffer(values.buffers()[1], ">u8", 2 * len(values), 16 * values.offset)
    return numbers.astype(np.uint64).reshape(-1, 2)
