"""What deduplication leaves beside the documents: exact groups and verified pairs."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa

from bessemer.dedup.corpus import Corpus
from bessemer.dedup.duplicates import Duplicates
from bessemer.dedup.near import Near
from bessemer.identifiers import hex_column
from bessemer.shards import ShardInfo, read_shard, write_manifest, write_shard

PAIRS_PER_SHARD = 1_000_000


def write_exact(
    directory: Path, found: Duplicates, parts: Path | None, made_from: dict[str, str], workers: int
) -> None:
    """The sidecar of exact groups and of repeated parts, with the shard names of the documents.

    Columns: ``id``, ``group``, ``group_size``, ``words``; ``near_duplicates`` (verified pairs that the document is in:
    of a group the one with the smallest id stands for all); ``repeated_parts`` (lines or paragraphs that other
    documents have too) and ``repeated_part_fraction`` (their share of the text's bytes), null if none were looked for.

    Args:
        directory: is written.
        found: all documents, their groups and pairs.
        parts: shard directory of repeated parts, if they were looked for.
        made_from: digests of the inputs.
        workers: cores to use.
    """

    corpus, groups = found.corpus, found.groups
    partners = np.bincount(found.near.pairs.ravel(), minlength=len(corpus)).astype(np.int32)

    def write(place: int) -> ShardInfo:
        part = slice(int(corpus.starts[place]), int(corpus.starts[place + 1]))
        columns = {
            "id": hex_column(corpus.ids[part]),
            "group": hex_column(corpus.hashes[part]),
            "group_size": pa.array(groups.size[part]),
            "words": pa.array(corpus.words[part]),
            "near_duplicates": pa.array(partners[part]),
            **_repeats(parts, corpus.shards[place], part.stop - part.start),
        }
        # Not waited for on the disk, as the files that the engine brings are not.
        return write_shard(directory, corpus.shards[place], pa.table(columns), plain=["id", "group"], durable=False)

    with ThreadPoolExecutor(workers) as pool:
        infos = list(pool.map(write, range(len(corpus.shards))))
    write_manifest(directory, infos, made_from)


def _repeats(parts: Path | None, shard: str, documents: int) -> "dict[str, pa.Array]":
    if parts is None:
        return {
            "repeated_parts": pa.nulls(documents, pa.int32()),
            "repeated_part_fraction": pa.nulls(documents, pa.float32()),
        }
    table = read_shard(parts, shard, ["row", "start", "end", "document_bytes"])
    row, start, end, size = (table.column(name).to_numpy() for name in table.column_names)
    shares = np.bincount(row, (end - start) / size, documents)
    return {
        "repeated_parts": pa.array(np.bincount(row, minlength=documents).astype(np.int32)),
        "repeated_part_fraction": pa.array(shares.astype(np.float32)),
    }


def write_pairs(directory: Path, corpus: Corpus, near: Near, made_from: dict[str, str]) -> None:
    """Verified pairs in their order, cut at a fixed number of pairs."""
    infos: list[ShardInfo] = []
    for start in range(0, max(1, len(near.pairs)), PAIRS_PER_SHARD):
        part = slice(start, start + PAIRS_PER_SHARD)
        columns = {
            "id_a": hex_column(corpus.ids[near.pairs[part, 0]]),
            "id_b": hex_column(corpus.ids[near.pairs[part, 1]]),
            "similarity": pa.array(near.similarity[part].astype(np.float32)),
        }
        infos.append(write_shard(directory, f"pairs-{start // PAIRS_PER_SHARD:05d}", pa.table(columns)))
    write_manifest(directory, infos, made_from)
