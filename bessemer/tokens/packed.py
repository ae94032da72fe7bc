"""Best-fit packing of a stream of documents: its samples, in an index that is made once and mapped.

Documents are packed in groups that follow each other in the global order, so that memory is bounded. The index takes
16 bytes a piece and 8 a sample on disk.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bessemer.tokens.best_fit import best_fit, pieces_of
from bessemer.tokens.by_source import append, install, mapped
from bessemer.tokens.spans import SPAN, Spans
from bessemer.tokens.stream import TokenStream

GROUP = 1 << 18
"""Documents that are packed together, at most; a group that has more than twice as many pieces is halved."""


class Documents(Protocol):
    """Documents in an order, numbered from 0; ``count`` of them."""

    count: int

    def part(self, first: int, last: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Positions in the stream and lengths of the documents ``first`` to ``last - 1``."""
        ...


class AllDocuments:
    """The documents of a stream, in the global order."""

    def __init__(self, stream: TokenStream) -> None:
        """Every document of ``stream``."""
        self._stream = stream
        self.count = stream.documents

    def part(self, first: int, last: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """See :class:`Documents`."""
        starts = self._stream.starts(first, last)
        end = self._stream.total_tokens if last == self.count else int(self._stream.starts(last, last + 1)[0])
        return starts, np.diff(starts, append=end)


class PackedSamples:
    """A layout whose samples are the bins of :func:`pack`: whole documents, a few cut ones, and padding."""

    padded = True

    def __init__(self, home: Path) -> None:
        """Map an index."""
        self._ends = mapped(home / "ends")
        self._starts = mapped(home / "starts")
        self._lengths = mapped(home / "lengths")
        self.count = len(self._ends)

    def spans(self, samples: NDArray[np.int64]) -> Spans:
        """One span for each piece, one after another."""
        first, last = self._begins(samples), self._ends[samples]
        counts = last - first
        ends = np.cumsum(counts)
        spans = np.zeros(ends[-1] if len(ends) else 0, dtype=SPAN)
        spans["sample"] = np.repeat(np.arange(len(samples)), counts)
        spans["document"] = np.arange(len(spans)) - np.repeat(ends - counts, counts)
        pieces = np.repeat(first, counts) + spans["document"]
        spans["start"], spans["length"] = self._starts[pieces], self._lengths[pieces]
        before = np.cumsum(spans["length"]) - spans["length"]
        spans["column"] = before - np.repeat(before[ends - counts], counts)
        return spans

    def predicted(self, samples: NDArray[np.int64]) -> int:
        """Tokens of all pieces."""
        return int(self.spans(samples)["length"].sum())

    def _begins(self, samples: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.where(samples > 0, self._ends[np.maximum(samples, 1) - 1], 0)


def open_packed(documents: Documents, size: int, home: Path) -> PackedSamples:
    """The packed samples of some documents; the index is made if it is not in ``home``.

    Several processes may call it at once: each makes the same bytes, and the first to finish is read by all.

    Args:
        documents: at least one.
        size: positions of a sample.
        home: folder of the index; its name must tell the documents and the size.
    """
    if not home.exists():
        partial = home.with_name(f".{home.name}.{os.getpid()}")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        done = 0
        for ends, starts, lengths in pack(documents, size):
            append(partial / "ends", ends + done)
            append(partial / "starts", starts)
            append(partial / "lengths", lengths)
            done += len(starts)
        install(partial, home)
    return PackedSamples(home)


def pack(documents: Documents, size: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    """Pack all documents, a group at a time.

    Yields:
        ``ends`` (b,): where the pieces of each bin end; ``starts`` and ``lengths`` (m,): position and tokens of each
        piece, in the order of bins, in a bin the longest first. All int64.
    """
    for starts, lengths in groups(documents, size):
        places, tokens = pieces_of(starts, lengths, size)
        if not len(tokens):
            continue
        bins = best_fit(tokens, size)
        order = np.lexsort((-tokens, bins))
        yield np.cumsum(np.bincount(bins)), places[order], tokens[order]


def groups(documents: Documents, size: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Positions and lengths of documents that are packed together."""
    first = 0
    while first < documents.count:
        starts, lengths = documents.part(first, min(first + GROUP, documents.count))
        while len(lengths) > 1 and (-(-lengths // size)).sum() > 2 * GROUP:
            starts, lengths = starts[: len(starts) // 2], lengths[: len(lengths) // 2]
        first += len(lengths)
        yield starts, lengths
