"""Groups of documents whose normalised texts are the same."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ExactGroups:
    """Groups of n documents.

    Attributes:
        size: shape (n,), int64: documents in the group of each document, itself included.
        representative: shape (groups,), int64: the document with the smallest id of each group, by ascending id.
        sizes: shape (groups,), int64: documents of each group.
    """

    size: NDArray[np.int64]
    representative: NDArray[np.int64]
    sizes: NDArray[np.int64]


def exact_groups(ids: NDArray[np.bytes_], hashes: NDArray[np.bytes_]) -> ExactGroups:
    """Group documents by the hash of their normalised text.

    Args:
        ids: shape (n,), fixed-size bytes, distinct: 32 hex digits.
        hashes: shape (n,), fixed-size bytes: of the normalised texts.

    Returns:
        Independent of the order of the documents, up to their positions.
    """
    if not len(ids):
        empty = np.empty(0, np.int64)
        return ExactGroups(empty, empty, empty)
    order = np.lexsort((ids, hashes))
    ordered = hashes[order]
    first = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    sizes = np.diff(np.append(first, len(ordered)))
    size = np.empty(len(ids), np.int64)
    size[order] = np.repeat(sizes, sizes)
    leaders = order[first]
    by_id = np.argsort(ids[leaders], kind="stable")
    return ExactGroups(size, leaders[by_id], sizes[by_id])
