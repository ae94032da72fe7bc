"""Who keeps a line or paragraph that several documents have: the walk from the best document to the worst."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bessemer.text.compiled import kernel


@dataclass(frozen=True)
class Holders:
    """n documents that have m repeated parts between them.

    Attributes:
        order: shape (n,), int64: the documents from best to worst.
        bounds: shape (n + 1,), int64: parts of document ``i`` are ``bounds[i]`` to ``bounds[i + 1]``.
        part: shape (m,), int64: which part each is, below the number of distinct ones.
        size: shape (m,), int64: bytes of each.
        words: shape (m,), int64: words of each.
        document_bytes: shape (n,), int64: of the whole text.
        document_words: shape (n,), int64: of the whole text.
        needed: shape (n,), bool: the document stands for duplicates, so it may not be dropped.
    """

    order: NDArray[np.int64]
    bounds: NDArray[np.int64]
    part: NDArray[np.int64]
    size: NDArray[np.int64]
    words: NDArray[np.int64]
    document_bytes: NDArray[np.int64]
    document_words: NDArray[np.int64]
    needed: NDArray[np.bool_]


@dataclass(frozen=True)
class Cuts:
    """The outcome.

    Attributes:
        cut: shape (m,), bool: the part is taken out of its document.
        fractions: shape (n,), float64: share of the document's bytes that it would lose.
        left: shape (n,), int64: words that it would keep.
        dropped: shape (n,), bool: it would lose too much, and nothing is cut out of it.
    """

    cut: NDArray[np.bool_]
    fractions: NDArray[np.float64]
    left: NDArray[np.int64]
    dropped: NDArray[np.bool_]


def choose_keepers(holders: Holders, copies: int, limit: float, fewest_words: int) -> Cuts:
    """Each document loses the parts that ``copies`` documents before it keep.

    One that would lose more than ``limit`` of its bytes, or keep fewer than ``fewest_words`` words, is dropped and
    keeps no part from others; if it is needed, it stays whole. What a document repeats within itself counts once.
    """
    count, distinct = len(holders.order), int(holders.part.max(initial=-1)) + 1
    cut, fractions = np.zeros(len(holders.part), np.bool_), np.zeros(count)
    left, dropped = np.zeros(count, np.int64), np.zeros(count, np.bool_)
    _walk(
        (holders.order, holders.bounds, holders.part, holders.size, holders.words),
        (holders.document_bytes, holders.document_words, holders.needed),
        copies,
        limit,
        fewest_words,
        np.zeros(distinct, np.int64),
        np.full(distinct, -1, np.int64),
        cut,
        fractions,
        left,
        dropped,
    )
    return Cuts(cut, fractions, left, dropped)


@kernel
def _walk(
    parts: tuple[NDArray[np.int64], ...],
    documents: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]],
    copies: int,
    limit: float,
    fewest_words: int,
    holders: NDArray[np.int64],
    latest: NDArray[np.int64],
    cut: NDArray[np.bool_],
    fractions: NDArray[np.float64],
    left: NDArray[np.int64],
    dropped: NDArray[np.bool_],
) -> None:
    """``holders`` counts, for each distinct part, the documents walked that have it; ``latest`` is the last of them."""
    order, bounds, part, size, words = parts
    document_bytes, document_words, needed = documents
    for document in order:
        lost = 0
        left[document] = document_words[document]
        for place in range(bounds[document], bounds[document + 1]):
            if latest[part[place]] != document:
                latest[part[place]] = document
                holders[part[place]] += 1
            if holders[part[place]] > copies:
                cut[place] = True
                lost += size[place]
                left[document] -= words[place]
        fractions[document] = lost / max(document_bytes[document], 1)
        if lost == 0 or (fractions[document] <= limit and left[document] >= fewest_words):
            continue
        cut[bounds[document] : bounds[document + 1]] = False
        if needed[document]:
            continue
        dropped[document] = True
        for place in range(bounds[document], bounds[document + 1]):
            if latest[part[place]] == document:
                latest[part[place]] = -1
                holders[part[place]] -= 1
