"""Characters from UTF-8 bytes that may be anything, and back."""

import numpy as np
from numpy.typing import NDArray

from bessemer.text.compiled import kernel

REPLACEMENT = np.int64(0xFFFD)


@kernel
def decode(data: NDArray[np.uint8], position: int, end: int) -> tuple[np.int64, int]:  # noqa: PLR0911
    """The code point at ``position`` and how many bytes it takes, as ``bytes.decode("utf-8", "replace")`` has it.

    Overlong forms, surrogates, what lies above U+10FFFF and what ``end`` cuts off are U+FFFD, one for each longest
    stretch that could have begun a character (Unicode 15, section 3.9, "maximal subpart").
    """
    first = np.int64(data[position])
    if first < 0x80:
        return first, 1
    if first < 0xC2 or first > 0xF4 or position + 1 >= end:
        return REPLACEMENT, 1
    second = np.int64(data[position + 1])
    if first < 0xE0:
        if second & 0xC0 != 0x80:
            return REPLACEMENT, 1
        return (first & 0x1F) << 6 | second & 0x3F, 2
    low = 0xA0 if first == 0xE0 else 0x90 if first == 0xF0 else 0x80
    high = 0x9F if first == 0xED else 0x8F if first == 0xF4 else 0xBF
    if second < low or second > high:
        return REPLACEMENT, 1
    if position + 2 >= end:
        return REPLACEMENT, 2
    third = np.int64(data[position + 2])
    if third & 0xC0 != 0x80:
        return REPLACEMENT, 2
    if first < 0xF0:
        return (first & 0x0F) << 12 | (second & 0x3F) << 6 | third & 0x3F, 3
    if position + 3 >= end:
        return REPLACEMENT, 3
    fourth = np.int64(data[position + 3])
    if fourth & 0xC0 != 0x80:
        return REPLACEMENT, 3
    return (first & 0x07) << 18 | (second & 0x3F) << 12 | (third & 0x3F) << 6 | fourth & 0x3F, 4


@kernel
def encode(code: np.int64, out: NDArray[np.uint8], position: int) -> int:
    """Write a code point at ``position``, where four bytes are free; returns how many it took."""
    if code < 0x80:
        out[position] = code
        return 1
    if code < 0x800:
        out[position] = 0xC0 | code >> 6
        out[position + 1] = 0x80 | code & 0x3F
        return 2
    if code < 0x10000:
        out[position] = 0xE0 | code >> 12
        out[position + 1] = 0x80 | code >> 6 & 0x3F
        out[position + 2] = 0x80 | code & 0x3F
        return 3
    out[position] = 0xF0 | code >> 18
    out[position + 1] = 0x80 | code >> 12 & 0x3F
    out[position + 2] = 0x80 | code >> 6 & 0x3F
    out[position + 3] = 0x80 | code & 0x3F
    return 4
