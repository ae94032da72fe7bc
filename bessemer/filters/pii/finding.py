"""Finding personal data of every kind in one text."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bessemer.filters.pii.addresses import HINT as ADDRESS_HINT
from bessemer.filters.pii.addresses import find_addresses
from bessemer.filters.pii.cards import HINT as CARD_HINT
from bessemer.filters.pii.cards import find_cards
from bessemer.filters.pii.emails import HINT as EMAIL_HINT
from bessemer.filters.pii.emails import find_emails
from bessemer.filters.pii.keys import HINT as KEY_HINT
from bessemer.filters.pii.keys import find_keys
from bessemer.filters.pii.kinds import Pii, Span
from bessemer.filters.pii.phones import HINT as PHONE_HINT
from bessemer.filters.pii.phones import find_phones

_CLAIMED = "<"
"""Stands for every character that a kind has claimed, so that later kinds see what they would see beside a mask."""


@dataclass(frozen=True)
class Finder:
    """How a kind is found: ``hint`` (RE2) discards most texts, ``find`` examines the others."""

    hint: str
    find: Callable[[str, Sequence[str]], Iterator[Span]]


FINDERS = {
    Pii.KEY: Finder(KEY_HINT, lambda text, _: find_keys(text)),
    Pii.EMAIL: Finder(EMAIL_HINT, lambda text, _: find_emails(text)),
    Pii.IP: Finder(ADDRESS_HINT, lambda text, _: find_addresses(text)),
    Pii.CARD: Finder(CARD_HINT, lambda text, _: find_cards(text)),
    Pii.PHONE: Finder(PHONE_HINT, find_phones),
}
"""One for each kind."""


def find_pii(text: str, phone_regions: Sequence[str], kinds: frozenset[Pii] = frozenset(Pii)) -> list[Span]:
    """Findings in a text, by position, none overlapping another; an earlier kind claims its stretch first.

    Args:
        text: any text.
        phone_regions: countries whose telephone numbers are found without a country code too.
        kinds: that are looked for.
    """
    found: list[Span] = []
    for kind in Pii:
        if kind not in kinds:
            continue
        spans = sorted(FINDERS[kind].find(text, phone_regions), key=lambda span: span.start)
        text = replaced(text, [(span, _CLAIMED * (span.end - span.start)) for span in spans])
        found += spans
    return sorted(found, key=lambda span: span.start)


def replaced(text: str, spans: Sequence[tuple[Span, str]]) -> str:
    """The text with each span, in order of position, replaced by its string."""
    pieces, at = [], 0
    for span, new in spans:
        pieces += [text[at : span.start], new]
        at = span.end
    return "".join([*pieces, text[at:]])
