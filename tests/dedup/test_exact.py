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
    groups = exact_groups(np.array(ids, "S32"), np.array(hashes, "S32"))
    assert groups.size.tolist() == [len(expected[value]) for value in hashes]
    leaders = sorted(min(members) for members in expected.values())
    assert [ids[place] for place in groups.representative] == leaders
    assert groups.sizes.tolist() == [len(expected[hashes[ids.index(name)]]) for name in leaders]
