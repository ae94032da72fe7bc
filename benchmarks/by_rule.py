"""Verdicts rule by rule: ours beside Dolma's taggers at the same limits, and where the definitions part."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.tables import Table

_WORDS = "words: what stands between white space, with its punctuation; ours: runs of letters and digits"
_CHARACTERS = "of the characters of words alone; ours: of all characters"
_TOP = f"without the spaces inside the n-gram, {_CHARACTERS}"
_DUPLICATE = (
    "every occurrence, the first too, overlaps again and again, of the same sum over all n-grams; ours: each once"
)
DIFFERENCES = {
    "too_short": _WORDS,
    "too_long": _WORDS,
    "short_words": "the median length; ours and Gopher's: the mean",
    "long_words": "the median length, punctuation included; ours and Gopher's: the mean",
    "few_stop_words": "occurrences of lower-case words; ours: how many of the eight occur, in any case",
    "symbols": "words that have # or \u2026, together; ours: each symbol, three dots too, and each by itself",
    "bullet_lines": "bullets are * and -; ours: bullet characters, and dashes before white space",
    "ellipsis_lines": "only \u2026; ours: three dots too",
    "few_letters": f"{_WORDS}, so that 1,234.5 is three without a letter",
    "duplicate_lines": "every occurrence, the first too; ours and datatrove's: those after the first",
    "duplicate_line_characters": f"every occurrence, the first too, {_CHARACTERS}",
    **{f"top_{n}_gram": _TOP for n in (2, 3, 4)},
    **{f"duplicate_{n}_grams": _DUPLICATE for n in range(5, 11)},
    "lorem_ipsum": "none: any occurrence",
    "curly_brackets": "none: any opening bracket",
}
"""What Dolma counts otherwise under the same name, by our reason."""
OF_C4 = frozenset({"lorem_ipsum", "curly_brackets"})


@dataclass(frozen=True)
class ByRule:
    """All reasons against each document, with spaces between, by ours and by Dolma's attributes."""

    ours: Sequence[str]
    theirs: Sequence[str]

    @property
    def share(self) -> float:
        """Documents that both keep or both drop by Gopher's rules, of all; 1 for none."""
        if not self.ours:
            return 1.0
        pairs = zip(self.ours, self.theirs, strict=True)
        return sum(bool(set(a.split()) - OF_C4) == bool(set(b.split()) - OF_C4) for a, b in pairs) / len(self.ours)

    def counts(self, reason: str) -> tuple[int, int, int]:
        """Documents against which a reason stands by ours, by Dolma's, by both."""
        ours, theirs = (
            {i for i, told in enumerate(all_) if reason in told.split()} for all_ in (self.ours, self.theirs)
        )
        return len(ours), len(theirs), len(ours & theirs)


def by_rule_table(judged: ByRule) -> Table:
    """One row for each rule that stands against a document."""
    rows = []
    documents = len(judged.ours)
    for reason, difference in DIFFERENCES.items():
        ours, theirs, both = judged.counts(reason)
        if ours or theirs:
            same = 1 - (ours + theirs - 2 * both) / documents
            rows.append([reason, f"{ours:,}", f"{theirs:,}", f"{both:,}", f"{same:.2%}", difference])
    note = (
        f"documents that break a limit, of {documents:,}. Limits are Gopher's and C4's as published, for both. "
        "By Gopher's rules together, without C4's, "
        f"{judged.share:.2%} of the documents are kept by both or dropped by both. Dolma has no paragraphs. Rules that "
        "nothing breaks are left out."
    )
    return Table("Verdicts beside Dolma's", note, ["rule", "ours", "Dolma", "both", "agree", "Dolma counts"], rows)
