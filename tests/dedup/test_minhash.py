"""Signatures: datasketch's, bit for bit; agreement of places estimates similarity as well as theory says."""

import numpy as np
import pytest
from datasketch import MinHash
from hypothesis import given
from hypothesis import strategies as st

from bessemer.dedup.minhash import EMPTY, minhash_signatures, permutations
from bessemer.text.ngrams import Ngrams

hash_lists = st.lists(st.lists(st.integers(0, (1 << 64) - 1), max_size=20), min_size=1, max_size=5)


def ngrams(hashes: list[list[int]]) -> Ngrams:
    offsets = np.cumsum([0, *map(len, hashes)])
    return Ngrams(np.array([value for part in hashes for value in part], np.uint64), offsets)


@given(hash_lists, st.integers(1, 40), st.integers(0, (1 << 32) - 1))
def test_signatures_equal_datasketch(hashes: list[list[int]], count: int, seed: int) -> None:
    signatures = minhash_signatures(ngrams(hashes), permutations(count, seed))
    for row, part in zip(signatures, hashes, strict=True):
        oracle = MinHash(num_perm=count, seed=seed, scheme="affine32", hashfunc=lambda value: value & 0xFFFFFFFF)
        oracle.update_batch(part)
        assert np.array_equal(row, oracle.hashvalues)


def test_a_long_document_equals_datasketch_too() -> None:
    hashes = np.random.default_rng(3).integers(0, 1 << 63, 5000).tolist()
    oracle = MinHash(num_perm=128, seed=1, scheme="affine32", hashfunc=lambda value: value & 0xFFFFFFFF)
    oracle.update_batch(hashes)
    assert np.array_equal(minhash_signatures(ngrams([hashes]), permutations(128, 1))[0], oracle.hashvalues)


def test_order_and_repetition_of_shingles_change_nothing() -> None:
    maps = permutations(64, 5)
    first, second = minhash_signatures(ngrams([[1, 2, 3], [3, 1, 2, 2, 1]]), maps)
    assert np.array_equal(first, second)


def test_a_document_without_shingles_is_marked() -> None:
    assert (minhash_signatures(ngrams([[], [7]]), permutations(8, 1))[0] == EMPTY).all()


@pytest.mark.parametrize("similarity", [0.5, 0.8, 0.95])
def test_the_estimate_has_the_error_of_theory(similarity: float) -> None:
    generator = np.random.default_rng(11)
    count, size, pairs = 256, 1000, 40
    shared = round(size * similarity)
    errors = []
    for _ in range(pairs):
        values = generator.choice(1 << 62, 2 * size - shared, replace=False).tolist()
        a, b = minhash_signatures(ngrams([values[:size], values[size - shared :]]), permutations(count, 1))
        true = shared / (2 * size - shared)
        errors.append(((a == b).mean() - true) / np.sqrt(true * (1 - true) / count))
    assert abs(np.mean(errors)) < 4 / np.sqrt(pairs)
    assert 0.6 < np.std(errors) < 1.5
