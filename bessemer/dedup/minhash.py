"""MinHash signatures of sets of shingles."""

from dataclasses import dataclass

import numpy as np
from datasketch import MinHash
from numpy.typing import NDArray

from bessemer.text.ngrams import Ngrams

EMPTY = np.uint32(0xFFFFFFFF)
_BLOCK = 512


@dataclass(frozen=True)
class Permutations:
    """The affine maps ``h → a·h + b mod 2**32`` of a signature.

    Attributes:
        a: shape (permutations,), uint32, odd.
        b: shape (permutations,), uint32.
    """

    a: NDArray[np.uint32]
    b: NDArray[np.uint32]


def permutations(count: int, seed: int) -> Permutations:
    """The maps of ``datasketch.MinHash(num_perm=count, seed=seed, scheme="affine32")``.

    Args:
        count: number of maps, at least 1.
        seed: of the random generator, below 2**32.
    """
    a, b = MinHash(num_perm=count, seed=seed, scheme="affine32").permutations
    return Permutations(a, b)


def minhash_signatures(shingles: Ngrams, maps: Permutations) -> NDArray[np.uint32]:
    """MinHash signatures of a batch of documents.

    Equal, bit for bit, to ``datasketch.MinHash(scheme="affine32")`` updated with the low 32 bits of the shingle hashes.

    Args:
        shingles: hashes of the shingles of all documents; repeated ones change nothing.
        maps: the affine maps, one for each place of a signature.

    Returns:
        Shape (documents, permutations), uint32. A document without shingles has ``EMPTY`` everywhere: no candidate.

    Source: Broder 1997, *On the resemblance and containment of documents*; the affine scheme is datasketch 2.0's.
    """
    count = len(shingles.offsets) - 1
    signatures = np.full((count, len(maps.a)), EMPTY, np.uint32)
    mixed = _mix32(shingles.hashes.astype(np.uint32))
    for document in range(count):
        start, end = shingles.offsets[document], shingles.offsets[document + 1]
        row = signatures[document]
        for first in range(start, end, _BLOCK):
            block = mixed[first : min(first + _BLOCK, end), None]
            np.minimum(row, (block * maps.a + maps.b).min(axis=0), out=row)
    return signatures


def _mix32(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The 32-bit finalizer of MurmurHash3 (Appleby), which datasketch applies before the affine maps."""
    values = (values ^ (values >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    values = (values ^ (values >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return values ^ (values >> np.uint32(16))
