"""How many documents each way of packing cuts, of documents that are at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from bessemer.tokens.best_fit import best_fit, pieces_of
from bessemer.tokens.packed import Documents, groups


@dataclass(frozen=True)
class Cuts:
    """Counts of documents and tokens.

    Attributes:
        documents: all of them.
        longer: those with more tokens than a sample has positions, which no packing can keep whole.
        stream: those that stream packing cuts.
        best_fit: those that best-fit packing cuts, which are the longer ones.
        tokens: of all documents.
        positions: of all samples of best-fit packing; what ``tokens`` does not fill is padding.
    """

    documents: int
    longer: int
    stream: int
    best_fit: int
    tokens: int
    positions: int

    def facts(self) -> dict[str, int]:
        """For a report."""
        return asdict(self)


def count_cuts(streams: Sequence[tuple[Documents, int]], size: int) -> Cuts:
    """Count for samples of ``size`` positions.

    Args:
        streams: documents that are packed together, each with the number of tokens at its beginning that are never
            predicted (1 where the first token has none before it).
        size: positions of a sample.
    """
    totals = np.zeros(5, dtype=np.int64)
    for documents, skipped in streams:
        position = -skipped
        for _, lengths in groups(documents, size):
            begins = np.maximum(position + np.cumsum(lengths) - lengths, 0)
            position += int(lengths.sum())
            ends = position - int(lengths.sum()) + np.cumsum(lengths)
            cut = np.count_nonzero(begins // size < (ends - 1) // size)
            bins = best_fit(pieces_of(begins, lengths, size)[1], size)
            longer = np.count_nonzero(lengths > size)
            totals += [len(lengths), longer, cut, lengths.sum(), (bins.max() + 1 if len(bins) else 0) * size]
    count, whole, across, tokens, positions = totals.tolist()
    return Cuts(count, whole, across, whole, tokens, positions)
