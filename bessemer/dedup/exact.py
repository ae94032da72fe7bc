"""Groups of documents whose normalised texts are the same."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ExactGroups:
    """Groups of n documents.

    Attributes:
        size: shape (n,), int32: documents in the group of each document, itself included.
        representative: shape (groups,), int64, ascending: the row with the smallest id of each group.
    """

    size: NDArray[np.int32]
    representative: NDArray[np.int64]

    @property
    def sizes(self) -> NDArray[np.int32]:
        """Shape (groups,), int32: documents of each group."""
        return self.size[self.representative]


def exact_groups(ids: NDArray[np.uint64], hashes: NDArray[np.uint64]) -> ExactGroups:
    """Group documents by the hash of their normalised text.

    Args:
        ids: shape (n, 2), distinct.
        hashes: shape (n, 2): of the normalised texts.

    Returns:
        Independent of the order of the documents, up to their rows.
    """
    size = np.ones(len(ids), np.int32)
    first = np.ones(len(ids), np.bool_)
    rows = _rows_that_share(hashes[:, 0])
    if len(rows):
        keys = (ids[rows, 1], ids[rows, 0], hashes[rows, 1], hashes[rows, 0])
        rows = rows[np.lexsort(keys)]
        ordered = hashes[rows]
        leads = np.concatenate(([True], (ordered[1:] != ordered[:-1]).any(axis=1)))
        starts = np.flatnonzero(leads)
        sizes = np.diff(np.append(starts, len(rows)))
        size[rows] = np.repeat(sizes, sizes)
        first[rows] = leads
    return ExactGroups(size, np.flatnonzero(first))


def _rows_that_share(values: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Rows whose value occurs more than once: only these need the full comparison."""
    order = np.argsort(values)
    ordered = values[order]
    same = ordered[1:] == ordered[:-1]
    return order[np.concatenate(([False], same)) | np.concatenate((same, [False]))] if len(order) else order
