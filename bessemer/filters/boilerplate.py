"""N-grams of evaluation items that many documents have for another reason: licences, notices, navigation, proverbs.

Brown et al. (2020, appendix C) ignore every 13-gram that more than 10 documents have. But a question that is copied all
over the web is in many documents too, and is what one looks for. So only documents count that have a small part of
every item with the n-gram: whoever has most of an item has the item.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bessemer.filters.contamination import Index, hits_of, owners_of

HELD = 0.5
"""A document with at least this share of an item's n-grams has the item."""


@dataclass(frozen=True)
class Sightings:
    """N-grams of the index in a batch of documents.

    Attributes:
        rows: documents with any hit, ascending.
        hashes: uint64, ascending: n-grams that documents without the item have.
        documents: int64: how many such documents.
    """

    rows: list[int]
    hashes: NDArray[np.uint64]
    documents: NDArray[np.int64]


def sightings(texts: Sequence[str], index: Index) -> Sightings:
    """Which documents have hits, and how many have each n-gram without most of an item with it."""
    rows, seen = [], [np.empty(0, np.uint64)]
    for hits in hits_of(texts, index):
        rows.append(hits.document)
        distinct = np.unique(hits.ngrams)
        gram, owners = owners_of(distinct, index)
        items, owner, counts = np.unique(owners, return_inverse=True, return_counts=True)
        held = (counts / index.sizes[items] >= HELD)[owner]
        seen.append(np.delete(distinct, gram[held]))
    hashes, documents = np.unique(np.concatenate(seen), return_counts=True)
    return Sightings(rows, hashes, documents.astype(np.int64))


def common_ngrams(parts: Iterable[Sightings], most_documents: int) -> NDArray[np.uint64]:
    """N-grams that more than ``most_documents`` of all documents have, ascending.

    Args:
        parts: sightings in every batch, made with one index.
        most_documents: that may share an n-gram with an item by chance or quotation.
    """
    listed = list(parts)
    if not listed:
        return np.empty(0, np.uint64)
    hashes, place = np.unique(np.concatenate([part.hashes for part in listed]), return_inverse=True)
    totals = np.bincount(place, np.concatenate([part.documents for part in listed]), len(hashes))
    return hashes[totals > most_documents]
