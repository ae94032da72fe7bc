"""Validation wins: which training documents repeat text that is held out.

Two rules. A document whose similarity to a held-out one was verified by ``dedup`` is a near duplicate. A document that
shares word n-grams with held-out ones overlaps by the larger of two shares: of its own n-grams, found anywhere in
validation (a chapter of a held-out book), and of one held-out document's n-grams, found in it (a book around a
held-out chapter).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xxhash
from numpy.typing import NDArray

from bessemer.shards import write_bytes
from bessemer.text.buffers import TextBuffer
from bessemer.text.ngrams import Ngrams
from bessemer.text.shingles import shingles_of

NGRAM = 13
"""Words in an n-gram: long enough to be no accident (Brown et al. 2020 chose 13 for the same purpose)."""


@dataclass(frozen=True)
class ValidationIndex:
    """The n-grams of all held-out documents.

    Attributes:
        ids: shape (v,), fixed-size bytes, ascending: the held-out documents.
        sizes: shape (v,), int64: distinct n-grams of each.
        grams: shape (g,), uint64, ascending and distinct.
        offsets: shape (g + 1,), int64: the holders of ``grams[i]`` are ``holders[offsets[i]:offsets[i + 1]]``.
        holders: int32 numbers of held-out documents.
    """

    ids: NDArray[np.bytes_]
    sizes: NDArray[np.int64]
    grams: NDArray[np.uint64]
    offsets: NDArray[np.int64]
    holders: NDArray[np.int32]

    @property
    def digest(self) -> str:
        """xxh3-128 of the content, in hex."""
        digest = xxhash.xxh3_128()
        for array in (self.ids, self.grams, self.offsets, self.holders):
            digest.update(array.tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class Overlap:
    """How much one document shares with validation; ``evidence`` is the held-out document that shares the most."""

    share: float
    reverse_share: float
    evidence: str | None

    @property
    def value(self) -> float:
        """The larger of the two shares."""
        return max(self.share, self.reverse_share)


def text_ngrams(texts: Iterable[str]) -> Ngrams:
    """The n-grams of each text; a text with fewer words is one n-gram."""
    return shingles_of(TextBuffer.of_texts(texts), NGRAM)


def build_index(ids: Sequence[str], texts: Sequence[str]) -> ValidationIndex:
    """Index held-out documents. The result does not depend on their order."""
    order = sorted(range(len(ids)), key=lambda number: ids[number])
    ngrams = text_ngrams(texts[number] for number in order)
    sets = [np.unique(ngrams.of(number)) for number in range(len(order))]
    sizes = np.array([len(grams) for grams in sets], dtype=np.int64)
    everything = np.concatenate([*sets, np.empty(0, dtype=np.uint64)])
    holders = np.repeat(np.arange(len(order), dtype=np.int32), sizes)
    by_gram = np.argsort(everything, kind="stable")
    grams, counts = np.unique(everything, return_counts=True)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    names = np.array([ids[number] for number in order], dtype="S32")
    return ValidationIndex(names, sizes, grams, offsets, holders[by_gram])


def overlaps(index: ValidationIndex, texts: Sequence[str]) -> list[Overlap]:
    """How much each text shares with validation."""
    ngrams = text_ngrams(texts)
    return [_overlap(index, np.unique(ngrams.of(number))) for number in range(len(texts))]


def _overlap(index: ValidationIndex, grams: NDArray[np.uint64]) -> Overlap:
    if not len(grams) or not len(index.grams):
        return Overlap(0.0, 0.0, None)
    places = np.minimum(np.searchsorted(index.grams, grams), len(index.grams) - 1)
    found = places[index.grams[places] == grams]
    if not len(found):
        return Overlap(0.0, 0.0, None)
    counts = index.offsets[found + 1] - index.offsets[found]
    starts = np.repeat(index.offsets[found] - (np.cumsum(counts) - counts), counts)
    shared = np.bincount(index.holders[starts + np.arange(len(starts))], minlength=len(index.ids))
    share, reverse = len(found) / len(grams), shared / np.maximum(index.sizes, 1)
    evidence = int(np.argmax(np.maximum(reverse, shared / len(grams))))
    return Overlap(share, float(reverse.max()), index.ids[evidence].decode())


def near_duplicates(
    held_out: Iterable[str],
    representatives: Mapping[str, str],
    pairs: Iterable[tuple[str, str, float]],
    similarity: float,
) -> dict[str, tuple[str, float]]:
    """Representatives that are verified similar to a held-out document.

    Args:
        held_out: ids of validation documents.
        representatives: id to representative, for every document whose normalised text is not its own alone.
        pairs: two representatives and their true Jaccard similarity.
        similarity: pairs below it do not count.

    Returns:
        Representative to the held-out id that it is most similar to (the smallest of equals), and the similarity; the
        representatives of held-out documents themselves with 1.
    """
    owners: dict[str, str] = {}
    for name in sorted(held_out, reverse=True):
        owners[representatives.get(name, name)] = name
    found = {representative: (name, 1.0) for representative, name in owners.items()}
    for first, second, value in pairs:
        if value < similarity:
            continue
        for inside, outside in ((first, second), (second, first)):
            if inside in owners:
                candidate = (owners[inside], value)
                known = found.get(outside)
                if known is None or (value, known[0]) > (known[1], candidate[0]):
                    found[outside] = candidate
    return found


def write_index(path: Path, index: ValidationIndex) -> None:
    """Write an index for :func:`read_index`, atomically."""
    arrays = (index.ids, index.sizes, index.grams, index.offsets, index.holders)
    header = np.array([len(index.ids), len(index.grams), len(index.holders)], dtype="<i8")
    write_bytes(path, b"".join(array.tobytes() for array in (header, *arrays)))


def read_index(path: Path) -> ValidationIndex:
    """Map an index that :func:`write_index` wrote: processes on one machine share its memory."""
    data = np.memmap(path, dtype=np.uint8, mode="r")
    documents, grams, holders = data[:24].view("<i8").tolist()
    parts = [("S32", documents), ("<i8", documents), ("<u8", grams), ("<i8", grams + 1), ("<i4", holders)]
    arrays, start = [], 24
    for kind, count in parts:
        stop = start + np.dtype(kind).itemsize * count
        arrays.append(data[start:stop].view(kind))
        start = stop
    return ValidationIndex(*arrays)
