"""Keep or drop, document by document: ours beside datatrove's, and where they differ."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.tables import Table

_MOST_ROWS = 15


@dataclass(frozen=True)
class Agreement:
    """Why each document is dropped by ours and by theirs; nothing if it is kept.

    Attributes:
        words: whose words datatrove was given.
    """

    words: str
    ours: Sequence[str]
    theirs: Sequence[str]

    @property
    def share(self) -> float:
        """Documents that both keep or both drop, of all; 1 for none."""
        if not self.ours:
            return 1.0
        return sum(bool(a) == bool(b) for a, b in zip(self.ours, self.theirs, strict=True)) / len(self.ours)

    def differences(self) -> Counter[tuple[str, str]]:
        """How often each pair of reasons is met where one keeps and the other drops."""
        pairs = zip(self.ours, self.theirs, strict=True)
        return Counter((a or "kept", b or "kept") for a, b in pairs if bool(a) != bool(b))


def agreement_table(judged: Sequence[Agreement]) -> Table:
    """One row for each splitter."""
    note = (
        "our rules at datatrove's limits beside its three filters. With our words what is left can differ where a line "
        "or paragraph of nothing but white space, a bullet other than • and -, a line end other than a line feed or an "
        "n-gram that occurs once but is most of the text is counted otherwise. With spaCy's words punctuation marks "
        "are words, and so are the parts of contractions: fewer words have a letter, so datatrove drops more for the "
        "alphabetic-word ratio; line breaks and symbols are divided by more words, and in "
        "n-grams marks count as characters and case matters."
    )
    rows = [
        [
            agreement.words,
            f"{len(agreement.ours):,}",
            f"{agreement.share:.2%}",
            f"{agreement.ours.count(''):,}",
            f"{agreement.theirs.count(''):,}",
        ]
        for agreement in judged
    ]
    return Table("Verdicts", note, ["datatrove with", "documents", "agree", "kept by ours", "kept by datatrove"], rows)


def differences_table(judged: Sequence[Agreement]) -> Table:
    """Which reasons stand against a document that the other keeps, the commonest first."""
    rows = [
        [agreement.words, ours, theirs, f"{count:,}"]
        for agreement in judged
        for (ours, theirs), count in agreement.differences().most_common(_MOST_ROWS)
    ]
    note = "documents that one keeps and the other drops, by the first reason."
    return Table("Differences", note, ["datatrove with", "ours", "datatrove", "documents"], rows)
