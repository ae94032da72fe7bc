"""The scan: words, hashes and places as Python finds them, whatever the bytes and wherever a block ends."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bessemer.text.buffers import TextBuffer
from bessemer.text.characters import characters
from bessemer.text.hashes import whole_hashes, word_hashes
from bessemer.text.scan import SMALLEST_BLOCK, at_end, new_state, scan_words
from bessemer.text.words import split, words_of
from tests.text.hostile import buffer_of, hostile_bytes, read, texts
from tests.text.oracles import slow_word_hash


def scanned(document: bytes, block: int) -> list[int]:
    data, state = buffer_of([document]).data, new_state(3)
    hashes, starts, ends = np.empty(block, np.uint64), np.empty(block, np.int64), np.empty(block, np.int64)
    found: list[int] = []
    while not at_end(state, 3 + len(document)):
        count = scan_words(data, 3 + len(document), characters(), state, hashes, starts, ends)
        assert 0 <= count <= block
        found += hashes[:count].tolist()
    return found


@given(hostile_bytes | texts.map(str.encode), st.integers(SMALLEST_BLOCK, 9))
def test_words_are_the_same_wherever_blocks_end(document: bytes, block: int) -> None:
    assert scanned(document, block) == [slow_word_hash(word) for word in split(read(document))]


@given(st.lists(hostile_bytes | texts.map(str.encode), max_size=6))
def test_a_batch_is_its_documents_one_by_one(batch: list[bytes]) -> None:
    buffer = buffer_of(batch)
    words = word_hashes(buffer)
    assert len(words) == len(batch)
    for number, document in enumerate(batch):
        own = split(read(document))
        part = slice(words.offsets[number], words.offsets[number + 1])
        assert words.hashes[part].tolist() == [slow_word_hash(word) for word in own]
        for word, start, end in zip(own, words.starts[part], words.ends[part], strict=True):
            assert buffer.offsets[number] <= start < end <= buffer.offsets[number + 1]
            assert buffer.data[start:end].tobytes().decode().casefold() == word
    assert words.counts.tolist() == [len(split(read(document))) for document in batch]


PIECES = [b"a", b"Zz9", b" ", b", ", b"abcdefgh", b"Ij", b"0123456789" * 7, b"\xc3\xa9", b"\xe2\x80\x99", "漢".encode()]
PIECES += [b"\xff", b"@[`{/:", b"\x10\x19\x00\x7f", b"word ", b"Sentences are mostly ASCII, of words like these. "]


@given(st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join), st.sampled_from([4, 33, 40, 512]))
def test_long_stretches_of_ascii_are_read_as_one_byte_at_a_time(document: bytes, block: int) -> None:
    words = split(read(document))
    assert scanned(document, block) == [slow_word_hash(word) for word in words]
    found = word_hashes(buffer_of([document]))
    places = zip(found.starts.tolist(), found.ends.tolist(), strict=True)
    data = buffer_of([document]).data.tobytes()
    assert [data[start:end].decode().casefold() for start, end in places] == words


@pytest.mark.parametrize("shift", range(8))
def test_every_ascii_character_in_every_place_of_eight(shift: int) -> None:
    text = " " * shift + "".join(f"a{chr(code)}B" for code in range(128)) + "the end of a text that is long enough" * 3
    assert word_hashes(TextBuffer.of_texts([text])).hashes.tolist() == list(map(slow_word_hash, split(text)))


@pytest.mark.parametrize("plane", [0, 1, 2, 3, 14, 15, 16])
def test_every_character_does_to_a_word_what_the_regular_expression_says(plane: int) -> None:
    codes = (code for code in range(plane << 16, (plane + 1) << 16) if not 0xD800 <= code < 0xE000)
    batch = [f"x{chr(code)}x 漢{chr(code)}x ไ{chr(code)}\u0301" for code in codes]
    words, fast = words_of(batch), word_hashes(TextBuffer.of_texts(batch))
    assert np.array_equal(fast.offsets, words.offsets)
    assert np.array_equal(fast.hashes, words.hashes)


@given(texts)
def test_a_lone_surrogate_separates(text: str) -> None:
    torn = text.replace("a", "\ud800").replace("z", "\udfff")
    hashes = word_hashes(TextBuffer.of_texts([torn])).hashes
    assert hashes.tolist() == [slow_word_hash(word) for word in split(torn)]


@given(st.lists(texts, max_size=5))
def test_a_text_as_one_word_has_the_hash_of_the_formula(batch: list[str]) -> None:
    assert whole_hashes(TextBuffer.of_texts(batch)).tolist() == list(map(slow_word_hash, batch))


@pytest.mark.parametrize("letter", ["a", "Ж", "\u0301", "𝒜"])
def test_a_word_of_a_megabyte_is_one_word(letter: str) -> None:
    long = letter * (1_000_000 // len(letter.encode()))
    words = word_hashes(TextBuffer.of_texts([f"one {long} two"]))
    assert words.hashes.tolist() == [slow_word_hash(word) for word in ("one", long.casefold(), "two")]
    assert (words.ends - words.starts).tolist() == [3, len(long.encode()), 3]


def test_a_megabyte_of_separators_has_no_word() -> None:
    assert len(word_hashes(TextBuffer.of_texts([" " * (1 << 20), "", "\ufffd。" * 1000])).hashes) == 0


def test_words_of_one_length_that_differ_in_one_place_have_different_hashes() -> None:
    batch = [f"{letter}ordinary" for letter in map(chr, range(0x4E00, 0x9FFF))]
    assert len(np.unique(whole_hashes(TextBuffer.of_texts(batch)))) == len(batch)
