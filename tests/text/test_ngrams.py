"""n-grams: the written formula, in Python's integers, and what their equality means."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bessemer.text.ngrams import ngrams_of, whole_hash
from bessemer.text.words import split, words_of

MASK = (1 << 64) - 1
batches = st.lists(st.text(alphabet="ab c", max_size=30), min_size=1, max_size=5)


def slow_hash(hashes: list[int]) -> int:
    total = 0
    for value in hashes:
        total = (total * 0x9E3779B97F4A7C15 + value) & MASK
    value = (total + len(hashes)) & MASK
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        value = ((value ^ (value >> 33)) * factor) & MASK
    return value ^ (value >> 33)


@given(batches, st.integers(1, 4), st.booleans())
def test_hashes_are_those_of_the_formula(batch: list[str], n: int, whole: bool) -> None:
    words = words_of(batch)
    grams = ngrams_of(words, n, whole_if_shorter=whole)
    for number in range(len(batch)):
        own = words.hashes[words.offsets[number] : words.offsets[number + 1]].tolist()
        expected = [slow_hash(own[i : i + n]) for i in range(len(own) - n + 1)]
        if whole and 0 < len(own) < n:
            expected = [slow_hash(own)]
        assert grams.of(number).tolist() == expected


@given(batches, st.integers(1, 4))
def test_two_ngrams_are_equal_exactly_if_their_words_are(batch: list[str], n: int) -> None:
    grams = ngrams_of(words_of(batch), n)
    tuples = [tuple(words[i : i + n]) for words in map(split, batch) for i in range(len(words) - n + 1)]
    assert len(set(tuples)) == len(np.unique(grams.hashes))
    assert len(set(zip(tuples, grams.hashes.tolist(), strict=True))) == len(set(tuples))


def test_a_short_document_is_no_part_of_a_longer_one() -> None:
    grams = ngrams_of(words_of(["one two", "one two three", "one two"]), 3, whole_if_shorter=True)
    assert grams.of(0) == grams.of(2)
    assert grams.of(0) != grams.of(1)


def test_the_whole_is_the_ngram_of_all_words() -> None:
    words = words_of(["to be or not to be"])
    assert whole_hash(words.hashes) == ngrams_of(words, 6).hashes[0]
