"""What each character is to a count of marks, lines and sentences: a table over all code points."""

import functools

import numpy as np
import regex
from numpy.typing import NDArray

from bessemer.text.characters import CODE_POINTS

SPACE = 0
WORD = 1
OTHER = 2
KIND = 3
"""The bits that hold one of the above: white space (``str.isspace``); ``\\w`` of ``re``; what is left."""
LATIN = 1 << 2
"""An ASCII letter."""
UPPER = 1 << 3
"""``str.isupper``."""
CASED = 1 << 4
"""A letter with case that is not upper case."""
NUMERIC = 1 << 5
"""``str.isnumeric``."""
STOP = 1 << 6
"""Ends a sentence of RedPajama-v2: ``.``, ``!`` or ``?``."""
FULL_STOP = 1 << 7
"""Ends a sentence if white space follows, perhaps after closing marks."""
CLOSING = 1 << 8
"""A quote or bracket that may stand between the end of a sentence and white space."""
IDEOGRAPHIC_STOP = 1 << 9
"""Ends a sentence wherever it stands."""
TERMINAL = 1 << 10
"""Unicode's property Sentence_Terminal, and the Khmer marks that end a passage."""
QUOTED_STOP = 1 << 11
"""Ends a line of C4: a period, exclamation mark, question mark or end quotation mark."""
BULLET = 1 << 12
"""Begins an item of a list."""
DASH = 1 << 13
"""Begins an item of a list if white space follows: ``-1.5`` and ``**bold**`` are no items."""
LETTER = 1 << 14
"""Without case it has a character that is alphabetic (``str.isalpha``)."""
COUNTED = 1 << 15
"""A number sign or a curly bracket: counted where it stands."""
RARE = FULL_STOP | CLOSING | IDEOGRAPHIC_STOP | COUNTED
"""What is looked at by itself when a text is read."""
PARTS_SHIFT = 16
"""From this bit on, two bits: code points that it has without case, less one."""

FULL_STOPS = ".!?…؟۔।॥።։។៕"
CLOSINGS = "\"'”’»)]"
IDEOGRAPHIC_STOPS = "。！？｡"
BULLETS = "•‣▪▫●◦∙·▶◀■□"
DASHES = "*-–—"
_MARKS = {
    STOP: ".!?",
    FULL_STOP: FULL_STOPS,
    CLOSING: CLOSINGS,
    IDEOGRAPHIC_STOP: IDEOGRAPHIC_STOPS,
    TERMINAL: "៖៙៚",
    QUOTED_STOP: '.!?"”',
    BULLET: BULLETS,
    DASH: DASHES,
    COUNTED: "#{}",
}
_PLANES = ((0, 0xD800), (0xE000, 0x40000), (0xE0000, 0xF0000))
"""Where Unicode has assigned any characters but private ones."""
_SENTENCE_TERMINAL = regex.compile(r"\p{Sentence_Terminal}+")


@functools.cache
def traits() -> NDArray[np.uint32]:
    """Shape (0x110000,), uint32: the bits above for each code point, by this Python's properties."""
    table = np.full(CODE_POINTS, OTHER, np.uint32)
    for start, end in _PLANES:
        table[start:end] = _of_range(start, end)
    for bit, marks in _MARKS.items():
        table[list(map(ord, marks))] |= np.uint32(bit)
    return table


def _of_range(start: int, end: int) -> NDArray[np.uint32]:
    text = np.arange(start, end, dtype="<u4").tobytes().decode("utf-32-le")
    folded = [character.casefold() for character in text]

    def where(test: object) -> NDArray[np.bool_]:
        return np.fromiter(map(test, text), np.bool_, len(text))  # type: ignore[call-overload]

    space, word, upper = where(str.isspace), where(str.isalnum), where(str.isupper)
    if start == 0:
        word[ord("_")] = True
    table = np.where(word, WORD, np.where(space, SPACE, OTHER)).astype(np.uint32)
    terminal = np.zeros(len(text), np.bool_)
    for match in _SENTENCE_TERMINAL.finditer(text):
        terminal[match.start() : match.end()] = True
    letter = np.fromiter((any(map(str.isalpha, form)) for form in folded), np.bool_, len(text))
    latin = where(str.isascii) & where(str.isalpha)
    cased = (where(str.islower) | where(str.istitle)) & ~upper
    bits = ((LATIN, latin), (UPPER, upper), (CASED, cased), (NUMERIC, where(str.isnumeric)), (TERMINAL, terminal))
    for bit, holds in (*bits, (LETTER, letter)):
        table[holds] |= np.uint32(bit)
    parts = np.fromiter(map(len, folded), np.uint32, len(text))
    return np.asarray(table | (parts - np.uint32(1)) << np.uint32(PARTS_SHIFT), np.uint32)
