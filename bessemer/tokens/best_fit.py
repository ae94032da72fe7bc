"""Best-fit packing: documents into bins of equal size, so that only documents longer than a bin are cut.

Source: Ding et al. 2024, "Fewer Truncations Improve Language Modeling": a long document is cut to full bins and a
rest, and every piece goes, longest first, into the open bin in which it leaves the least room.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bessemer.text.compiled import kernel


def pieces_of(
    starts: NDArray[np.int64], lengths: NDArray[np.int64], size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cut documents to pieces of at most ``size`` tokens: full ones, then the rest.

    Args:
        starts: shape (n,): position of each document.
        lengths: shape (n,): its tokens.
        size: of a bin.

    Returns:
        Positions and lengths of the pieces, both shape (m,), int64, in the order of documents.
    """
    counts = -(-lengths // size)
    ends = np.cumsum(counts)
    within = (np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)) * size
    return np.repeat(starts, counts) + within, np.minimum(np.repeat(lengths, counts) - within, size)


def best_fit(lengths: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """The bin of each piece, by best fit decreasing; of pieces of equal length the earlier comes first.

    Takes O(n log size) steps: a tree over the room that is left tells the fullest open bin that has enough.

    Args:
        lengths: shape (n,), each in 1 … ``size``.
        size: of a bin.

    Returns:
        Shape (n,), int64: bins from 0, in the order in which they were opened.
    """
    order = np.argsort(-lengths, kind="stable")
    bins = np.empty(len(lengths), dtype=np.int64)
    _place(lengths[order], size, 1 << size.bit_length(), bins)
    placed = np.empty_like(bins)
    placed[order] = bins
    return placed


@kernel
def _place(lengths: NDArray[np.int64], size: int, leaves: int, bins: NDArray[np.int64]) -> None:
    """Leaf ``leaves + room`` of the tree counts the open bins with that room; bins of equal room form a list."""
    tree = np.zeros(2 * leaves, dtype=np.int64)
    newest = np.full(size + 1, -1, dtype=np.int64)
    older = np.full(len(lengths), -1, dtype=np.int64)
    opened = 0
    for piece in range(len(lengths)):
        length = lengths[piece]
        node = leaves + length
        if tree[node] == 0:
            while node > 1 and (node & 1 or tree[node + 1] == 0):
                node >>= 1
            node = node + 1 if node > 1 else 0
            while 0 < node < leaves:
                node = 2 * node if tree[2 * node] else 2 * node + 1
        if node:
            room = node - leaves
            chosen = newest[room]
            newest[room] = older[chosen]
            while node:
                tree[node] -= 1
                node >>= 1
        else:
            room, chosen = size, opened
            opened += 1
        bins[piece] = chosen
        left = room - length
        if left:
            older[chosen] = newest[left]
            newest[left] = chosen
            node = leaves + left
            while node:
                tree[node] += 1
                node >>= 1
