"""Two corpora side by side: what is kept of each, what moves between kept and dropped, and examples."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from bessemer.dedup.corpus import read_some_texts
from bessemer.filters.rules import Reason
from bessemer.reporting.numbers import byte_size, count

ABSENT = "not there"
"""The reason of a document that only the other corpus has."""
_LANGUAGES_SHOWN = 10
_BEGINNING_CHARACTERS = 100


@dataclass(frozen=True)
class Amount:
    """Documents and UTF-8 bytes of their ingested texts."""

    documents: int = 0
    bytes: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.documents + other.documents, self.bytes + other.bytes)


@dataclass(frozen=True, order=True)
class Example:
    """A document that changes sides: its id, its two reasons (empty: kept), its place, and how it begins."""

    id: str
    first: str
    second: str
    source: str
    shard: str
    row: int
    beginning: str = ""


@dataclass(frozen=True)
class SideBySide:
    """A first and a second corpus.

    Attributes:
        title: what is compared.
        names: of the two, for headings.
        bytes_per_token: by which bytes are shown as tokens; None if no tokenizer was trained.
        moves: reason in the first and in the second (empty: kept) to amount.
        sources: source to what is kept of it in the first and in the second.
        languages: likewise.
        examples: some documents that change sides, the same ones for the same corpora.
    """

    title: str
    names: tuple[str, str] = ("now", "then")
    bytes_per_token: float | None = None
    moves: dict[tuple[str, str], Amount] = field(default_factory=dict)
    sources: dict[str, tuple[Amount, Amount]] = field(default_factory=dict)
    languages: dict[str, tuple[Amount, Amount]] = field(default_factory=dict)
    examples: list[Example] = field(default_factory=list)

    def add(self, first: str, second: str, source: str, language: str | None, amount: Amount) -> None:
        """Count documents of one kind."""
        nothing = Amount()
        self.moves[first, second] = self.moves.get((first, second), nothing) + amount
        for kept, name in ((self.sources, source), (self.languages, language or "unknown")):
            one, other = kept.get(name, (nothing, nothing))
            kept[name] = (one if first else one + amount, other if second else other + amount)

    @property
    def kept(self) -> tuple[Amount, Amount]:
        """What is kept in the first and in the second."""
        return self.by_reason("")

    @property
    def gained(self) -> Amount:
        """Kept in the second only."""
        return sum((item for (first, second), item in self.moves.items() if first and not second), Amount())

    @property
    def lost(self) -> Amount:
        """Kept in the first only."""
        return sum((item for (first, second), item in self.moves.items() if second and not first), Amount())

    def by_reason(self, reason: str) -> tuple[Amount, Amount]:
        """Documents with ``reason`` in the first and in the second; empty: kept."""
        one = sum((item for (first, _), item in self.moves.items() if first == reason), Amount())
        other = sum((item for (_, second), item in self.moves.items() if second == reason), Amount())
        return one, other

    def render(self) -> str:
        """Plain text for a terminal."""
        lines = [self.title, ""]
        names = [*(reason.value for reason in Reason), ABSENT]
        reasons = [name for name in names if any(item.documents for item in self.by_reason(name))]
        lines += self._table("", [(name or "kept", self.by_reason(name)) for name in ["", *reasons]])
        lines += ["", *self._table("kept of", sorted(self.sources.items()))]
        by_size = sorted(self.languages.items(), key=lambda item: (-item[1][0].bytes, item[0]))
        lines += ["", *self._table("kept in", by_size[:_LANGUAGES_SHOWN])]
        if len(by_size) > _LANGUAGES_SHOWN:
            lines.append(f"and {len(by_size) - _LANGUAGES_SHOWN} more languages")
        lines += ["", f"{count(self.gained.documents)} documents gained, {count(self.lost.documents)} lost."]
        for one in self.examples:
            lines.append(f"  {one.id}  {one.source}: {one.first or 'kept'} → {one.second or 'kept'}")
            lines += [f"    {one.beginning}"] if one.beginning else []
        return "\n".join(lines)

    def _table(self, label: str, rows: Sequence[tuple[str, tuple[Amount, Amount]]]) -> list[str]:
        first, second = self.names
        heading = [label, f"documents {first}", second, "change", f"bytes {first}", second]
        tokens = [] if self.bytes_per_token is None else [f"≈ tokens {first}", second]
        return aligned([[*heading, *tokens], *([name, *_pair(pair), *self._tokens(pair)] for name, pair in rows)])

    def _tokens(self, amounts: tuple[Amount, Amount]) -> list[str]:
        if self.bytes_per_token is None:
            return []
        return [count(round(amount.bytes / self.bytes_per_token)) for amount in amounts]


def with_beginnings(documents: Path, examples: Iterable[Example]) -> Iterator[Example]:
    """Examples with the first words of their texts.

    Args:
        documents: the shard directory that has them.
        examples: with a place there; without a shard they are left as they are.
    """
    for one in examples:
        if one.shard:
            text = read_some_texts(documents, one.shard, np.array([one.row]))[0].as_py()
            yield replace(one, beginning=" ".join(text[:_BEGINNING_CHARACTERS].split()))
        else:
            yield one


def bytes_per_token(root: Path) -> float | None:
    """Of the tokenizer that was trained on what is kept now, if there is one."""
    try:
        return float(json.loads((root / "reports/tokenizer/metrics.json").read_bytes())["bytes_per_token"])
    except (OSError, ValueError, KeyError):
        return None


def _pair(amounts: tuple[Amount, Amount]) -> list[str]:
    first, second = amounts
    change = second.documents - first.documents
    return [
        count(first.documents),
        count(second.documents),
        f"{change:+,}" if change else "",
        byte_size(first.bytes),
        byte_size(second.bytes),
    ]


def aligned(rows: list[list[str]], left: Sequence[int] = (0,)) -> list[str]:
    """Rows as aligned text: the columns ``left`` to the left, the others, which are numbers, to the right."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if place in left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
