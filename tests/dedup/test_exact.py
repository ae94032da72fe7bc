"""Exact groups: everyone with the same hash, led by the smallest id, in any order."""

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bessemer.dedup.exact import exact_groups


@given(st.lists(st.sampled_from(["p", "q", "r"]), max_size=12), st.randoms(use_true_random=False))
def test_groups_are_those_of_a_dictionary(hashes: list[str], shuffler: random.Random) -> None:
    ids = [f"{number:032x}" for number in range(len(hashes))]
    shuffler.shuffle(ids)
    expected: dict[str, list[str]] = {}
    for name, value in zip(ids, hashes, strict=True):
        expected.setdefault(value, []).append(name)
    numbers = {value: number for number, value in enumerate(dict.fromkeys(hashes))}
    # Half of the hashes share their upper 64 bits: these alone do not make documents equal.
    groups = exact_groups(
        np.array([[0, int(name, 16)] for name in ids], np.uint64).reshape(-1, 2),
        np.array([[numbers[value] // 2, numbers[value]] for value in hashes], np.uint64).reshape(-1, 2),
    )
    assert groups.size.tolist() == [len(expected[value]) for value in hashes]
    leaders = {min(members) for members in expected.values()}
    assert [ids[row] for row in groups.representative] == [name for name in ids if name in leaders]
    assert groups.sizes.tolist() == [len(expected[hashes[row]]) for row in groups.representative]
