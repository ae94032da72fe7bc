"""Redaction of personal data inside kept documents: e-mail addresses, public IP addresses, card and phone numbers.

Each kind is found by a pattern and then checked by what the pattern cannot say (registries, check digits, numbering
plans), because documentation is full of version numbers, sections, dates and ISBNs that look like the real thing.
"""

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc
import regex
from numpy.typing import NDArray

from bessemer.config.curate import PiiParams


class Pii(StrEnum):
    """Kinds of personal data, in the order in which they claim a stretch of text."""

    EMAIL = "email"
    IP = "ip"
    CARD = "card"
    PHONE = "phone"

    @property
    def mask(self) -> str:
        """What the text says afterwards."""
        return f"<{self.value}>"


@dataclass(frozen=True)
class Span:
    """One finding: character offsets into the text, end exclusive."""

    start: int
    end: int
    kind: Pii


@dataclass(frozen=True)
class Redacted:
    """A batch after redaction.

    Attributes:
        text: large_string, same length and order as given.
        removed: UTF-8 bytes taken out, shape (n, kinds), kinds in the order of :class:`Pii`.
        added: UTF-8 bytes of masks put in, same shape.
        found: number of findings, same shape.
    """

    text: "pa.ChunkedArray[Any]"
    removed: NDArray[np.int64]
    added: NDArray[np.int64]
    found: NDArray[np.int64]


_EMAIL = regex.compile(
    r"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9](?:[A-Za-z0-9._%+\-]{0,62}[A-Za-z0-9_+\-])?@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}(?![A-Za-z0-9\-])"
)
_IPV4 = regex.compile(r"(?<![\w.\-])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w\-]|\.[0-9])")
_IPV6 = regex.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}+(?![\w:])")
_CARD = regex.compile(r"(?<![\w.,+\-])[2-6](?:[0-9]{11,18}|[0-9]{3}(?:[ \-][0-9]{2,7}){2,4})(?![\w\-]|[.,][0-9])")
_PHONE = regex.compile(r"(?<![\w.,$#/\-])(?:\+|\()?[0-9](?:[ \-./()\u00a0]{0,2}[0-9]){6,16}(?![\w\-]|[.,/][0-9])")

_FIGURE_GOES_ON = regex.compile(r"[.,/\-]?[0-9]")
_FIGURE_CAME_BEFORE = regex.compile(r"[0-9][.,/\-]?\Z")

_RESERVED_DOMAINS = (".example", ".invalid", ".localhost", ".test", ".example.com", ".example.net", ".example.org")
"""Domains that belong to nobody (RFC 2606, RFC 6761): an address there is a sample, not a person."""

_CLAIMED = "<"
"""Stands for every character that a kind has claimed, so that later kinds see what they would see beside a mask."""

_LARGEST_VERSION_PART = 63
"""Four numbers this small are read as a version or a section (3.8.10.2); 1 in 256 random IPv4 addresses is so too."""


def _emails(text: str, _: PiiParams) -> Iterator[Span]:
    for match in _EMAIL.finditer(text):
        domain = "." + match[0].rpartition("@")[2].lower()
        if not domain.endswith(_RESERVED_DOMAINS):
            yield Span(match.start(), match.end(), Pii.EMAIL)


def _ips(text: str, _: PiiParams) -> Iterator[Span]:
    for match in _IPV4.finditer(text):
        if _is_public_v4(match[0]):
            yield Span(match.start(), match.end(), Pii.IP)
    for match in _IPV6.finditer(text):
        if _is_public_v6(match[0]):
            yield Span(match.start(), match.end(), Pii.IP)


def _is_public_v4(text: str) -> bool:
    """Globally routable, and not a version number in disguise."""
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return False
    public = address.is_global and not address.is_multicast
    return public and max(address.packed) > _LARGEST_VERSION_PART


def _is_public_v6(text: str) -> bool:
    """Global unicast (2000::/3, RFC 4291) with three groups or more written out: ``::`` is an operator elsewhere."""
    if sum(bool(part) for part in text.split(":")) < 3:
        return False
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return address.is_global and address.packed[0] >> 5 == 1


def _cards(text: str, _: PiiParams) -> Iterator[Span]:
    for match in _CARD.finditer(text):
        digits = match[0].replace(" ", "").replace("-", "")
        if not (" " in match[0] and "-" in match[0]) and is_card_number(digits):
            yield Span(match.start(), match.end(), Pii.CARD)


def is_card_number(digits: str) -> bool:
    """Whether digits have the prefix and length of a card scheme and a right check digit (ISO/IEC 7812, Luhn).

    Schemes: Visa, Mastercard, American Express, Diners Club, Discover, JCB, UnionPay. A number that repeats one digit
    after the first is a placeholder.
    """
    length, two, three, four = len(digits), int(digits[:2]), int(digits[:3]), int(digits[:4])
    scheme = (
        (digits[0] == "4" and length in (13, 16, 19))
        or ((51 <= two <= 55 or 2221 <= four <= 2720) and length == 16)
        or (two in (34, 37) and length == 15)
        or ((300 <= three <= 305 or two in (36, 38)) and length == 14)
        or ((four == 6011 or 644 <= three <= 649 or two in (62, 65) or 3528 <= four <= 3589) and 16 <= length <= 19)
    )
    if not scheme or len(set(digits[1:])) == 1:
        return False
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (doubled + sum(int(digit) for digit in digits[-1::-2])) % 10 == 0


def _phones(text: str, params: PiiParams) -> Iterator[Span]:
    at = 0
    while match := _PHONE.search(text, at):
        at = match.end()
        if not _may_be_phone(match[0]):
            continue
        for region in params.phone_regions or (None,):
            hits = phonenumbers.PhoneNumberMatcher(match[0], region, leniency=phonenumbers.Leniency.STRICT_GROUPING)
            spans = [Span(match.start() + hit.start, match.start() + hit.end, Pii.PHONE) for hit in hits]
            yield from (span for span in spans if _stands_alone(text, span))
            if spans:
                at = spans[-1].end
                break


def _stands_alone(text: str, span: Span) -> bool:
    """A number to dial, and no part of a longer figure such as ``415 555 2671.50``."""
    goes_on = _FIGURE_GOES_ON.match(text, span.end) or _FIGURE_CAME_BEFORE.search(
        text, max(0, span.start - 2), span.start
    )
    return goes_on is None and _may_be_phone(text[span.start : span.end])


def _may_be_phone(text: str) -> bool:
    """International, or punctuated as if to be dialled: bare digits are amounts, ``252.227-7014`` is a regulation."""
    if text.startswith("+"):
        return True
    punctuation = {character for character in text if not character.isdigit()}
    digits = len(text) - sum(not character.isdigit() for character in text)
    return digits >= 9 and bool(punctuation) and not {".", "-"} <= punctuation and punctuation != {"."}


@dataclass(frozen=True)
class _Finder:
    """How a kind is found: ``hint`` (RE2) discards most documents, ``find`` examines the others."""

    hint: str
    find: Callable[[str, PiiParams], Iterator[Span]]


_FINDERS = {
    Pii.EMAIL: _Finder(r"[A-Za-z0-9_+\-]@[A-Za-z0-9]", _emails),
    Pii.IP: _Finder(r"(?:[0-9]{1,3}\.){3}[0-9]|:[0-9A-Fa-f]{0,4}:", _ips),
    Pii.CARD: _Finder(r"[2-6][0-9]{11}|[2-6][0-9]{3}[ \-][0-9]", _cards),
    Pii.PHONE: _Finder(r"[0-9](?:[ \-./()\x{a0}]{0,2}[0-9]){6}", _phones),
}


def find_pii(text: str, params: PiiParams, kinds: frozenset[Pii] = frozenset(Pii)) -> list[Span]:
    """Findings in a text, by position, none overlapping another; an earlier kind claims its stretch first."""
    found: list[Span] = []
    for kind in Pii:
        if kind not in kinds or not getattr(params, kind.value):
            continue
        spans = list(_FINDERS[kind].find(text, params))
        text = _replaced(text, [(span, _CLAIMED * (span.end - span.start)) for span in spans])
        found += spans
    return sorted(found, key=lambda span: span.start)


def _replaced(text: str, spans: Sequence[tuple[Span, str]]) -> str:
    """The text with each span, in order of position, replaced by its string."""
    pieces, at = [], 0
    for span, new in spans:
        pieces += [text[at : span.start], new]
        at = span.end
    return "".join([*pieces, text[at:]])


def redact(texts: "pa.ChunkedArray[Any]", params: PiiParams) -> Redacted:
    """Replace every finding by the mask of its kind.

    Args:
        texts: large_string, no nulls.
        params: which kinds are looked for.
    """
    kinds = list(Pii)
    shape = (len(texts), len(kinds))
    removed, added, found = (np.zeros(shape, np.int64) for _ in range(3))
    hinted = {
        kind: pc.match_substring_regex(texts, _FINDERS[kind].hint).to_numpy()
        for kind in kinds
        if getattr(params, kind.value)
    }
    rows = np.flatnonzero(np.logical_or.reduce(list(hinted.values()))) if hinted else np.empty(0, np.int64)
    changed: dict[int, str] = {}
    for row in rows.tolist():
        text = texts[row].as_py()
        spans = find_pii(text, params, frozenset(kind for kind, hint in hinted.items() if hint[row]))
        if not spans:
            continue
        for span in spans:
            column = kinds.index(span.kind)
            removed[row, column] += len(text[span.start : span.end].encode())
            added[row, column] += len(span.kind.mask)
            found[row, column] += 1
        changed[row] = _replaced(text, [(span, span.kind.mask) for span in spans])
    return Redacted(_with_rows(texts, changed), removed, added, found)


def _with_rows(texts: "pa.ChunkedArray[Any]", changed: dict[int, str]) -> "pa.ChunkedArray[Any]":
    if not changed:
        return texts
    mask = np.zeros(len(texts), np.bool_)
    mask[list(changed)] = True
    values = pa.array([changed[row] for row in sorted(changed)], pa.large_string())
    return pa.chunked_array([pc.replace_with_mask(texts.combine_chunks(), pa.array(mask), values)], pa.large_string())
