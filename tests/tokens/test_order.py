"""Order and split are functions of the id: stable, even, and cut without gaps."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bessemer.tokens.order import key_range, order_keys, validation_mask

IDS = [f"{number:032x}" for number in range(20_000)]


@given(st.integers(1, 1000))
def test_the_ranges_of_all_shards_part_all_keys_evenly(shards):
    ranges = [key_range(number, shards) for number in range(shards)]
    assert ranges[0][0] == 0
    assert ranges[-1][1] == 2**64
    assert all(one[1] == other[0] for one, other in itertools.pairwise(ranges))
    sizes = [high - low for low, high in ranges]
    assert max(sizes) - min(sizes) <= 1


def test_a_document_keeps_its_side_and_place_among_any_others():
    alone = [validation_mask([name], 3, 0.1)[0] for name in IDS[:200]]
    assert alone == validation_mask(IDS, 3, 0.1)[:200].tolist()
    assert order_keys(IDS[5:6], 3)[0] == order_keys(IDS, 3)[5]


def test_a_larger_fraction_only_adds():
    small, large = validation_mask(IDS, 0, 0.01), validation_mask(IDS, 0, 0.05)
    assert not (small & ~large).any()
    assert abs(small.mean() - 0.01) < 0.003
    assert abs(large.mean() - 0.05) < 0.006


def test_order_and_validation_are_independent_of_each_other():
    held_out = validation_mask(IDS, 0, 0.5)
    places = np.argsort(np.argsort(order_keys(IDS, 0)))
    assert abs(places[held_out].mean() / len(IDS) - 0.5) < 0.01
    assert not np.array_equal(validation_mask(IDS, 1, 0.5), held_out)
