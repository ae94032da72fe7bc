"""Words of ASCII letters and digits, many bytes at a time.

Eight bytes are one number: in each byte the high bit says whether it is at or above a bound (Warren, *Hacker's
Delight*, section 6-1). Of 64 bytes, these bits are one number again, and its edges are where words begin and end, as
Langdale and Lemire 2019 (*Parsing gigabytes of JSON per second*) find the structure of JSON.
"""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numba.cpython.unsafe import numbers
from numpy.typing import NDArray

from bessemer.text.compiled import kernel
from bessemer.text.word_hash import SEED, mix64

STRETCH = 64
"""Bytes looked at together."""
MOST_WORDS = STRETCH // 2
"""Words that a stretch can hold."""

# One instruction each; numba has no public name for them.
_leading_zeros: Callable[[np.uint64], np.uint64] = cast(Any, numbers.leading_zeros)
_trailing_zeros: Callable[[np.uint64], np.uint64] = cast(Any, numbers.trailing_zeros)
_EACH = np.uint64(0x0101010101010101)
_HIGH = np.uint64(0x8080808080808080)
_LOW = np.uint64(0x7F7F7F7F7F7F7F7F)
_CASE = np.uint64(0x2020202020202020)
_GATHER = np.uint64(0x0102040810204080)
_ONE = np.uint64(1)


@kernel
def lowest(bits: np.uint64) -> int:
    """The place of the lowest bit that is set; 64 if none is."""
    return int(np.int64(_trailing_zeros(bits)))


@kernel
def _highest(bits: np.uint64) -> int:
    """The place of the highest bit that is set."""
    return 63 - int(np.int64(_leading_zeros(bits)))


@kernel
def eight_bytes(data: NDArray[np.uint8], position: int) -> np.uint64:
    """The eight bytes from ``position`` on as a little-endian number; compiled, it is one load."""
    value = np.uint64(0)
    for place in range(8):
        value |= np.uint64(data[np.uint64(position + place)]) << np.uint64(8 * place)
    return value


@kernel
def is_ascii(piece: np.uint64) -> bool:
    """Whether eight bytes are all ASCII."""
    return bool(piece & _HIGH == 0)


@kernel
def _word_bytes(piece: np.uint64) -> np.uint64:
    """The high bit of each byte that is an ASCII letter or digit."""
    lower, plain = (piece | _CASE) & _LOW, piece & _LOW
    letter = (lower + _EACH * np.uint64(0x80 - 0x61)) & ~(lower + _EACH * np.uint64(0x80 - 0x7B))
    digit = (plain + _EACH * np.uint64(0x80 - 0x30)) & ~(plain + _EACH * np.uint64(0x80 - 0x3A))
    return (letter | digit) & ~piece & _HIGH


@kernel
def _gathered(bits: np.uint64) -> np.uint64:
    """The high bits of eight bytes as the eight lowest bits, the first byte's lowest."""
    return ((bits >> np.uint64(7)) * _GATHER) >> np.uint64(56)


@kernel
def _first(piece: np.uint64, size: np.uint64) -> np.uint64:
    """The first one to eight bytes, letters made lower case, all others 0."""
    return (piece | _CASE) & (~np.uint64(0) >> (np.uint64(64) - np.uint64(8) * size))


@kernel
def words_of_stretch(
    data: NDArray[np.uint8],
    position: int,
    hashes: NDArray[np.uint64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    count: int,
) -> tuple[int, int]:
    """The words that lie whole in the ASCII bytes that the 64 from ``position`` on begin with.

    Args:
        data: holds at least 8 bytes more than those 64.
        position: of a byte before which no word is open.
        hashes, starts, ends: take :data:`MOST_WORDS` words more, from place ``count`` on.
        count: words before.

    Returns:
        Words afterwards, and the position after the last separator: where the next word may begin.
    """
    word, other = np.uint64(0), np.uint64(0)
    for place in range(8):
        piece = eight_bytes(data, position + 8 * place)
        word |= _gathered(_word_bytes(piece)) << np.uint64(8 * place)
        other |= _gathered(piece & _HIGH) << np.uint64(8 * place)
    before = (other & (~other + _ONE)) - _ONE
    separators = ~word & before
    if separators == 0:
        return count, position
    last = _highest(separators)
    word &= ~np.uint64(0) >> np.uint64(63 - last)
    first, after = word & ~(word << _ONE), ~word & (word << _ONE)
    while first:
        start, end = lowest(first), lowest(after)
        first, after = first & (first - _ONE), after & (after - _ONE)
        at, left, value, put = position + start, end - start, SEED, np.uint64(count)
        starts[put], ends[put] = at, position + end
        while left > 8:
            value = mix64(value ^ (eight_bytes(data, at) | _CASE))
            at, left = at + 8, left - 8
        hashes[put] = mix64(value ^ _first(eight_bytes(data, at), np.uint64(left)))
        count += 1
    return count, position + last + 1


@kernel
def ascii_run(data: NDArray[np.uint8], position: int, end: int) -> tuple[int, np.uint64, np.uint64, int]:
    """Take the ASCII letters and digits from ``position`` on into a new word's hash, while eight bytes can be read.

    Returns:
        Where they end; then ``value``, ``piece`` and ``filled`` as :func:`bessemer.text.word_hash.append` has them.
    """
    value, piece, filled = SEED, np.uint64(0), 8
    while filled == 8 and position + 8 <= end:
        piece = eight_bytes(data, position)
        filled = lowest(~_word_bytes(piece) & _HIGH) >> 3
        position += filled
        if filled == 8:
            value, piece = mix64(value ^ (piece | _CASE)), np.uint64(0)
        elif filled:
            piece = _first(piece, np.uint64(filled))
        else:
            piece = np.uint64(0)
    return position, value, piece, filled & 7
