"""Verdicts of earlier runs: found again under both orders of a pair, never taken for another pair's."""

from pathlib import Path

import numpy as np

from bessemer.cache import ShardCache
from bessemer.dedup.verdicts import load_verdicts, pair_keys, store_verdicts

HASHES = np.random.default_rng(3).integers(0, 1 << 63, (50, 2), np.int64).astype(np.uint64)


def test_a_pair_has_one_key_in_both_orders_and_no_two_pairs_share_one() -> None:
    pairs = np.array([(a, b) for a in range(50) for b in range(50) if a < b])
    keys = pair_keys(pairs, HASHES)
    assert np.array_equal(keys, pair_keys(pairs[:, ::-1], HASHES))
    assert len(np.unique(keys[:, 0])) == len(np.unique(keys[:, 1])) == len(pairs)


def test_what_was_stored_is_known_and_nothing_else(tmp_path: Path) -> None:
    cache = ShardCache(tmp_path, 10**9)
    known, other = np.array([[0, 1], [5, 9], [30, 31]]), np.array([[0, 2], [5, 9], [49, 48]])
    assert np.isnan(load_verdicts(cache, "aa").of(pair_keys(known, HASHES))).all()
    store_verdicts(cache, "aa", pair_keys(known, HASHES), np.array([0.25, 0.5, 1.0]))
    answer = load_verdicts(cache, "aa").of(pair_keys(other, HASHES))
    assert np.isnan(answer).tolist() == [True, False, True]
    assert answer[1] == 0.5


def test_a_later_run_replaces_the_verdicts(tmp_path: Path) -> None:
    cache = ShardCache(tmp_path, 10**9)
    for first in (0, 10):
        store_verdicts(cache, "aa", pair_keys(np.array([[first, first + 1]]), HASHES), np.array([0.5]))
    answer = load_verdicts(cache, "aa").of(pair_keys(np.array([[0, 1], [10, 11]]), HASHES))
    assert np.isnan(answer).tolist() == [True, False]
