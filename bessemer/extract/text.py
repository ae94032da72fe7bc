"""Clean text: mojibake mended, one kind of line break, no control characters, Unicode NFC."""

import unicodedata

import numpy as np
from ftfy import TextFixerConfig, fix_text
from ftfy.badness import is_bad
from numpy.typing import NDArray

from bessemer.extract.characters import (
    CONTROL,
    IS_COMPOSING,
    IS_CONTROL,
    IS_LINE_END,
    IS_MENDABLE,
    IS_SUSPECT,
    MENDABLE,
    MOJIBAKE,
    code_units,
    marks_of,
)

_CONFIG = TextFixerConfig(
    unescape_html=False,
    fix_latin_ligatures=False,
    fix_character_width=False,
    uncurl_quotes=False,
    normalization="NFC",
    explain=False,
)
"""What ftfy may mend. Quotes, ligatures and width are the author's: full-width forms are ordinary Chinese."""

_PRINTABLE = b"\t\n" + bytes(range(0x20, 0x7F))
_LINE_ENDS = ("\r\n", "\r", "\x0b", "\x0c", "\u2028", "\u2029")
_NEWLINE = ord("\n")
_REACH = 8
"""No sequence by which ftfy tells mojibake is longer, so looking around marked characters is enough."""


def clean_text(text: str) -> str:
    """Mended text without leading or trailing white space.

    ftfy mends lines that were decoded with the wrong charset; every line and page break becomes a newline, control and
    non-characters go, and the result is NFC.
    """
    if not text.isascii() or text.encode().translate(None, _PRINTABLE):
        text = _plain(text)
    if " \n" in text or ("\t" in text and "\t\n" in text):  # one character is looked for many times faster
        text = "\n".join([line.rstrip(" \t") for line in text.split("\n")])
    return text.strip()


def _plain(text: str) -> str:
    """Line ends, mojibake, control characters and composition, each looked for only where a character asks for it."""
    marks = marks_of(text)
    present = int(np.bitwise_or.reduce(marks))
    if present & IS_LINE_END:
        for line_end in _LINE_ENDS:
            text = text.replace(line_end, "\n")
        marks = marks_of(text)
    if present & IS_SUSPECT:
        suspects = np.flatnonzero(marks & IS_SUSPECT)
        # halves of surrogate pairs are mendable too, so otherwise the places are those of characters
        if present & IS_MENDABLE or _any_bad(text, suspects):
            mended = _mend(text, suspects)
            if mended != text:
                return unicodedata.normalize("NFC", CONTROL.sub("", mended))
    if present & IS_CONTROL:
        text = CONTROL.sub("", text)
    return unicodedata.normalize("NFC", text) if present & IS_COMPOSING else text


def _mend(text: str, suspects: NDArray[np.intp]) -> str:
    """What ``ftfy.fix_text`` gives, without its work on lines that it would leave alone.

    Args:
        text: with newlines as the only line ends.
        suspects: places of marked code units.
    """
    lines = text.split("\n")
    newlines = np.flatnonzero(code_units(text) == _NEWLINE)
    for number in np.unique(np.searchsorted(newlines, suspects)).tolist():
        if _is_suspect(lines[number]):
            lines[number] = fix_text(lines[number], _CONFIG)
    return "\n".join(lines)


def _any_bad(text: str, places: NDArray[np.intp]) -> bool:
    """Whether ftfy sees mojibake around one of these places, looking no further than the line."""
    for place in places.tolist():
        before, after = text[max(0, place - _REACH) : place], text[place : place + _REACH]
        if is_bad(before.rpartition("\n")[2] + after.partition("\n")[0]):
            return True
    return False


def _is_suspect(line: str) -> bool:
    if line.isascii():
        return "\x1b" in line
    if MENDABLE.search(line):
        return True
    places = (match.start() for match in MOJIBAKE.finditer(line))
    return any(is_bad(line[max(0, place - _REACH) : place + _REACH]) for place in places) and is_bad(line)
