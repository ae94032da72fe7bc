"""Words: letters, marks and digits in runs; one a character in scripts that do not space words."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bessemer.text.words import split, words_of
from tests.text.oracles import slow_word_hash

ALPHABET = "aB9é ß.’-\n_ñДжéहिन्दी漢字々ひカ한글ไทยກမខ١Ⅷ²ﬁİ🙂\u0301\u200d"
ALONE = ("CJK ", "HIRAGANA ", "KATAKANA ", "HANGUL SYLLABLE", "THAI ", "LAO ", "KHMER ", "MYANMAR ", "IDEOGRAPHIC ")

texts = st.text(alphabet=ALPHABET, max_size=60)


def slow_split(text: str) -> list[str]:
    """One character at a time, from the names in the Unicode database."""
    found: list[str] = []
    state = "outside"
    for character in text.casefold():
        kind = unicodedata.category(character)[0]
        if kind not in "LMN":
            state = "outside"
        elif unicodedata.name(character, "").startswith(ALONE) and not (kind == "M" and state == "alone"):
            found.append(character)
            state = "alone"
        elif state == "word" or (state == "alone" and kind == "M"):
            found[-1] += character
        else:
            found.append(character)
            state = "word"
    return found


@given(texts)
def test_words_are_runs_of_letters_marks_and_digits(text: str) -> None:
    assert split(text) == slow_split(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't panic, 42!", ["don", "t", "panic", "42"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("東京タワー 3", ["東", "京", "タ", "ワ", "ー", "3"]),
        ("한국어 text", ["한", "국", "어", "text"]),
        ("ที่นี่", ["ที่", "นี่"]),
        ("STRASSE straße", ["strasse", "strasse"]),
        ("snake_case", ["snake", "case"]),
        ("... --- |", []),
    ],
)
def test_examples_of_many_scripts(text: str, expected: list[str]) -> None:
    assert split(text) == expected


@given(st.lists(texts, max_size=6))
def test_a_batch_is_its_documents_one_by_one(batch: list[str]) -> None:
    words = words_of(batch)
    assert len(words) == len(batch)
    for number, text in enumerate(batch):
        part = slice(words.offsets[number], words.offsets[number + 1])
        own = split(text)
        assert [words.vocabulary[place] for place in words.ids[part]] == own
        assert words.hashes[part].tolist() == [slow_word_hash(word) for word in own]
        assert words.characters[part].tolist() == [len(word) for word in own]
        assert words.alphabetic[part].tolist() == [any(map(str.isalpha, word)) for word in own]
    assert words.counts.tolist() == [len(split(text)) for text in batch]
    assert np.array_equal(words.documents(), np.repeat(np.arange(len(batch)), words.counts))
