"""Dolma's taggers for Gopher's and C4's rules, `gopher_v2` and `c4_v2`: from strings to the attributes that it writes.

A tagger drops nothing; a mix of Dolma sets limits on attributes. The limits here are Gopher's and C4's as published, so
that verdicts can be set beside those of our rules at the same limits. Reading and writing are left out.
"""

from collections.abc import Mapping, Sequence

from dolma.core.data_types import InputSpec
from dolma.core.registry import TaggerRegistry

from benchmarks.peers.serve import System, serve

TAGGERS = [TaggerRegistry.get(name)() for name in ("gopher_v2", "c4_v2")]
LIMITS: tuple[tuple[str, str, str, float], ...] = (
    # the reason that our rule has, Dolma's attribute, what breaks the limit, the limit
    ("too_short", "word_count", "<", 50),
    ("too_long", "word_count", ">", 100_000),
    ("short_words", "median_word_length", "<", 3),
    ("long_words", "median_word_length", ">", 10),
    ("few_stop_words", "required_word_count", "<", 2),
    ("symbols", "symbol_to_word_ratio", ">", 0.1),
    ("bullet_lines", "fraction_of_lines_starting_with_bullet_point", ">", 0.9),
    ("ellipsis_lines", "fraction_of_lines_ending_with_ellipsis", ">", 0.3),
    ("few_letters", "fraction_of_words_with_alpha_character", "<", 0.8),
    ("duplicate_lines", "fraction_of_duplicate_lines", ">", 0.3),
    ("duplicate_line_characters", "fraction_of_characters_in_duplicate_lines", ">", 0.2),
    *(
        (f"top_{n}_gram", f"fraction_of_characters_in_most_common_{n}grams", ">", limit)
        for n, limit in ((2, 0.2), (3, 0.18), (4, 0.16))
    ),
    *(
        (f"duplicate_{n}_grams", f"fraction_of_characters_in_duplicate_{n}grams", ">", (20 - n) / 100)
        for n in range(5, 11)
    ),
    ("lorem_ipsum", "has_lorem_ipsum", ">", 0),
    ("curly_brackets", "has_curly_brace", ">", 0),
)
Attributes = Mapping[str, Sequence[tuple[int, int, float]]]


def attributes_of(texts: list[str]) -> list[Attributes]:
    """What all taggers write beside each document."""
    found = []
    for text in texts:
        document = InputSpec(id="", text=text)
        found.append({name: spans for tagger in TAGGERS for name, spans in tagger.tag(document).items()})
    return found


def broken(attributes: Attributes) -> str:
    """All reasons against a document, with spaces between; an attribute that is not there breaks nothing."""
    reasons = []
    for reason, name, breaks, limit in LIMITS:
        for _, _, value in attributes.get(name, ())[:1]:
            if value < limit if breaks == "<" else value > limit:
                reasons.append(reason)
    return " ".join(reasons)


def judge(texts: list[str], words: Sequence[list[str]] | None) -> list[str]:
    """The reasons against all documents. Words are always Dolma's: what stands between white space."""
    return [broken(attributes) for attributes in attributes_of(texts)]


if __name__ == "__main__":
    serve(System(attributes_of, judge=judge))
