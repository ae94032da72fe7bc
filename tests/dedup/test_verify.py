"""Similarity is that of sets, however often a shingle occurs and in whatever order pairs come."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bessemer.dedup.verify import distinct_of_each, similarities
from bessemer.text.ngrams import Ngrams

# Few values, among them ones that fall on the same slots of a small table.
hashes = st.sampled_from([0, 1, 2, 3, 16, 32, 48, 15, 31, (1 << 64) - 1, 1 << 63, 5 << 40])
documents = st.lists(st.lists(hashes, max_size=40), min_size=1, max_size=6)


def ngrams(lists: list[list[int]]) -> Ngrams:
    offsets = np.zeros(len(lists) + 1, np.int64)
    np.cumsum([len(part) for part in lists], out=offsets[1:])
    return Ngrams(np.array([value for part in lists for value in part], np.uint64), offsets)


@given(documents, st.data())
def test_similarity_is_that_of_sets(lists: list[list[int]], data: st.DataObject) -> None:
    places = st.integers(0, len(lists) - 1)
    pairs = data.draw(st.lists(st.tuples(places, places), max_size=10))
    found = similarities(np.array(pairs, np.int64).reshape(-1, 2), ngrams(lists), floor=0.0)
    sets = [set(part) for part in lists]
    expected = [len(sets[a] & sets[b]) / len(sets[a] | sets[b]) if sets[a] and sets[b] else 0.0 for a, b in pairs]
    assert found.tolist() == pytest.approx(expected)


@given(documents)
def test_each_shingle_is_kept_once_where_it_first_occurs(lists: list[list[int]]) -> None:
    values, offsets = distinct_of_each(ngrams(lists))
    for number, part in enumerate(lists):
        assert values[offsets[number] : offsets[number + 1]].tolist() == list(dict.fromkeys(part))


def test_a_pair_that_cannot_reach_the_floor_is_not_compared() -> None:
    shingles = ngrams([[1, 2], [1, 2, 3, 4, 5]])
    pair = np.array([[0, 1]])
    assert similarities(pair, shingles, floor=0.5).tolist() == [0.0]
    assert similarities(pair, shingles, floor=0.4).tolist() == pytest.approx([0.4])
