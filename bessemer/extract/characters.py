"""What the characters of a text ask of its cleaning, looked up for all of them at once."""

import functools
import re
from typing import Final

import numpy as np
from ftfy.badness import MOJIBAKE_CATEGORIES
from numpy.typing import NDArray

IS_LINE_END: Final = 1
"""Mark of line ends of another kind than a newline."""
IS_CONTROL: Final = 2
"""Mark of control and non-characters."""
IS_SUSPECT: Final = 4
"""Mark of characters in whose line ftfy may change something."""
IS_MENDABLE: Final = 16
"""Mark of those among the suspect ones that ftfy changes wherever they stand."""
IS_COMPOSING: Final = 8
"""Mark of characters that NFC may change or join with the one before."""

CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u206a-\u206f\ufeff\ufff9-\ufffc\ufdd0-\ufdef\ufffe\uffff\U000e0001]")
MENDABLE = re.compile("[\x1b\x80-\x9f\ud800-\udfff]")
"""Escapes, C1 controls and surrogates: beside mojibake, all that ftfy would change in a line."""

_LINE_END = re.compile("[\r\x0b\x0c\u2028\u2029]")
_OF_MOJIBAKE = (
    "c1",
    "bad",
    "law",
    "currency",
    "start_punctuation",
    "end_punctuation",
    "numeric",
    "upper_accented",
    "box",
)
MOJIBAKE = re.compile(f"[{''.join(MOJIBAKE_CATEGORIES[name] for name in _OF_MOJIBAKE)}œÙ°Ђ]")
"""Each sequence of characters by which ftfy tells mojibake has one of these; ordinary accented text mostly has none."""

STABLE = (
    (0x0000, 0x02FF),  # Latin
    (0x0370, 0x0373),
    (0x0375, 0x037D),
    (0x037F, 0x0386),
    (0x0388, 0x0482),  # Greek, Cyrillic
    (0x048A, 0x052F),
    (0x05D0, 0x05EA),  # Hebrew letters
    (0x2002, 0x20CF),  # punctuation, currencies
    (0x2190, 0x21FF),
    (0x2500, 0x25FF),
    (0x3000, 0x3029),
    (0x3041, 0x3096),  # kana
    (0x30A1, 0x30FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),  # Han
    (0xAC00, 0xD7A3),  # Hangul
    (0xFF01, 0xFF60),
)
"""Ranges of characters of common scripts that NFC leaves as they are and never joins to one before."""

_HIGH_SURROGATE_OF_TAGS = 0xDB40
"""The half of U+E0001 in UTF-16."""


def marks_of(text: str) -> NDArray[np.uint8]:
    """The marks of all UTF-16 code units; those of a character above U+FFFF may be more than it needs."""
    marks: NDArray[np.uint8] = _marks().take(code_units(text))
    return marks


def code_units(text: str) -> NDArray[np.uint16]:
    """The text in UTF-16."""
    return np.frombuffer(text.encode("utf-16-le", "surrogatepass"), "<u2")


@functools.cache
def _marks() -> NDArray[np.uint8]:
    """Marks by code unit: shape (65536,)."""
    marks = np.zeros(1 << 16, np.uint8)
    for pattern, mark in (
        (_LINE_END, IS_LINE_END),
        (CONTROL, IS_CONTROL),
        (MENDABLE, IS_SUSPECT | IS_MENDABLE),
        (MOJIBAKE, IS_SUSPECT),
    ):
        marks[_units_in(pattern)] |= np.uint8(mark)
    marks[_HIGH_SURROGATE_OF_TAGS] |= np.uint8(IS_CONTROL)
    composing = np.ones(len(marks), np.bool_)
    for first, last in STABLE:
        composing[first : last + 1] = False
    marks[composing] |= np.uint8(IS_COMPOSING)
    return marks


def _units_in(characters: re.Pattern[str]) -> list[int]:
    """Code units that a class of characters has."""
    units = np.arange(1 << 16, dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass")
    return [match.start() for match in characters.finditer(units)]
