"""MinHash signatures of sets of shingles."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from datasketch import MinHash
from numpy.typing import NDArray

from bessemer.text.buffers import TextBuffer
from bessemer.text.compiled import kernel
from bessemer.text.ngrams import Ngrams
from bessemer.text.rolling import BLOCK, Shingling, begin, new_shingling, next_shingles, words_so_far
from bessemer.text.scan import at_end

EMPTY = np.uint32(0xFFFFFFFF)
_AT_ONCE = 8
"""Shingles whose maps are applied together: as many as there are registers for."""

Places = NDArray[np.uint32] | NDArray[np.uint64]
_FINALIZERS: dict[int, Places] = {
    32: np.array([16, 0x85EBCA6B, 13, 0xC2B2AE35, 16], np.uint32),
    64: np.array([33, 0xFF51AFD7ED558CCD, 33, 0xC4CEB9FE1A85EC53, 33], np.uint64),
}
"""Shift, factor, shift, factor, shift of MurmurHash3's finalizers (Appleby)."""


@dataclass(frozen=True)
class Permutations:
    """The affine maps ``h → a·h + b mod 2**bits`` of a signature.

    Attributes:
        a: shape (permutations,), uint32 (or uint64: 64 bits), odd.
        b: shape (permutations,), of the same type.
    """

    a: Places
    b: Places

    @property
    def empty(self) -> np.uint32 | np.uint64:
        """The largest number: every place of the signature of a document without words."""
        return self.a.dtype.type(np.iinfo(self.a.dtype).max)

    @property
    def finalizer(self) -> Places:
        """Shape (5,): constants of the bijection that is applied before the maps."""
        return _FINALIZERS[8 * self.a.dtype.itemsize]


def permutations(count: int, seed: int, bits: Literal[32, 64] = 32) -> Permutations:
    """The maps of ``datasketch.MinHash(num_perm=count, seed=seed, scheme="affine32")`` (or ``"affine64"``).

    Args:
        count: number of maps, at least 1.
        seed: of the random generator, below 2**32.
        bits: of a place. 32 suffice for sets of less than about 100 million shingles.
    """
    a, b = MinHash(num_perm=count, seed=seed, scheme=f"affine{bits}").permutations
    return Permutations(np.ascontiguousarray(a), np.ascontiguousarray(b))


@dataclass(frozen=True)
class Signed:
    """What signing finds of a batch of n documents.

    Attributes:
        signatures: shape (n, permutations), uint32 or uint64 as the maps; without words the largest number everywhere.
        words: shape (n,), int64: words.
        shingles: shape (n,), int64: places where a shingle starts, repeated shingles counted each time.
    """

    signatures: Places
    words: NDArray[np.int64]
    shingles: NDArray[np.int64]


def sign_texts(buffer: TextBuffer, shingle_words: int, maps: Permutations, *, block: int = BLOCK) -> Signed:
    """MinHash signatures of the word shingles of each document, straight from its bytes.

    Equal, bit for bit, to :func:`minhash_signatures` of :func:`bessemer.text.ngrams.ngrams_of` with
    ``whole_if_shorter``. Memory besides the result does not depend on how long documents are.

    Args:
        buffer: the documents.
        shingle_words: words in a shingle, at least 1; a document of fewer words is one shingle of all of them.
        maps: the affine maps, one for each place of a signature.
        block: words worked on at a time, at least 4; changes the speed only.
    """
    signatures = np.full((len(buffer), len(maps.a)), maps.empty, maps.a.dtype)
    words, shingles = np.zeros(len(buffer), np.int64), np.zeros(len(buffer), np.int64)
    work = new_shingling(shingle_words, block)
    mixed = np.empty(len(work.shingles) + _AT_ONCE, maps.a.dtype)
    _sign_texts(buffer.data, buffer.offsets, work, maps.a, maps.b, maps.finalizer, mixed, signatures, words, shingles)
    return Signed(signatures, words, shingles)


def minhash_signatures(shingles: Ngrams, maps: Permutations) -> Places:
    """MinHash signatures of a batch of documents.

    Equal, bit for bit, to ``datasketch.MinHash(scheme="affine32")`` updated with the low 32 bits of the shingle hashes
    (``"affine64"`` with all bits, if the maps have 64).

    Args:
        shingles: hashes of the shingles of all documents; repeated ones change nothing.
        maps: the affine maps, one for each place of a signature.

    Returns:
        Shape (documents, permutations), uint32 or uint64 as the maps. A document without shingles has ``maps.empty``
        everywhere (``EMPTY`` of 32 bits): no candidate.

    Source: Broder 1997, *On the resemblance and containment of documents*; the affine schemes are datasketch 2.0's.
    """
    signatures = np.full((len(shingles.offsets) - 1, len(maps.a)), maps.empty, maps.a.dtype)
    hashes, offsets = np.ascontiguousarray(shingles.hashes), np.ascontiguousarray(shingles.offsets)
    mixed = np.empty(BLOCK + _AT_ONCE, maps.a.dtype)
    _sign_shingles(hashes, offsets, maps.a, maps.b, maps.finalizer, mixed, signatures)
    return signatures


@kernel
def _sign_texts(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    work: Shingling,
    a: Places,
    b: Places,
    finalizer: Places,
    mixed: Places,
    signatures: Places,
    words: NDArray[np.int64],
    shingles: NDArray[np.int64],
) -> None:
    for document in range(len(words)):
        end = offsets[document + 1]
        begin(work, offsets[document])
        while not at_end(work.state, end):
            made = next_shingles(data, end, work)
            _lower(work.shingles, 0, made, a, b, finalizer, mixed, signatures[document])
            shingles[document] += made
        words[document] = words_so_far(work)


@kernel
def _sign_shingles(
    hashes: NDArray[np.uint64],
    offsets: NDArray[np.int64],
    a: Places,
    b: Places,
    finalizer: Places,
    mixed: Places,
    signatures: Places,
) -> None:
    for document in range(len(signatures)):
        for first in range(offsets[document], offsets[document + 1], BLOCK):
            last = min(first + BLOCK, offsets[document + 1])
            _lower(hashes, first, last, a, b, finalizer, mixed, signatures[document])


@kernel
def _lower(
    hashes: NDArray[np.uint64],
    first: int,
    last: int,
    a: Places,
    b: Places,
    finalizer: Places,
    mixed: Places,
    row: Places,
) -> None:
    """Lower each place of ``row`` to the smallest value of its map on ``hashes[first:last]``.

    The loop over places is the inner one, so that it becomes vector instructions without a reduction at the end, and
    takes several shingles at a time, so that a place is loaded and stored once for all of them.
    """
    if last <= first:
        return
    place = a.dtype.type
    for i in range(last - first):
        value = place(hashes[first + i])
        value = place(place(value ^ (value >> finalizer[0])) * finalizer[1])
        value = place(place(value ^ (value >> finalizer[2])) * finalizer[3])
        mixed[i] = place(value ^ (value >> finalizer[4]))
    for i in range(last - first, last - first + _AT_ONCE):
        mixed[i] = mixed[last - first - 1]  # one value more than once has the same minimum
    for i in range(0, last - first, _AT_ONCE):
        h0, h1, h2, h3 = mixed[i], mixed[i + 1], mixed[i + 2], mixed[i + 3]
        h4, h5, h6, h7 = mixed[i + 4], mixed[i + 5], mixed[i + 6], mixed[i + 7]
        for k in range(len(row)):
            p, q = a[k], b[k]
            left = min(place(h0 * p + q), place(h1 * p + q), place(h2 * p + q), place(h3 * p + q))
            right = min(place(h4 * p + q), place(h5 * p + q), place(h6 * p + q), place(h7 * p + q))
            row[k] = min(row[k], left, right)
