"""Clean text: mojibake mended, one kind of line break, no control characters, Unicode NFC."""

import re
import unicodedata

from ftfy import TextFixerConfig, fix_text
from ftfy.badness import is_bad

_CONFIG = TextFixerConfig(
    unescape_html=False,
    fix_latin_ligatures=False,
    fix_character_width=False,
    uncurl_quotes=False,
    normalization="NFC",
    explain=False,
)
"""What ftfy may mend. Quotes, ligatures and width are the author's: full-width forms are ordinary Chinese."""

_BEYOND_ASCII = re.compile(r"[^\t\n\x20-\x7e]")
_MENDABLE = re.compile("[\x1b\x80-\x9f\ud800-\udfff]")
"""Escapes, C1 controls and surrogates: beside mojibake, all that ftfy would change in a line under ``_CONFIG``."""

_LINE_ENDS = ("\r\n", "\r", "\x0b", "\x0c", "\u2028", "\u2029")
_CONTROL = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u206a-\u206f\ufeff\ufff9-\ufffc\ufdd0-\ufdef\ufffe\uffff\U000e0001]"
)


def clean_text(text: str) -> str:
    """Mended text without leading or trailing white space.

    ftfy mends lines that were decoded with the wrong charset; every line and page break becomes a newline, control and
    non-characters go, and the result is NFC.
    """
    if _BEYOND_ASCII.search(text):
        for line_end in _LINE_ENDS:
            text = text.replace(line_end, "\n")
        text = unicodedata.normalize("NFC", _CONTROL.sub("", _mend(text)))
    return "\n".join([line.rstrip(" \t") for line in text.split("\n")]).strip()


def _mend(text: str) -> str:
    """What ``ftfy.fix_text`` gives, without its work on lines that it would leave alone."""
    return "\n".join(fix_text(line, _CONFIG) if _is_suspect(line) else line for line in text.split("\n"))


def _is_suspect(line: str) -> bool:
    if line.isascii():
        return "\x1b" in line
    return is_bad(line) or _MENDABLE.search(line) is not None
