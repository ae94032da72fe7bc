"""The index: every pair that agrees in a band, no other, and bounded work for giant buckets."""

import itertools

import numpy as np
import pytest
from datasketch import MinHash, MinHashLSH
from hypothesis import given
from hypothesis import strategies as st

from bessemer.dedup.candidates import CandidateTask, candidate_tasks, pairs_in_buckets, unpack
from bessemer.dedup.lsh import Banding, band_keys, choose_banding
from bessemer.errors import ConfigError

signature_lists = st.lists(st.lists(st.integers(0, 2), min_size=6, max_size=6), max_size=12)


def candidates(keys: np.ndarray, cap: int = 100) -> list[tuple[int, int]]:
    """Distinct pairs of all bands, ascending."""
    rows, rank = np.arange(len(keys)), np.arange(len(keys), dtype=np.uint64)
    found = [unpack(pairs_in_buckets(keys[:, band], rows, rank, cap)[0]) for band in range(keys.shape[1])]
    return sorted({(int(a), int(b)) for pairs in found for a, b in pairs})


@given(signature_lists, st.sampled_from([(1, 6), (2, 3), (3, 2), (6, 1), (2, 2)]))
def test_candidates_are_the_pairs_that_agree_in_a_band(signatures: list[list[int]], shape: tuple[int, int]) -> None:
    bands, rows = shape
    keys = band_keys(np.array(signatures, np.uint32).reshape(-1, 6), Banding(bands, rows))
    expected = [
        (i, j)
        for (i, a), (j, b) in itertools.combinations(enumerate(signatures), 2)
        if any(a[k * rows : (k + 1) * rows] == b[k * rows : (k + 1) * rows] for k in range(bands))
    ]
    assert candidates(keys) == expected


@given(signature_lists)
def test_the_index_finds_what_datasketch_finds(signatures: list[list[int]]) -> None:
    index = MinHashLSH(num_perm=6, params=(3, 2))
    sketches = [MinHash(hashvalues=np.array(row, np.uint32), scheme="affine32", num_perm=6) for row in signatures]
    for number, sketch in enumerate(sketches):
        index.insert(number, sketch)
    expected = sorted({(min(i, j), max(i, j)) for i, s in enumerate(sketches) for j in index.query(s) if i != j})
    keys = band_keys(np.array(signatures, np.uint32).reshape(-1, 6), Banding(3, 2))
    assert candidates(keys) == expected


@given(st.integers(0, 3000), st.integers(1, 3000), st.integers(0, 2**32))
def test_pairs_of_many_keys_are_those_that_are_equal(count: int, distinct: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    some = random.integers(0, 2**64, distinct, np.uint64)
    some[::3] = some[0] + (np.arange(len(some[::3]), dtype=np.uint64) << np.uint64(40))  # the same place in any table
    keys = some[random.integers(0, distinct, count)]
    buckets: dict[int, list[int]] = {}
    for row, key in enumerate(keys.tolist()):
        buckets.setdefault(key, []).append(row)
    cap = 4
    expected = {(a, b) for rows in buckets.values() for at, a in enumerate(rows[:cap]) for b in rows[at + 1 :]}
    found, counts = pairs_in_buckets(keys, np.arange(count), np.arange(count, dtype=np.uint64), cap)
    assert set(map(tuple, unpack(found).tolist())) == expected
    sizes = [len(rows) for rows in buckets.values() if len(rows) > 1]
    assert counts[:3].tolist() == [len(sizes), sum(size > cap for size in sizes), max(sizes, default=0)]


def test_a_giant_bucket_is_compared_with_the_smallest_ids_and_reported() -> None:
    size, cap = 1000, 10
    rank = np.random.default_rng(1).permutation(size).astype(np.uint64)
    found, counts = pairs_in_buckets(np.zeros(size, np.uint64), np.arange(size), rank, cap)
    pairs = unpack(found)
    hubs = set(np.argsort(rank)[:cap].tolist())
    assert len(pairs) == len(np.unique(found)) == cap * (cap - 1) // 2 + cap * (size - cap)
    assert all(int(a) in hubs or int(b) in hubs for a, b in pairs)
    assert (pairs[:, 0] < pairs[:, 1]).all()
    several, capped, largest, left_out = counts.tolist()
    assert len(pairs) + left_out == size * (size - 1) // 2
    assert (several, capped, largest) == (1, 1, size)


def test_a_bucket_of_exactly_the_cap_is_whole() -> None:
    found, counts = pairs_in_buckets(np.zeros(5, np.uint64), np.arange(5), np.arange(5, dtype=np.uint64), 5)
    assert (len(found), counts.tolist()) == (10, [1, 0, 5, 0])


def test_rows_of_the_upper_half_of_32_bits_come_back_whole() -> None:
    rows = np.array([(1 << 32) - 1, 7])
    found, _ = pairs_in_buckets(np.zeros(2, np.uint64), rows, np.zeros(1 << 3, np.uint64), 5)
    assert unpack(found).tolist() == [[7, (1 << 32) - 1]]


@given(st.integers(0, 300), st.integers(1, 30), st.integers(1, 200))
def test_tasks_cover_every_band_and_range_once_within_the_limit(documents: int, bands: int, limit: int) -> None:
    tasks = candidate_tasks(documents, bands, limit)
    assert len({task.name for task in tasks}) == len(tasks)
    covered = sorted((band, task.part) for task in tasks for band in task.bands)
    parts = tasks[0].parts
    assert covered == [(band, part) for band in range(bands) for part in range(parts)]
    assert all(isinstance(task, CandidateTask) and task.parts == parts for task in tasks)
    assert all(len(task.bands) * documents <= limit * parts or len(task.bands) == 1 for task in tasks)


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
