"""Near duplicates: candidates by MinHash LSH, decided by true Jaccard similarity."""

import dataclasses
import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bessemer.cache import cache_key, open_cache
from bessemer.config.dedup import DedupParams
from bessemer.dedup.candidates import (
    CANDIDATES,
    Buckets,
    candidate_tasks,
    find_candidates,
    merge_candidates,
    unpack,
)
from bessemer.dedup.comparison import compare
from bessemer.dedup.corpus import Corpus
from bessemer.dedup.exact import ExactGroups
from bessemer.dedup.lsh import Banding, banding_for
from bessemer.dedup.verdicts import load_verdicts, pair_keys, store_verdicts
from bessemer.engine import Job, map_jobs
from bessemer.errors import DataError
from bessemer.stage import StageContext

MOST_DOCUMENTS = 1 << 32


@dataclass(frozen=True)
class Near:
    """Verified pairs.

    Attributes:
        pairs: shape (pairs, 2), int64: rows of the corpus; the first has the smaller id; sorted by ids.
        similarity: shape (pairs,), float64: true Jaccard.
        candidates: pairs that were compared.
        buckets: what the index held.
        banding: how it was cut.
    """

    pairs: NDArray[np.int64]
    similarity: NDArray[np.float64]
    candidates: int
    buckets: Buckets
    banding: Banding


def near_duplicates(
    params: DedupParams,
    corpus: Corpus,
    groups: ExactGroups,
    *,
    documents: Path,
    signatures: Path,
    stage: StageContext,
    scratch: Path,
) -> Near:
    """Pairs of representatives with a true similarity of at least ``floor``.

    Args:
        params: of the stage.
        corpus: all documents.
        groups: of identical ones.
        documents: their shard directory.
        signatures: their signatures.
        stage: gives workers and the shard cache.
        scratch: an empty folder.

    Raises:
        DataError: there are more documents than pairs of 32-bit rows can name.
    """
    if len(corpus) >= MOST_DOCUMENTS:
        raise DataError(f"{len(corpus):,} documents are more than dedup takes at once (2^32); split the sources.")
    settled = params.model_copy(update={"parts": None, "part_words": 1, "samples": 0})  # change no verdict
    stage = dataclasses.replace(stage, sections={stage.name: settled})
    banding = banding_for(params)
    eligible = np.zeros(len(corpus), np.bool_)
    eligible[groups.representative] = corpus.words[groups.representative] > 0
    candidates, buckets = _candidates(params, corpus, eligible, banding, signatures, stage, scratch)
    pairs, similarity = _verified(params, unpack(candidates), corpus, documents, stage, scratch)
    near = similarity >= params.floor
    ordered, order = _by_id(pairs[near], corpus)
    return Near(ordered, similarity[near][order], len(candidates), buckets, banding)


def _candidates(
    params: DedupParams,
    corpus: Corpus,
    eligible: NDArray[np.bool_],
    banding: Banding,
    signatures: Path,
    stage: StageContext,
    scratch: Path,
) -> tuple[NDArray[np.uint64], Buckets]:
    tasks = candidate_tasks(len(corpus), banding.bands)
    identity = cache_key(corpus.shards, corpus.digests)
    results = map_jobs(
        functools.partial(find_candidates, signatures, corpus, eligible, params.bucket_cap),
        [Job(task.name, {"corpus": identity}, task) for task in tasks],
        outputs={CANDIDATES: scratch / CANDIDATES},
        stage=stage,
        label="candidates",
        threads=True,
        link=True,
    )
    stats = [Buckets(**result.stats) for result in results]
    buckets = Buckets(
        several=sum(found.several for found in stats),
        capped=sum(found.capped for found in stats),
        largest=max((found.largest for found in stats), default=0),
        left_out=sum(found.left_out for found in stats),
    )
    return merge_candidates(scratch / CANDIDATES, [task.name for task in tasks]), buckets


def _verified(
    params: DedupParams,
    pairs: NDArray[np.int64],
    corpus: Corpus,
    documents: Path,
    stage: StageContext,
    scratch: Path,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The similarity of every pair: known from an earlier run, or found now."""
    cache = open_cache(stage.root / stage.runtime.cache_dir, stage.runtime.cache_max_gb)
    key = cache_key(stage.name, "verdicts", stage.identity)
    similarity = load_verdicts(cache, key).of(pair_keys(pairs, corpus.hashes))
    known = ~np.isnan(similarity)
    compared, found = compare(pairs[~known], corpus, documents, params, stage, scratch)
    pairs = np.concatenate((pairs[known], compared))
    similarity = np.concatenate((similarity[known], found))
    if len(compared):
        store_verdicts(cache, key, pair_keys(pairs, corpus.hashes), similarity)
    return pairs, similarity


def _by_id(pairs: NDArray[np.int64], corpus: Corpus) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs with the smaller id first, sorted by ids; and the order that sorts them."""
    a, b = corpus.ids[pairs[:, 0]], corpus.ids[pairs[:, 1]]
    swap = (a[:, 0] > b[:, 0]) | ((a[:, 0] == b[:, 0]) & (a[:, 1] > b[:, 1]))
    pairs = np.where(swap[:, None], pairs[:, ::-1], pairs)
    a, b = corpus.ids[pairs[:, 0]], corpus.ids[pairs[:, 1]]
    order = np.lexsort((b[:, 1], b[:, 0], a[:, 1], a[:, 0]))
    return pairs[order], order
