"""Bytes to characters: the charset is what the byte order mark, the server or the page says, if the bytes agree.

Labels are read as browsers read them (WHATWG Encoding Standard, https://encoding.spec.whatwg.org/#names-and-labels),
then widened to the superset that real pages under that label use.
"""

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SUPERSETS = {
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "iso2022_jp": "iso2022_jp_ext",
    "iso8859-11": "cp874",
}
_EXTRA_LABELS = {"iso-2022-kr": "iso2022_kr", "csiso2022kr": "iso2022_kr", "hz-gb-2312": "hz", "utf-32": "utf-32"}
_META = re.compile(rb"""<meta\s[^>]{0,512}?charset\s*=\s*["']?\s*([A-Za-z0-9_.:\-]{2,40})""", re.IGNORECASE)
_XML = re.compile(rb"""^\s*<\?xml\s[^>]{0,256}?encoding\s*=\s*["']([A-Za-z0-9_.:\-]{2,40})["']""", re.IGNORECASE)
_PRESCAN_BYTES = 4096
_SAMPLE_BYTES = 262_144


@dataclass(frozen=True, slots=True)
class Decoded:
    """Characters, the charset that gave them, and which fraction of them stands for bytes that it cannot decode."""

    text: str
    charset: str
    undecodable: float


def codec_name(label: str) -> str | None:
    """The Python codec for a charset label as browsers understand it; None for a label that they do not know."""
    known = _EXTRA_LABELS.get(label.strip().lower())
    if known is None:
        mapped = map_encoding_to_html5(label.strip(), fallback_utf8=False)
        known = _SUPERSETS.get(mapped, mapped) if mapped else None
    if known is None:
        return None
    try:
        return codecs.lookup(known).name
    except LookupError:
        return None


def decode(data: bytes, stated: str | None = None, *, html: bool = False) -> Decoded:
    """Decode bytes of unknown origin.

    Order: byte order mark, the charset stated from outside (HTTP), the page's own declaration, UTF-8, statistical
    detection. The first that decodes every byte wins; bytes that are valid multi-byte UTF-8 are never read in another
    charset, whatever is stated (unless escape sequences are, and are there), also where they end inside a character:
    what there is of that one is left out. If none fits, the one with the fewest replaced characters is used.

    Args:
        data: the bytes.
        stated: charset label from outside, if any.
        html: look for ``<meta charset>`` and an XML declaration in the first 4 KiB.
    """
    for mark, name in _BOMS:
        if data.startswith(mark):
            return _replacing(data[len(mark) :], name)
    escapes = b"\x1b" in data or (b"~" in data and b"~{" in data)  # one byte is looked for many times faster
    if data.isascii() and not escapes:
        return Decoded(data.decode("ascii"), "ascii", 0.0)
    if not escapes or not any(_is_stateful(name) for name in _declared(data, stated, html)):
        whole = _utf8_start(data)
        # A byte above 127 that ends nothing but ASCII proves nothing: it may be a letter of a single-byte charset.
        if whole is not None and (data.isascii() or not whole.isascii()):
            return Decoded(whole, "utf-8", 0.0)
    tried: list[str] = []
    for name in _candidates(data, _declared(data, stated, html)):
        if name in tried:
            continue
        tried.append(name)
        try:
            return Decoded(data.decode(name), name, 0.0)
        except (UnicodeDecodeError, UnicodeError):
            continue
    return min((_replacing(data, name) for name in tried), key=lambda decoded: decoded.undecodable)


def detect(sample: bytes) -> str:
    """The charset of a text file, told from its first bytes (which may end inside a character)."""
    for mark, name in _BOMS:
        if sample.startswith(mark):
            return name
    if _utf8_start(sample) is not None:
        return "utf-8"
    found = detect_encoding(sample, max_len=_SAMPLE_BYTES)
    return (codec_name(found) if found else None) or "utf-8"


def _candidates(data: bytes, declared: Sequence[str]) -> Iterator[str]:
    yield from declared
    yield "utf-8"
    found = detect_encoding(data, max_len=_SAMPLE_BYTES)
    name = codec_name(found) if found else None
    if name:
        yield name
    yield "cp1252"


def _declared(data: bytes, stated: str | None, html: bool) -> list[str]:
    """Codecs for the labels that the server and the page give, the server's first."""
    labels = [stated] if stated else []
    if html:
        head = data[:_PRESCAN_BYTES]
        labels += [match.group(1).decode("ascii") for pattern in (_META, _XML) if (match := pattern.search(head))]
    return [known for label in labels if (known := codec_name(label))]


def _is_stateful(name: str) -> bool:
    """Seven-bit charsets with escape sequences: their bytes are also valid UTF-8."""
    return name.startswith(("iso2022", "hz"))


def _utf8_start(data: bytes) -> str | None:
    """The whole characters of UTF-8 that may end inside one; None for what is no UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        cut = error.reason == "unexpected end of data" and error.start > 0
        return data[: error.start].decode("utf-8") if cut else None


def _replacing(data: bytes, name: str) -> Decoded:
    text = data.decode(name, "replace")
    replaced = text.count("\ufffd") - (data.count("\ufffd".encode()) if name == "utf-8" else 0)
    return Decoded(text, name, max(0, replaced) / max(1, len(text)))
