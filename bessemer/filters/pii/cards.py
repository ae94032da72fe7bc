"""Payment card numbers with a right check digit."""

from collections.abc import Iterator

import regex

from bessemer.filters.pii.kinds import Pii, Span

HINT = r"[2-6][0-9]{11}|[2-6][0-9]{3}[ \-][0-9]"
"""RE2: a text without it has no card number."""

_CARD = regex.compile(
    r"(?<![\w.,+\-])[2-6](?:[0-9]{12,18}|[0-9]{3}(?:([ \-])[0-9]{4}\1[0-9]{4}\1[0-9]{4}|([ \-])[0-9]{6}\2[0-9]{4,5})"
    r"|[0-9]{5}([ \-])[0-9]{13})(?![\w]|[.,\-][0-9])"
)
"""In one piece, or in groups as embossed: 4-4-4-4, 4-6-5 (American Express), 4-6-4 (Diners Club), 6-13 (UnionPay)."""

_THREE_MORE = regex.compile(r"[ \-][0-9]{3}(?![\w\-]|[.,][0-9])")
"""What makes a number of sixteen digits one of nineteen; after a right one it is the security code."""

_ROW_BEFORE = regex.compile(r"(?<![0-9])[0-9]{4}[ \t]{1,2}\Z")
_ROW_AFTER = regex.compile(r"[ \t]{1,2}[0-9]{4}(?![0-9/])")
"""A group of four figures on either side makes a row of a table; ``12/27`` after a card is the month it expires in."""


def find_cards(text: str) -> Iterator[Span]:
    """Card numbers, by position, in one piece or in groups with one kind of separator."""
    for match in _CARD.finditer(text):
        start, end = match.span()
        if not is_card_number(_digits(match[0])):
            more = _THREE_MORE.match(text, end)
            if more is None or not is_card_number(_digits(text[start : more.end()])):
                continue
            end = more.end()
        if " " not in match[0] or not _in_a_row(text, start, end):
            yield Span(start, end, Pii.CARD)


def _in_a_row(text: str, start: int, end: int) -> bool:
    before = _ROW_BEFORE.search(text, max(0, start - 7), start)
    return before is not None or _ROW_AFTER.match(text, end) is not None


def _digits(written: str) -> str:
    return written.replace(" ", "").replace("-", "")


def is_card_number(digits: str) -> bool:
    """Whether digits have the prefix and length of a card scheme and a right check digit (ISO/IEC 7812, Luhn).

    Schemes: Visa, Mastercard, American Express, Diners Club, Discover, JCB, UnionPay, Mir. A number that repeats one
    digit after the first is a placeholder.
    """
    length, two, three, four = len(digits), int(digits[:2]), int(digits[:3]), int(digits[:4])
    scheme = (
        (digits[0] == "4" and length in (13, 16, 19))
        or ((51 <= two <= 55 or 2221 <= four <= 2720 or 2200 <= four <= 2204) and length == 16)
        or (two in (34, 37) and length == 15)
        or ((300 <= three <= 305 or two in (36, 38)) and length == 14)
        or ((four == 6011 or 644 <= three <= 649 or two in (62, 65) or 3528 <= four <= 3589) and 16 <= length <= 19)
    )
    if not scheme or len(set(digits[1:])) == 1:
        return False
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (doubled + sum(int(digit) for digit in digits[-1::-2])) % 10 == 0
