"""Hashes of whole texts: those that Python's strings give, for any bytes and any room."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bessemer.text.buffers import TextBuffer
from bessemer.text.folding import SMALLEST_ROOM
from bessemer.text.identities import text_hashes
from bessemer.text.normalize import text_hash
from tests.text.hostile import SCRIPTS, buffer_of, hostile_bytes, read, texts

spaced = st.text(alphabet=st.sampled_from(SCRIPTS + " \t\n\u3000\xa0\x1f" * 6), max_size=80)


@given(
    st.lists(hostile_bytes | texts.map(str.encode) | spaced.map(str.encode), max_size=6),
    st.integers(SMALLEST_ROOM, 60) | st.just(1 << 18),
)
def test_hashes_are_those_of_the_normalised_strings(batch: list[bytes], room: int) -> None:
    hashes = text_hashes(buffer_of(batch), room=room)
    assert hashes.shape == (len(batch), 16)
    assert [row.tobytes().hex() for row in hashes] == [text_hash(read(document)) for document in batch]


@pytest.mark.parametrize("plane", [0, 1, 2, 14, 16])
def test_every_character_is_normalised_as_python_does_it(plane: int) -> None:
    codes = [chr(code) for code in range(plane << 16, (plane + 1) << 16) if not 0xD800 <= code < 0xE000]
    batch = [f" {x} ".join("aB") + x for i in range(0, len(codes), 16) for x in ["".join(codes[i : i + 16])]]
    assert [row.tobytes().hex() for row in text_hashes(TextBuffer.of_texts(batch))] == list(map(text_hash, batch))


def test_a_long_text_among_short_ones_is_hashed_in_pieces() -> None:
    batch = ["short", "ΐ  Long\n" * 50_000, "", "  ", "last"]
    hashes = text_hashes(TextBuffer.of_texts(batch), room=1000)
    assert [row.tobytes().hex() for row in hashes] == list(map(text_hash, batch))
