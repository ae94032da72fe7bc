"""The keyed permutation: a bijection for every size and key, and a good shuffle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bessemer.tokens.permutation import KeyedPermutation


@given(st.integers(1, 3000), st.integers(0, 2**63))
def test_every_position_is_reached_exactly_once(size, key):
    image = KeyedPermutation(size, key)(np.arange(size))
    assert np.array_equal(np.sort(image), np.arange(size))


@given(st.integers(1, 2**62 - 1), st.data())
def test_huge_domains_stay_inside_and_collide_nowhere(size, data):
    positions = data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=50, unique=True))
    image = KeyedPermutation(size, "test")(np.array(positions))
    assert image.min() >= 0
    assert image.max() < size
    assert len(set(image.tolist())) == len(positions)


@given(st.integers(2, 1000), st.data())
def test_one_position_alone_goes_where_it_goes_among_others(size, data):
    position = data.draw(st.integers(0, size - 1))
    permutation = KeyedPermutation(size, 7)
    assert permutation(np.array([position]))[0] == permutation(np.arange(size))[position]


def test_other_keys_give_other_orders():
    orders = {tuple(KeyedPermutation(20, "windows", 0, epoch)(np.arange(20)).tolist()) for epoch in range(100)}
    assert len(orders) == 100


def test_images_are_uniform_over_keys():
    """Chi-square of where position 0 goes, over 20,000 keys and 13 places: the 99.99 % point for 12 degrees is 39.1."""
    counts = np.bincount([int(KeyedPermutation(13, key)(np.array([0]))[0]) for key in range(20_000)], minlength=13)
    expected = 20_000 / 13
    assert ((counts - expected) ** 2 / expected).sum() < 39.1


def test_neighbours_are_torn_apart():
    """In a random order of n a step has mean length n / 3."""
    image = KeyedPermutation(100_000, 3)(np.arange(100_000))
    assert abs(np.abs(np.diff(image)).mean() / 100_000 - 1 / 3) < 0.01
    assert abs(np.corrcoef(np.arange(100_000), image)[0, 1]) < 0.02


def test_a_position_outside_the_domain_is_refused():
    with pytest.raises(IndexError):
        KeyedPermutation(10, 0)(np.array([10]))
    with pytest.raises(ValueError, match="size"):
        KeyedPermutation(0, 0)
