"""Reasons for leaving a document out, gathered under headings that say to anyone what was wrong with it."""

from collections.abc import Sequence
from dataclasses import dataclass

from bessemer.reporting.report import Drop


@dataclass(frozen=True)
class Family:
    """Reasons of one kind.

    Attributes:
        title: what was wrong, in a few words.
        meaning: the same in one sentence.
        because: how a sentence about such documents goes on.
        starts: reasons that are this or begin with it belong here.
    """

    title: str
    meaning: str
    because: str
    starts: tuple[str, ...]


FAMILIES = (
    Family(
        "Little like good text",
        "A classifier gave it a score below the cut.",
        "because a classifier found them little like good text",
        ("quality",),
    ),
    Family(
        "Language",
        "Not in a wanted language, or not surely so.",
        "for their language",
        ("language", "mixed_languages"),
    ),
    Family(
        "Held-out text",
        "Shares passages with the test texts.",
        "because they share passages with what is kept aside for tests",
        ("validation_",),
    ),
    Family(
        "Evaluation text",
        "Holds text that the model is examined with.",
        "because they hold text that the model is examined with",
        ("contaminated", "evaluation_item"),
    ),
    Family(
        "Copy of another",
        "The same as, or close to, one that stays.",
        "as copies of others",
        ("exact_", "near_", "repeated_parts"),
    ),
    Family(
        "Repeats itself",
        "The same lines or words over and over.",
        "because they repeat themselves",
        ("duplicate_", "top_", "lorem_ipsum"),
    ),
    Family(
        "No running text",
        "Too short or long, or lists and symbols.",
        "because they are no running text",
        (
            *("too_", "short_", "long_words", "few_", "hash_", "ellips", "bullet_"),
            *("javascript_", "curly_", "many_newlines"),
        ),
    ),
    Family("Personal data", "Has a key, an address or a number of someone.", "for personal data", ("pii_",)),
    Family("Sampled out", "Its source is taken in part only.", "by sampling of their source", ("sampled_out",)),
)
OTHER = Family("Other reasons", "See the list of all reasons.", "for other reasons", ())


@dataclass(frozen=True)
class Loss:
    """Documents and bytes that left for reasons of one family."""

    family: Family
    documents: int
    bytes: int


def family_of(reason: str) -> Family:
    """The family of a reason; :data:`OTHER` for an unknown one."""
    return next((family for family in FAMILIES if reason.startswith(family.starts)), OTHER)


def by_family(drops: Sequence[Drop]) -> list[Loss]:
    """Drops added up by family, the largest first; families without documents are left out."""
    found: dict[Family, Loss] = {}
    for drop in drops:
        family = family_of(drop.reason)
        before = found.get(family, Loss(family, 0, 0))
        found[family] = Loss(family, before.documents + drop.documents, before.bytes + drop.bytes)
    return sorted((loss for loss in found.values() if loss.documents), key=lambda loss: -loss.documents)
