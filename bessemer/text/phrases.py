"""Finding a phrase of ASCII in any case, eight bytes at a time."""

import numpy as np
from numpy.typing import NDArray

from bessemer.text.ascii_words import eight_bytes, lowest
from bessemer.text.compiled import kernel

_EACH = np.uint64(0x0101010101010101)
_HIGH = np.uint64(0x8080808080808080)
_CASE = np.uint64(0x2020202020202020)


@kernel
def find_phrase(data: NDArray[np.uint8], position: int, end: int, phrase: NDArray[np.uint8], anchor: int) -> int:
    """The first byte of a phrase's next occurrence that lies between two places; ``end`` if there is none.

    Args:
        data: bytes of texts.
        position, end: where to look.
        phrase: ASCII in lower case; letters match in either case.
        anchor: place in the phrase of a letter that is rare, which is looked for first.
    """
    letter, size = np.uint64(phrase[anchor]), len(phrase)
    place, last = position + anchor, end - (size - anchor)
    while place <= last:
        if place + 8 <= len(data):
            differs = (eight_bytes(data, place) | _CASE) ^ (_EACH * letter)
            equal = (differs - _EACH) & ~differs & _HIGH
            if equal == 0:
                place += 8
                continue
            place += lowest(equal) >> 3
            if place > last:
                break
        if _matches(data, place - anchor, phrase):
            return place - anchor
        place += 1
    return end


@kernel
def _matches(data: NDArray[np.uint8], start: int, phrase: NDArray[np.uint8]) -> bool:
    for place in range(len(phrase)):
        byte = data[np.uint64(start + place)]
        if 0x41 <= byte <= 0x5A:
            byte |= 0x20
        if byte != phrase[place]:
            return False
    return True
