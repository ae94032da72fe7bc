"""What is known of a document or record, and how it is told on a terminal."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Decision:
    """A row of a ledger: who dropped the document, and why. ``reason`` is empty for a kept one."""

    stage: str
    reason: str
    value: float | None
    threshold: float | None
    evidence: str | None


@dataclass(frozen=True)
class Number:
    """A limit of the policy beside the document's number; ``asked`` is false if its language is not judged by it."""

    parameter: str
    column: str
    value: float
    breaks: str
    threshold: float
    asked: bool

    @property
    def broken(self) -> bool:
        """Whether the document breaks the limit."""
        under, over = (
            self.breaks == "<" and self.value < self.threshold,
            self.breaks == ">" and self.value > self.threshold,
        )
        return self.asked and (under or over)


@dataclass(frozen=True)
class Place:
    """Where the tokens of a document are: sequence ``sequence`` of ``<split>/<shard>.bin``, the first of the copies."""

    split: str
    shard: str
    sequence: int
    tokens: int
    copies: int


@dataclass(frozen=True)
class History:
    """All that is known of one document. What later stages have not decided yet is None."""

    id: str
    source: str
    url: str | None
    locator: str | None
    shard: str
    bytes: int
    beginning: str
    language: str | None = None
    curated: Decision | None = None
    numbers: list[Number] = field(default_factory=list)
    survivor: str = ""
    duplicates: list[str] = field(default_factory=list)
    duplicate_count: int = 0
    cut: int = 0
    redacted: tuple[int, int] = (0, 0)
    removed: Decision | None = None
    place: Place | None = None

    def render(self) -> str:
        """Plain text for a terminal."""
        origin = " · ".join(part for part in (self.source, self.url, self.locator) if part)
        lines = [f"{self.id}  {origin}", f"  {self.bytes:,} bytes, language {self.language or 'not known yet'}"]
        lines.append(f"  begins: {self.beginning}")
        lines.append(f"  ingested into data/documents/{self.shard}.parquet")
        lines += [f"  {line}" for line in [*self._fate(), *self._tokens()]]
        says = "would break now" if self.curated is not None and not self.curated.reason else "breaks"
        lines += [
            f"    {says} curate.{item.parameter}: {item.column} {item.value:.6g} {item.breaks} {item.threshold:g}"
            for item in self.numbers
            if item.broken
        ]
        return "\n".join(lines)

    def _fate(self) -> list[str]:
        if self.curated is None:
            return ["not judged yet: run the stage curate"]
        if self.curated.reason:
            return [f"dropped by curate: {_because(self.curated, self.survivor)}"]
        lines = ["kept by curate"]
        if self.cut:
            lines.append(
                f"cut out (lines or paragraphs that other kept documents have, evaluation text): {self.cut:,} bytes"
            )
        removed, added = self.redacted
        if removed:
            lines.append(f"personal data masked: {removed:,} bytes out, {added:,} bytes of masks in")
        if self.duplicate_count:
            more = self.duplicate_count - len(self.duplicates)
            lines.append(
                f"stands for {self.duplicate_count:,} duplicates: {', '.join(self.duplicates)}"
                + (f" and {more:,} more" if more else "")
            )
        return lines

    def _tokens(self) -> list[str]:
        if self.curated is None or self.curated.reason:
            return []
        if self.removed is not None:
            return [f"removed from training by shard: {_because(self.removed, '')}"]
        if self.place is None:
            return ["no tokens yet: run the stage shard"]
        place = self.place
        return [
            f"{place.tokens:,} tokens: sequence {place.sequence:,} of data/tokens/{place.split}/{place.shard}.bin"
            + ("" if place.split == "train" else " (validation, never trained on)")
            + (f", the first of {place.copies:,} copies" if place.copies > 1 else "")
        ]


@dataclass(frozen=True)
class Quarantined:
    """A record that could not be read."""

    id: str
    source: str
    file: str
    locator: str
    reason: str
    detail: str
    records: int
    bytes: int
    excerpt: str

    def render(self) -> str:
        """Plain text for a terminal."""
        several = f", stands for {self.records:,} records" if self.records > 1 else ""
        return "\n".join(
            [
                f"{self.id}  {self.source} · {self.locator}",
                f"  quarantined by ingest: {self.reason}: {self.detail}",
                f"  {self.bytes:,} bytes of {self.file}{several}; kept in data/quarantine",
                f"  begins: {beginning_of(self.excerpt)}",
            ]
        )


@dataclass(frozen=True)
class Explanation:
    """What a query found. ``more`` counts further documents that are not shown."""

    query: str
    documents: list[History]
    quarantined: list[Quarantined]
    more: int = 0

    def render(self) -> str:
        """Plain text for a terminal."""
        parts = [item.render() for item in self.documents] + [item.render() for item in self.quarantined]
        if self.more:
            parts.append(f"… and {self.more:,} more documents match {self.query}; give an id.")
        return "\n\n".join(parts)


def _because(decision: Decision, survivor: str) -> str:
    parts = [decision.reason]
    if decision.value is not None:
        bound = "" if decision.threshold is None else f" against {decision.threshold:g}"
        parts.append(f"{decision.value:.6g}{bound}")
    text = ", ".join(parts)
    if decision.evidence is None:
        return text
    named = f" ({survivor})" if survivor else ""
    return f"{text}; evidence {decision.evidence}{named}"


def beginning_of(text: str) -> str:
    """The first 100 characters of a text, on one line."""
    return " ".join(text.split())[:100]
