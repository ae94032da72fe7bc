"""True Jaccard similarity of candidate pairs: MinHash finds, this decides."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def jaccard(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> float:
    """Shared elements over all elements of two sets; two empty sets share nothing (0).

    Args:
        a: distinct hashes, sorted.
        b: likewise.
    """
    if not len(a) or not len(b):
        return 0.0
    longer, shorter = (a, b) if len(a) >= len(b) else (b, a)
    places = np.minimum(np.searchsorted(longer, shorter), len(longer) - 1)
    shared = int((longer[places] == shorter).sum())
    return shared / (len(a) + len(b) - shared)


def similarities(pairs: NDArray[np.int64], sets: Mapping[int, NDArray[np.uint64]], floor: float) -> NDArray[np.float64]:
    """Jaccard similarity of each pair; where the sizes alone rule out ``floor``, 0 without looking.

    Args:
        pairs: shape (pairs, 2): keys of ``sets``.
        sets: distinct hashes, sorted, of each document.
        floor: similarities below it may be returned as 0.

    Returns:
        Shape (pairs,), float64.
    """
    result = np.zeros(len(pairs), np.float64)
    for place, (i, j) in enumerate(pairs):
        a, b = sets[int(i)], sets[int(j)]
        if min(len(a), len(b)) >= floor * max(len(a), len(b)) - 1e-6:
            result[place] = jaccard(a, b)
    return result
