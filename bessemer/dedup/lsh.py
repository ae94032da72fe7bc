"""Locality-sensitive hashing: which documents are worth comparing."""

from dataclasses import dataclass

import numpy as np
from datasketch import MinHashLSH
from numpy.typing import NDArray

from bessemer.errors import ConfigError
from bessemer.text.ngrams import mix

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Banding:
    """A signature is cut into ``bands`` of ``rows`` places; documents that agree in a whole band are candidates."""

    bands: int
    rows: int

    def recall(self, similarity: float) -> float:
        """Probability that a pair of this Jaccard similarity becomes a candidate: ``1 - (1 - s**rows)**bands``.

        Source: Leskovec, Rajaraman, Ullman, *Mining of Massive Datasets*, 3.4.2.
        """
        return float(1.0 - (1.0 - similarity**self.rows) ** self.bands)


@dataclass(frozen=True)
class Candidates:
    """Pairs to compare, and what the cap on large buckets cost.

    Attributes:
        pairs: shape (pairs, 2), int64, rows ``(i, j)`` with ``i < j``, distinct, sorted.
        buckets: buckets with at least two members, over all bands.
        capped_buckets: of these, how many had more members than the cap.
        largest_bucket: members of the largest.
        pairs_left_out: pairs within capped buckets that were not made, counted for each bucket.
    """

    pairs: NDArray[np.int64]
    buckets: int
    capped_buckets: int
    largest_bucket: int
    pairs_left_out: int


def choose_banding(threshold: float, permutations: int, false_negative_weight: float) -> Banding:
    """The bands and rows that datasketch's optimiser finds for a threshold.

    Args:
        threshold: Jaccard similarity from which on pairs are wanted.
        permutations: places of a signature.
        false_negative_weight: between 0 and 1; the rest weighs false positives.

    Raises:
        ConfigError: the best is a single band, which finds next to nothing.
    """
    weights = (1.0 - false_negative_weight, 1.0 - (1.0 - false_negative_weight))
    try:
        index = MinHashLSH(threshold=threshold, num_perm=permutations, weights=weights)
    except ValueError:
        raise ConfigError(
            f"{permutations} permutations cannot be banded for a floor of {threshold:g}; "
            "set dedup.bands and dedup.rows, or more dedup.permutations."
        ) from None
    return Banding(index.b, index.r)


def band_keys(signatures: NDArray[np.uint32], banding: Banding) -> NDArray[np.uint64]:
    """A 64-bit key for each band of each signature.

    Args:
        signatures: shape (documents, permutations), with at least bands · rows permutations.

    Returns:
        Shape (documents, bands), uint64. Two different bands share a key with a probability of about 2**-64; that
        costs a needless comparison, never a missed one.
    """
    used = signatures[:, : banding.bands * banding.rows].reshape(len(signatures), banding.bands, banding.rows)
    keys = np.zeros((len(signatures), banding.bands), np.uint64)
    for row in range(banding.rows):
        keys = mix(keys * _MULTIPLIER + used[:, :, row].astype(np.uint64) + np.uint64(row + 1))
    return keys


def candidate_pairs(keys: NDArray[np.uint64], cap: int) -> Candidates:
    """All pairs that agree in a band; a bucket larger than ``cap`` compares its members with its first ``cap`` only.

    Work and memory are at most ``bands · documents · cap`` pairs. The result depends on the order of the documents,
    which the caller fixes, only in which members of a capped bucket are first.

    Args:
        keys: shape (documents, bands), uint64.
        cap: at least 1.
    """
    found = np.empty((0, 2), np.int64)
    buckets = capped = largest = left_out = 0
    for band in range(keys.shape[1]):
        order = np.argsort(keys[:, band], kind="stable")
        ordered = keys[order, band]
        starts = (
            np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
            if len(ordered)
            else np.empty(0, np.int64)
        )
        sizes = np.diff(np.append(starts, len(ordered)))
        several = sizes > 1
        parts = [
            _pairs_of_bucket(order[start : start + size], cap)
            for start, size in zip(starts[several], sizes[several], strict=True)
        ]
        buckets += int(several.sum())
        capped += int((sizes > cap).sum())
        largest = max(largest, int(sizes.max(initial=0)))
        beyond = np.maximum(sizes - cap, 0)
        left_out += int((beyond * (beyond - 1) // 2).sum())
        found = _distinct(np.concatenate([found, *parts]))
    return Candidates(found, buckets, capped, largest if largest > 1 else 0, left_out)


def _pairs_of_bucket(members: NDArray[np.int64], cap: int) -> NDArray[np.int64]:
    """Pairs (first, later) of a bucket in ascending order, ``first`` among the first ``cap``."""
    size = len(members)
    firsts = min(cap, size - 1)
    first = np.repeat(np.arange(firsts), size)
    later = np.tile(np.arange(size), firsts)
    above = later > first
    return np.stack([members[first[above]], members[later[above]]], axis=1)


def _distinct(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    if not len(pairs):
        return pairs
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    ordered = pairs[order]
    new = np.concatenate(([True], (ordered[1:] != ordered[:-1]).any(axis=1)))
    return np.ascontiguousarray(ordered[new])
