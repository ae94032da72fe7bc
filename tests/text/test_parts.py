"""Lines and paragraphs beside a slow twin: they cover the text, and their hashes are equal where their words are."""

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bessemer.text.buffers import TextBuffer
from bessemer.text.parts import Parts, Unit, parts_of
from bessemer.text.words import split
from tests.text.hostile import buffer_of, hostile_bytes, read

UNITS: tuple[Unit, ...] = ("line", "paragraph")


def blank(line: bytes) -> bool:
    return all(byte <= 0x20 for byte in line)


def cut(text: bytes, unit: Unit) -> list[bytes]:
    """The twin: the text's parts, blank ones too."""
    parts: list[list[bytes]] = []
    for line in re.findall(rb"[^\n]*\n|[^\n]+", text):
        if not parts or unit == "line" or (any(map(blank, parts[-1])) and not blank(line)):
            parts.append([])
        parts[-1].append(line)
    return [b"".join(lines) for lines in parts]


def texts_of(parts: Parts, buffer: TextBuffer) -> list[bytes]:
    places = zip(parts.documents.tolist(), parts.starts.tolist(), parts.ends.tolist(), strict=True)
    return [buffer.document(document)[start:end] for document, start, end in places]


documents = st.lists(hostile_bytes, max_size=6).map(b"\n".join)


@given(st.lists(documents, max_size=4), st.sampled_from(UNITS))
def test_parts_are_those_of_the_twin_and_agree_where_their_words_do(texts: list[bytes], unit: Unit) -> None:
    buffer = buffer_of(texts)
    parts = parts_of(buffer, unit, 1)
    expected = [part for text in texts for part in cut(text, unit) if split(read(part))]
    assert texts_of(parts, buffer) == expected
    words = [tuple(split(read(part))) for part in expected]
    assert len(set(zip(words, parts.hashes.tolist(), strict=True))) == len(set(words)) == len(set(parts.hashes))


def test_a_paragraph_ends_where_a_line_follows_blank_ones_and_short_parts_are_left_out() -> None:
    text = "\n\nOne, two\nthree.\n \t\n\nFour five six\n\nseven\n\n"
    buffer = TextBuffer.of_texts([text, "", "one TWO / three"])
    paragraphs = parts_of(buffer, "paragraph", 2)
    assert texts_of(paragraphs, buffer) == [
        b"One, two\nthree.\n \t\n\n",
        b"Four five six\n\n",
        b"one TWO / three",
    ]
    assert paragraphs.documents.tolist() == [0, 0, 2]
    assert paragraphs.hashes[0] == paragraphs.hashes[2] != paragraphs.hashes[1]
    lines = parts_of(buffer, "line", 1)
    assert texts_of(lines, buffer)[:4] == [b"One, two\n", b"three.\n", b"Four five six\n", b"seven\n"]


def test_the_order_of_words_matters_and_a_line_may_be_longer_than_a_block() -> None:
    long = " ".join(f"w{number}" for number in range(5000))
    parts = parts_of(TextBuffer.of_texts(["a b", "b a", long, long.upper(), long + " x"]), "line", 1)
    assert len(np.unique(parts.hashes)) == 4
    assert parts.hashes[2] == parts.hashes[3]
