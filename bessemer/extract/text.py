"""Clean text: mojibake mended, one kind of line break, no control characters, Unicode NFC."""

import re
import unicodedata

from ftfy import TextFixerConfig, fix_text

_CONFIG = TextFixerConfig(
    unescape_html=False,
    fix_latin_ligatures=False,
    fix_character_width=False,
    uncurl_quotes=False,
    normalization="NFC",
    explain=False,
)
"""What ftfy may mend. Quotes, ligatures and width are the author's: full-width forms are ordinary Chinese."""

_NEEDS_NO_FIX = re.compile(r"[^\t\n\x20-\x7e]")
_VERTICAL = str.maketrans({"\x0b": "\n", "\x0c": "\n", "\u2028": "\n", "\u2029": "\n", "\r": "\n"})
_CONTROL = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u206a-\u206f\ufeff\ufff9-\ufffc\ufdd0-\ufdef\ufffe\uffff\U000e0001]"
)
_TRAILING = re.compile(r"[ \t]+$", re.MULTILINE)


def clean_text(text: str) -> str:
    """Mended text without leading or trailing white space.

    ftfy mends text that was decoded with the wrong charset; then every line and page break becomes a newline, control
    and non-characters go, and the result is NFC.
    """
    if _NEEDS_NO_FIX.search(text):
        text = fix_text(text.replace("\r\n", "\n").translate(_VERTICAL), _CONFIG)
        text = unicodedata.normalize("NFC", _CONTROL.sub("", text))
    return _TRAILING.sub("", text).strip()
