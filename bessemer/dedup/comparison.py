"""Comparing candidate pairs: texts are gathered by task, shard by shard, and each task computes its similarities.

Both steps go through the shard cache, so a run that was killed repeats at most one job of each worker. What is little,
as after adding a file, is compared at once and without the cache.
"""

import functools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash
from numpy.typing import NDArray

from bessemer.arrow_files import read_arrow
from bessemer.config.dedup import DedupParams
from bessemer.dedup.comparison_plan import FEWEST_SHINGLES, Comparisons, plan_comparisons
from bessemer.dedup.corpus import Corpus, map_texts, read_some_texts
from bessemer.dedup.distinct import distinct
from bessemer.dedup.verdicts import pair_keys
from bessemer.dedup.verify import similarities
from bessemer.engine import Job, OutputWriter, Stats, map_jobs
from bessemer.stage import StageContext
from bessemer.text.buffers import TextBuffer
from bessemer.text.ngrams import Ngrams, joined
from bessemer.text.shingles import shingles_of

GATHERED, SIMILARITIES = "gathered", "similarities"
AT_ONCE = 2 * FEWEST_SHINGLES
"""Shingles of all pairs up to which there are no tasks: under a second's work, which a run that was killed repeats."""


def compare(
    pairs: NDArray[np.int64], corpus: Corpus, documents: Path, params: DedupParams, stage: StageContext, scratch: Path
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """True Jaccard similarity of pairs; below ``params.floor`` it may be 0.

    Args:
        pairs: shape (pairs, 2): rows of the corpus, distinct; fastest if they ascend.
        corpus: all documents.
        documents: their shard directory.
        params: of the stage.
        stage: gives workers and the shard cache.
        scratch: an empty folder for gathered texts.

    Returns:
        The pairs, perhaps in another order, and the similarity of each.
    """
    if not len(pairs):
        return pairs, np.empty(0)
    if corpus.shingles[pairs].sum(dtype=np.int64) <= AT_ONCE:
        rows = distinct(pairs.ravel())
        make = functools.partial(_shingles, shingle_words=params.shingle_words)
        shingles = joined(map_texts(make, documents, corpus, rows, stage.runtime.resolved_workers))
        return pairs, similarities(np.searchsorted(rows, pairs), shingles, params.floor)
    plan = plan_comparisons(pairs, corpus.shingles)
    needed = plan.documents()
    gathered = map_jobs(
        functools.partial(gather_texts, documents),
        _gathering(needed, corpus),
        outputs={GATHERED: scratch / GATHERED},
        stage=stage,
        label="texts to compare",
        threads=True,
        link=True,
    )
    sources: list[list[tuple[str, int]]] = [[] for _ in needed]
    for result in gathered:
        for group, task in enumerate(result.stats["tasks"]):
            sources[task].append((result.job.name, group))
    compared = map_jobs(
        functools.partial(compare_pairs, scratch / GATHERED, params),
        _comparing(plan, needed, sources, corpus),
        outputs={SIMILARITIES: scratch / SIMILARITIES},
        stage=stage,
        label="comparisons",
        threads=True,
        link=True,
    )
    found = (read_arrow(scratch / SIMILARITIES, result.job.name).column("similarity") for result in compared)
    return plan.pairs, np.concatenate([similarity.to_numpy() for similarity in found])


def gather_texts(documents: Path, job: Job, out: OutputWriter) -> Stats:
    """Write the texts of a shard that tasks need: a row group for each task, in the order of the tasks."""
    wanted: list[tuple[int, NDArray[np.int64]]] = job.payload
    rows = np.concatenate([rows for _, rows in wanted])
    once, places = np.unique(rows, return_inverse=True)
    texts = read_some_texts(documents, job.name, once).take(pa.array(places))
    out.write(GATHERED, job.name, pa.table({"text": texts}), row_groups=[len(rows) for _, rows in wanted])
    return {"tasks": [task for task, _ in wanted]}


def compare_pairs(gathered: Path, params: DedupParams, job: Job, out: OutputWriter) -> Stats:
    """Write the similarity of each pair of a task."""
    pairs, groups = job.payload
    texts = [_read_group(gathered, shard, group) for shard, group in groups]
    found = similarities(pairs, _shingles(pa.chunked_array(texts), params.shingle_words), params.floor)
    out.write_arrow(SIMILARITIES, job.name, pa.table({"similarity": found}))
    return {}


def _shingles(texts: pa.ChunkedArray, shingle_words: int) -> Ngrams:
    return shingles_of(TextBuffer.of_column(texts), shingle_words)


def _gathering(needed: list[NDArray[np.int64]], corpus: Corpus) -> list[Job]:
    """A job for each shard that any task needs; its payload: tasks, and the rows of the shard that each needs."""
    wanted: dict[int, list[tuple[int, NDArray[np.int64]]]] = {}
    for task, rows in enumerate(needed):
        for shard, local in corpus.rows_by_shard(rows):
            wanted.setdefault(shard, []).append((task, local))
    return [
        Job(
            corpus.shards[shard],
            {"documents": corpus.digests[shard], "rows": _digest(*(part for item in parts for part in item))},
            parts,
        )
        for shard, parts in sorted(wanted.items())
    ]


def _comparing(
    plan: Comparisons, needed: list[NDArray[np.int64]], sources: list[list[tuple[str, int]]], corpus: Corpus
) -> list[Job]:
    """A job for each task; its payload: pairs of places among its texts, and the row groups that hold the texts."""
    return [
        Job(
            f"task-{task:06d}",
            {"texts": _digest(pair_keys(plan.of(task), corpus.hashes))},
            (np.searchsorted(rows, plan.of(task)), sources[task]),
        )
        for task, rows in enumerate(needed)
    ]


def _read_group(directory: Path, shard: str, group: int) -> pa.Array:
    with pq.ParquetFile(directory / f"{shard}.parquet", pre_buffer=False) as file:
        return file.read_row_group(group, ["text"], use_threads=False).column("text").combine_chunks()


def _digest(*parts: int | NDArray[np.int64] | NDArray[np.uint64]) -> str:
    digest = xxhash.xxh3_128()
    for part in parts:
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()
