"""Locality-sensitive hashing: signatures are cut into bands; documents that agree in a whole band are compared."""

from dataclasses import dataclass

import numpy as np
from datasketch import MinHashLSH
from numpy.typing import NDArray

from bessemer.config.dedup import DedupParams
from bessemer.errors import ConfigError
from bessemer.text.compiled import kernel

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


def banding_for(params: DedupParams) -> Banding:
    """Bands and rows as given, or those that fit ``floor`` best."""
    if params.bands is not None and params.rows is not None:
        return Banding(params.bands, params.rows)
    return choose_banding(params.floor, params.permutations, params.false_negative_weight)


def band_keys(signatures: NDArray[np.uint32] | NDArray[np.uint64], banding: Banding) -> NDArray[np.uint64]:
    """A 64-bit key for each band of each signature.

    Args:
        signatures: shape (documents, permutations), with at least bands · rows permutations.
        banding: how they are cut.

    Returns:
        Shape (documents, bands), uint64. Two different bands share a key with a probability of about 2**-64; that
        costs a needless comparison, never a missed one.
    """
    keys = np.empty((len(signatures), banding.bands), np.uint64)
    _fill_keys(np.ascontiguousarray(signatures), banding.rows, keys)
    return keys


@kernel
def _fill_keys(signatures: NDArray[np.uint64], rows: int, keys: NDArray[np.uint64]) -> None:
    for document in range(keys.shape[0]):
        for band in range(keys.shape[1]):
            key = np.uint64(0)
            for row in range(rows):
                place = signatures[document, band * rows + row]
                key = key * _MULTIPLIER + np.uint64(place) + np.uint64(row + 1)
                key = (key ^ (key >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
                key = (key ^ (key >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
                key ^= key >> np.uint64(33)
            keys[document, band] = key
