"""All documents as deduplication sees them: read from and written to shard directories."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bessemer.dedup.exact import ExactGroups
from bessemer.dedup.signatures import shingle_sets, signatures_from
from bessemer.shards import ShardInfo, read_manifest, read_shard, write_manifest, write_shard

PAIRS_PER_SHARD = 1_000_000


@dataclass(frozen=True)
class Corpus:
    """All documents: shard names with their row counts, and columns over all rows in that order."""

    shards: list[tuple[str, int]]
    ids: NDArray[np.bytes_]
    hashes: NDArray[np.bytes_]
    words: NDArray[np.int32]
    signatures: NDArray[np.uint32]


def read_corpus(directory: Path) -> Corpus:
    """The signatures of all shards, in the order of their names."""
    shards = read_manifest(directory).shards
    tables = [read_shard(directory, shard.name) for shard in shards]
    return Corpus(
        shards=[(shard.name, shard.rows) for shard in shards],
        ids=np.concatenate(
            [np.array(table.column("id").to_pylist(), "S32") for table in tables] or [np.empty(0, "S32")]
        ),
        hashes=np.concatenate(
            [np.array(table.column("hash").to_pylist(), "S32") for table in tables] or [np.empty(0, "S32")]
        ),
        words=np.concatenate([table.column("words").to_numpy() for table in tables] or [np.empty(0, np.int32)]),
        signatures=np.concatenate(
            [signatures_from(table.column("signature")) for table in tables] or [np.empty((0, 0), np.uint32)]
        ),
    )


def read_shingles(
    documents: Path, corpus: Corpus, rows: NDArray[np.int64], shingle_words: int
) -> dict[int, NDArray[np.uint64]]:
    """Shingle sets of some rows (ascending) of the corpus, one shard of texts in memory at a time."""
    sets: dict[int, NDArray[np.uint64]] = {}
    for wanted, texts in _texts_by_shard(documents, corpus, rows):
        sets.update(zip(wanted, shingle_sets(texts, shingle_words), strict=True))
    return sets


def read_texts(documents: Path, corpus: Corpus, rows: NDArray[np.int64]) -> dict[int, str]:
    """Texts of some rows (ascending) of the corpus."""
    return {
        row: text
        for wanted, texts in _texts_by_shard(documents, corpus, rows)
        for row, text in zip(wanted, texts, strict=True)
    }


def _texts_by_shard(documents: Path, corpus: Corpus, rows: NDArray[np.int64]) -> Iterator[tuple[list[int], list[str]]]:
    """For each shard that holds any of ``rows``: those rows, and their texts."""
    start = 0
    for name, count in corpus.shards:
        wanted = rows[np.searchsorted(rows, start) : np.searchsorted(rows, start + count)]
        if len(wanted):
            texts = cast(list[str], read_shard(documents, name, ["text"]).column("text").to_pylist())
            yield [int(row) for row in wanted], [texts[int(row) - start] for row in wanted]
        start += count


def write_exact(directory: Path, corpus: Corpus, groups: ExactGroups, made_from: dict[str, str]) -> None:
    """The sidecar of exact groups, with the shard names of the documents."""
    infos, start = [], 0
    for name, rows in corpus.shards:
        part = slice(start, start + rows)
        columns = {
            "id": pa.array([value.decode() for value in corpus.ids[part].tolist()], pa.string()),
            "group": pa.array([value.decode() for value in corpus.hashes[part].tolist()], pa.string()),
            "group_size": pa.array(groups.size[part], pa.int32()),
            "words": pa.array(corpus.words[part], pa.int32()),
        }
        infos.append(write_shard(directory, name, pa.table(columns)))
        start += rows
    write_manifest(directory, infos, made_from)


def write_pairs(
    directory: Path,
    corpus: Corpus,
    pairs: NDArray[np.int64],
    similarity: NDArray[np.float64],
    made_from: dict[str, str],
) -> None:
    """Verified pairs of rows of the corpus, in the given order, cut at a fixed number of pairs."""
    infos: list[ShardInfo] = []
    for start in range(0, max(1, len(pairs)), PAIRS_PER_SHARD):
        part = slice(start, start + PAIRS_PER_SHARD)
        names = [[value.decode() for value in corpus.ids[pairs[part, side]].tolist()] for side in (0, 1)]
        columns = {
            "id_a": pa.array(names[0], pa.string()),
            "id_b": pa.array(names[1], pa.string()),
            "similarity": pa.array(similarity[part], pa.float32()),
        }
        infos.append(write_shard(directory, f"pairs-{start // PAIRS_PER_SHARD:05d}", pa.table(columns)))
    write_manifest(directory, infos, made_from)
