"""Text from a crawl, made safe to look at: in HTML, in SVG and in markdown.

Escaping stops markup. It does not stop characters that reorder, hide or overprint the text around them
("Trojan Source", Boucher and Anderson 2021), so these are replaced by something that can be seen.
"""

import re

_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028\u2029\u202a-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\uffff\ud800-\uf8ff\U000e0000-\U000e0fff\U000f0000-\U0010ffff"
)
_HOSTILE = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_INVISIBLE}]")
_LINE_END = re.compile(r"\r\n?")
_COMBINING = re.compile(
    "([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{4})"
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-!|~$^@:=])")
_WWW = re.compile(r"www\.", re.IGNORECASE)


def _shown(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    return f"[U+{code:04X}]"


def neutralise(text: str) -> str:
    """The text with every control, direction, invisible and private character replaced by a visible name.

    Tabs and line feeds stay; CR and CR LF become LF. Joiners that scripts and emoji need (ZWJ, ZWNJ, variation
    selectors) stay. More than four combining marks in a row are cut, since they paint over their neighbours.
    The result can always be encoded as UTF-8.
    """
    return _COMBINING.sub(r"\1", _HOSTILE.sub(_shown, _LINE_END.sub("\n", text)))


def markdown_text(text: str) -> str:
    """The text as one line of GitHub-flavoured markdown that renders as exactly these characters.

    No markup, link, autolink, mention or table cell can come out of it.
    """
    line = " ".join(neutralise(text).split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _WWW.sub(lambda www: www.group()[:3] + "&#46;", _MARKDOWN.sub(r"\\\1", line))
