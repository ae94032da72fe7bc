"""Telephone numbers that are valid in the numbering plan of their country, as libphonenumber knows it."""

from collections.abc import Iterator, Sequence

import phonenumbers
import regex

from bessemer.filters.pii.kinds import Pii, Span

HINT = r"[0-9](?:[ \-./()\x{a0}]{0,2}[0-9]){6}"
"""RE2: a text without it has no telephone number."""

_PHONE = regex.compile(r"(?<![\w.,$#/\-])(?:\+|\()?[0-9](?:[ \-./()\u00a0]{0,2}[0-9]){6,16}(?![\w\-]|[.,/][0-9])")

_FIGURE_GOES_ON = regex.compile(r"[.,/\-]?[0-9]")
_FIGURE_CAME_BEFORE = regex.compile(r"[0-9][.,/\-]?\Z")

_DOTTED = regex.compile(r"[2-9][0-9]{2}\.[2-9][0-9]{2}\.[0-9]{4}|0[1-9](?:\.[0-9]{2}){4}")
"""With dots only: how North America and France write them; other figures with dots are versions, dates and sections."""

_ANNOUNCED = regex.compile(
    r"(?:\b(?:tel|telephone|phone|ph|mobile|mob|cell|fax|call|dial|ring|whatsapp|telefon|telefax|handy|mobil|fon|"
    r"t[ée]l[ée]phone|t[ée]l|portable|tel[ée]fono|m[óo]vil|celular|telefone|zap|telefono|cellulare|telefoon|mobiel|bel|"
    r"telefonnummer|number|nummer|num[ée]ro)|电话|手机|座机|電話|携帯|전화)[.:：# ]{0,3}\Z",
    regex.IGNORECASE,
)
"""A word before a figure that makes it a number to dial, even in one piece."""

_LABELLED = regex.compile(
    r"(?:\b(?:s/n|p/n|sku|awb|isbn|issn|ean|upc|imei|serial|part|model|invoice|order|patent|case|doi|id|ref)"
    r"(?:[ -]?(?:no|nr|number|code|id|10|13))?|§)[.:# ]{0,3}\Z",
    regex.IGNORECASE,
)
"""A word before a figure that makes it the number of a thing."""

_BEFORE = 20
"""Characters that the longest of these words and what follows it take."""

_POSTAL_CODE = regex.compile(r"[0-9]{5}-[0-9]{4}")
"""ZIP+4 of the United States, which is a telephone number elsewhere."""


def find_phones(text: str, regions: Sequence[str]) -> Iterator[Span]:
    """Telephone numbers, by position.

    Args:
        text: any text.
        regions: countries (ISO 3166-1) whose numbers are found without a country code too. Where the plans of several
            disagree about how far a number goes, the longest one counts.
    """
    at = 0
    while match := _PHONE.search(text, at):
        at = match.end()
        before = max(0, match.start() - _BEFORE)
        if _LABELLED.search(text, before, match.start()):
            continue
        announced = _ANNOUNCED.search(text, before, match.start()) is not None
        if _may_be_phone(match[0], announced) and (spans := _valid(match, regions)):
            yield from (span for span in spans if _stands_alone(text, span, announced and span is spans[0]))
            at = spans[-1].end


def _valid(match: "regex.Match[str]", regions: Sequence[str]) -> list[Span]:
    """Numbers in a stretch of figures that are valid for some region, the longest first to claim its place."""
    found: set[tuple[int, int]] = set()
    for region in regions or (None,):
        hits = phonenumbers.PhoneNumberMatcher(match[0], region, leniency=phonenumbers.Leniency.STRICT_GROUPING)
        found |= {(match.start() + hit.start, match.start() + hit.end) for hit in hits}
        if (match.start(), match.end()) in found or match[0].startswith("+"):
            break
    chosen: list[Span] = []
    for start, end in sorted(found, key=lambda place: (place[0] - place[1], place)):
        if all(end <= other.start or other.end <= start for other in chosen):
            chosen.append(Span(start, end, Pii.PHONE))
    return sorted(chosen, key=lambda span: span.start)


def _stands_alone(text: str, span: Span, announced: bool) -> bool:
    """A number to dial, and no part of a longer figure such as ``415 555 2671.50``."""
    goes_on = _FIGURE_GOES_ON.match(text, span.end) or _FIGURE_CAME_BEFORE.search(
        text, max(0, span.start - 2), span.start
    )
    return goes_on is None and _may_be_phone(text[span.start : span.end], announced)


def _may_be_phone(text: str, announced: bool) -> bool:
    """International, or punctuated as if to be dialled: bare digits are amounts, ``252.227-7014`` is a regulation.

    Where a word announces a number, bare digits will do.
    """
    if text.startswith("+"):
        return True
    punctuation = {character for character in text if not character.isdigit()}
    digits = sum(character.isdigit() for character in text)
    if not punctuation:
        return announced and digits >= 9
    if digits < 9 or {".", "-"} <= punctuation or _POSTAL_CODE.fullmatch(text):
        return False
    return punctuation != {"."} or _DOTTED.fullmatch(text) is not None
