"""UTF-8: Python's own decoder is the oracle, for bytes of any kind."""

import numpy as np
import pytest
from hypothesis import example, given

from bessemer.text.utf8 import decode, encode
from tests.text.hostile import INVALID, hostile_bytes, read


def characters_of(document: bytes) -> str:
    data = np.frombuffer(document, np.uint8)
    found, position = [], 0
    while position < len(data):
        code, size = decode(data, position, len(data))
        assert size >= 1
        found.append(chr(code))
        position += size
    assert position == len(data)
    return "".join(found)


@given(hostile_bytes)
@example(b"".join(INVALID))
def test_bytes_are_read_as_python_reads_them(document: bytes) -> None:
    assert characters_of(document) == read(document)


@pytest.mark.parametrize("second", range(256))
def test_every_start_of_two_bytes_is_read_as_python_reads_it(second: int) -> None:
    for first in range(256):
        for rest in (b"", b"A", b"\x80", b"\x80\x80", b"\xbfA"):
            document = bytes([first, second]) + rest
            assert characters_of(document) == read(document)


def test_nothing_behind_the_end_is_read() -> None:
    data = np.frombuffer("é€😀".encode(), np.uint8)
    assert decode(data, 0, 1) == (0xFFFD, 1)
    assert decode(data, 2, 4) == (0xFFFD, 2)
    assert decode(data, 5, 8) == (0xFFFD, 3)


def test_every_character_is_written_as_python_writes_it() -> None:
    out = np.zeros(4, np.uint8)
    for code in [*range(0x20, 0xD800, 7), *range(0xE000, 0x110000, 101), 0x7F, 0x80, 0x7FF, 0x800, 0xFFFF, 0x10000]:
        size = encode(np.int64(code), out, 0)
        assert out[:size].tobytes() == chr(code).encode()
