"""The index: every pair that agrees in a band, no other, and bounded work for giant buckets."""

import itertools

import numpy as np
import pytest
from datasketch import MinHash, MinHashLSH
from hypothesis import given
from hypothesis import strategies as st

from bessemer.dedup.lsh import Banding, band_keys, candidate_pairs, choose_banding
from bessemer.errors import ConfigError

signature_lists = st.lists(st.lists(st.integers(0, 2), min_size=6, max_size=6), max_size=12)


@given(signature_lists, st.sampled_from([(1, 6), (2, 3), (3, 2), (6, 1), (2, 2)]))
def test_candidates_are_the_pairs_that_agree_in_a_band(signatures: list[list[int]], shape: tuple[int, int]) -> None:
    bands, rows = shape
    keys = band_keys(np.array(signatures, np.uint32).reshape(-1, 6), Banding(bands, rows))
    expected = [
        [i, j]
        for (i, a), (j, b) in itertools.combinations(enumerate(signatures), 2)
        if any(a[k * rows : (k + 1) * rows] == b[k * rows : (k + 1) * rows] for k in range(bands))
    ]
    assert candidate_pairs(keys, cap=100).pairs.tolist() == expected


@given(signature_lists)
def test_the_index_finds_what_datasketch_finds(signatures: list[list[int]]) -> None:
    index = MinHashLSH(num_perm=6, params=(3, 2))
    sketches = [MinHash(hashvalues=np.array(row, np.uint32), scheme="affine32", num_perm=6) for row in signatures]
    for number, sketch in enumerate(sketches):
        index.insert(number, sketch)
    expected = sorted({(min(i, j), max(i, j)) for i, s in enumerate(sketches) for j in index.query(s) if i != j})
    keys = band_keys(np.array(signatures, np.uint32).reshape(-1, 6), Banding(3, 2))
    assert list(map(tuple, candidate_pairs(keys, cap=100).pairs.tolist())) == expected


def test_a_giant_bucket_is_compared_with_its_first_members_and_reported() -> None:
    size, cap = 1000, 10
    found = candidate_pairs(np.zeros((size, 1), np.uint64), cap)
    assert len(found.pairs) == cap * (cap - 1) // 2 + cap * (size - cap)
    assert set(found.pairs[:, 0].tolist()) == set(range(cap))
    assert len(found.pairs) + found.pairs_left_out == size * (size - 1) // 2
    assert (found.buckets, found.capped_buckets, found.largest_bucket) == (1, 1, size)


def test_a_bucket_of_exactly_the_cap_is_whole() -> None:
    found = candidate_pairs(np.zeros((5, 1), np.uint64), 5)
    assert (len(found.pairs), found.capped_buckets, found.pairs_left_out) == (10, 0, 0)


def test_recall_is_that_of_a_simulation() -> None:
    banding, similarity, trials = Banding(8, 4), 0.7, 20_000
    agree = np.random.default_rng(5).random((trials, banding.bands, banding.rows)) < similarity
    assert banding.recall(similarity) == pytest.approx(agree.all(axis=2).any(axis=1).mean(), abs=0.015)


@pytest.mark.parametrize("weight", [0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 1.0])
def test_the_choice_fits_the_signature_for_any_weight(weight: float) -> None:
    banding = choose_banding(0.6, 64, weight)
    assert banding.bands * banding.rows <= 64


def test_a_choice_of_one_band_is_refused_with_the_way_out() -> None:
    with pytest.raises(ConfigError, match=r"dedup\.bands"):
        choose_banding(1.0, 4, 0.0)


def test_missing_pairs_costs_more_recall_when_it_is_weighted_less() -> None:
    careful, thrifty = choose_banding(0.6, 128, 0.9), choose_banding(0.6, 128, 0.3)
    assert careful.recall(0.6) > thrifty.recall(0.6)
    assert careful.recall(0.8) > 0.999
