"""What a job counted: JSON-able, and summed over jobs without regard to their order."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import xxhash

from bessemer.ingestion.documents import Document
from bessemer.readers.records import Skipped, Unreadable

LENGTH_EDGES = [0, *(2**power for power in range(5, 31))]
"""Edges of the histogram of lengths, UTF-8 bytes."""

_SAMPLE_CHARACTERS = 600
_DAMAGED_SHOWN = 100


@dataclass
class Tally:
    """Counts of records and documents of one source.

    Attributes:
        stored_bytes: size of the files, as stored.
        parsed: records that became documents.
        quarantined: records by reason.
        quarantined_bytes: bytes seen of them, by reason.
        skipped: records by kind of skip.
        documents: documents made; more than ``parsed`` when long texts were cut.
        bytes: their UTF-8 bytes.
        charsets: documents by charset, where one was told.
        lengths: documents by bin of ``LENGTH_EDGES``.
        damaged: files whose end could not be read, with why: more may be missing than was counted.
        samples: the documents with the smallest keyed hashes.
    """

    source: str
    stored_bytes: int = 0
    parsed: int = 0
    quarantined: Counter[str] = field(default_factory=Counter)
    quarantined_bytes: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    documents: int = 0
    bytes: int = 0
    charsets: Counter[str] = field(default_factory=Counter)
    lengths: list[int] = field(default_factory=lambda: [0] * (len(LENGTH_EDGES) - 1))
    damaged: list[list[str]] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)

    @property
    def bad(self) -> int:
        """Records in quarantine."""
        return self.quarantined.total()

    @property
    def read(self) -> int:
        """Records read: each is parsed, quarantined or a stated skip."""
        return self.parsed + self.bad + self.skipped.total()

    @property
    def bad_fraction(self) -> float:
        """Quarantined records, of those that could have been documents."""
        return self.bad / max(1, self.parsed + self.bad)

    def add_documents(self, documents: Iterable[Document], *, keep: int, seed: int) -> None:
        """Count a parsed record's documents, and keep those that are among the ``keep`` samples."""
        self.parsed += 1
        for document in documents:
            self.documents += 1
            self.bytes += document.bytes
            self.lengths[_bin(document.bytes)] += 1
            if document.charset is not None:
                self.charsets[document.charset] += 1
            key = xxhash.xxh3_64_hexdigest(document.row["id"].encode(), seed=seed)
            if keep and (len(self.samples) < keep or key < self.samples[-1]["key"]):
                self.samples.append(_sample(document, key))
                self._trim(keep)

    def add_unreadable(self, item: Unreadable, file: str) -> None:
        """Count what a quarantined record stands for."""
        self.quarantined[item.reason.value] += item.records
        self.quarantined_bytes[item.reason.value] += item.size
        if item.ends_file and len(self.damaged) < _DAMAGED_SHOWN:
            self.damaged.append([file, item.reason.value, item.detail])

    def add_skipped(self, item: Skipped) -> None:
        """Count a stated skip."""
        self.skipped[item.kind.value] += 1

    def merge(self, other: dict[str, Any], keep: int) -> None:
        """Add the counts that :meth:`dump` gave for another job of the same source."""
        self.stored_bytes += other["stored_bytes"]
        self.parsed += other["parsed"]
        self.documents += other["documents"]
        self.bytes += other["bytes"]
        for name in ("quarantined", "quarantined_bytes", "skipped", "charsets"):
            getattr(self, name).update(other[name])
        self.lengths = [mine + theirs for mine, theirs in zip(self.lengths, other["lengths"], strict=True)]
        self.damaged = sorted([*self.damaged, *other["damaged"]])
        self.samples.extend(other["samples"])
        self._trim(keep)

    def dump(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "source": self.source,
            "stored_bytes": self.stored_bytes,
            "parsed": self.parsed,
            "documents": self.documents,
            "bytes": self.bytes,
            "quarantined": dict(sorted(self.quarantined.items())),
            "quarantined_bytes": dict(sorted(self.quarantined_bytes.items())),
            "skipped": dict(sorted(self.skipped.items())),
            "charsets": dict(sorted(self.charsets.items())),
            "lengths": self.lengths,
            "damaged": self.damaged,
            "samples": self.samples,
        }

    def _trim(self, keep: int) -> None:
        self.samples = sorted(self.samples, key=lambda sample: (sample["key"], sample["id"]))[:keep]


def merge_tallies(dumps: Iterable[dict[str, Any]], keep: int) -> dict[str, Tally]:
    """Tallies of all jobs, summed by source, in the order of the sources' names."""
    totals: dict[str, Tally] = {}
    for dump in dumps:
        totals.setdefault(dump["source"], Tally(dump["source"])).merge(dump, keep)
    return dict(sorted(totals.items()))


def _bin(size: int) -> int:
    return min(max(0, size.bit_length() - 5), len(LENGTH_EDGES) - 2)


def _sample(document: Document, key: str) -> dict[str, Any]:
    return {
        "key": key,
        "id": document.row["id"],
        "text": document.row["text"][:_SAMPLE_CHARACTERS],
        "locator": document.locator,
        "url": document.row["url"],
        "bytes": document.bytes,
    }
