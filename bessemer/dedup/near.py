"""Near duplicates: candidates by MinHash LSH, decided by true Jaccard similarity."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bessemer.config.dedup import DedupParams
from bessemer.dedup.corpus import Corpus, read_shingles
from bessemer.dedup.exact import ExactGroups
from bessemer.dedup.lsh import Banding, Candidates, band_keys, candidate_pairs, choose_banding
from bessemer.dedup.verify import similarities


@dataclass(frozen=True)
class Near:
    """Verified pairs: rows of the corpus (the first has the smaller id), sorted by ids, and their similarities."""

    pairs: NDArray[np.int64]
    similarity: NDArray[np.float64]
    candidates: Candidates
    banding: Banding


def near_duplicates(params: DedupParams, corpus: Corpus, groups: ExactGroups, documents: Path) -> Near:
    """Pairs of representatives with a true similarity of at least ``floor``."""
    banding = choose(params)
    representatives = groups.representative[corpus.words[groups.representative] > 0]
    candidates = candidate_pairs(band_keys(corpus.signatures[representatives], banding), params.bucket_cap)
    pairs = representatives[candidates.pairs]
    sets = read_shingles(documents, corpus, np.unique(pairs), params.shingle_words)
    similarity = similarities(pairs, sets, params.floor)
    near = similarity >= params.floor
    return Near(pairs[near], similarity[near], candidates, banding)


def choose(params: DedupParams) -> Banding:
    """Bands and rows as given, or those that fit ``floor`` best."""
    if params.bands is not None and params.rows is not None:
        return Banding(params.bands, params.rows)
    return choose_banding(params.floor, params.permutations, params.false_negative_weight)
