"""Repetition: counted once more with Python's counters, on texts of very few words so that everything repeats."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bessemer.filters.repetition import DUPLICATE_SIZES, TOP_SIZES, duplicate_shares, ngram_shares, paragraphs
from bessemer.text.words import words_of

documents = st.lists(st.sampled_from(["a", "bb", "ccc", "dd"]), max_size=40)


def slow_top(words: list[str], n: int) -> float:
    counts = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
    repeated = {gram: count for gram, count in counts.items() if count > 1}
    if not repeated:
        return 0.0
    gram, count = max(repeated.items(), key=lambda item: (item[1], sum(map(len, item[0]))))
    return min(1.0, count * sum(map(len, gram)) / sum(map(len, words)))


def slow_duplicates(words: list[str], n: int) -> float:
    seen: set[tuple[str, ...]] = set()
    covered = [False] * len(words)
    for i in range(len(words) - n + 1):
        gram = tuple(words[i : i + n])
        if gram in seen:
            covered[i : i + n] = [True] * n
        seen.add(gram)
    total = sum(map(len, words))
    return sum(len(word) for word, yes in zip(words, covered, strict=True) if yes) / total if total else 0.0


@given(st.lists(documents, max_size=4))
def test_shares_equal_those_counted_word_by_word(batch: list[list[str]]) -> None:
    shares = ngram_shares(words_of([" ".join(words) for words in batch]))
    for number, words in enumerate(batch):
        for n in TOP_SIZES:
            assert shares[f"top_{n}_gram_characters"][number] == pytest.approx(slow_top(words, n)), n
        for n in DUPLICATE_SIZES:
            assert shares[f"duplicate_{n}_gram_characters"][number] == pytest.approx(slow_duplicates(words, n)), n


def test_no_document_repeats_another() -> None:
    text = "a b c d e f g h i j k l"
    shares = ngram_shares(words_of([text, text, text]))
    assert all((values == 0).all() for values in shares.values())


def test_a_text_said_twice_is_half_repeated() -> None:
    text = "when in the course of human events it becomes necessary"
    shares = ngram_shares(words_of([f"{text} {text}"]))
    assert shares["duplicate_10_gram_characters"][0] == pytest.approx(0.5)
    assert shares["duplicate_5_gram_characters"][0] == pytest.approx(0.5)


def test_an_occurrence_after_the_first_is_a_duplicate() -> None:
    assert duplicate_shares(["ab", "ab", "c", "ab"]) == (2 / 4, 4 / 7)
    assert duplicate_shares([]) == (0.0, 0.0)


def test_paragraphs_lie_between_blank_lines() -> None:
    assert paragraphs("\n\none\ntwo\n  \nthree\n\n\n\n") == ["one\ntwo", "three"]
