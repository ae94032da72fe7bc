"""What deduplication needs of each document, one row each, stored beside the documents.

Columns: ``id``; ``hash`` (xxh3-128 of the normalised text, 32 hex digits); ``words`` (int32); ``shingles`` (int32:
places where one starts); ``signature`` (little-endian uint32: ``datasketch.MinHash.hashvalues``, scheme affine32).
"""

from collections.abc import Sequence
from typing import cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bessemer.dedup.minhash import minhash_signatures, permutations
from bessemer.text.ngrams import Ngrams, ngrams_of
from bessemer.text.normalize import text_hash
from bessemer.text.words import words_of


def shingles_of(texts: Sequence[str], shingle_words: int) -> Ngrams:
    """Hashes of the word shingles of each text; a text of fewer words is one shingle of all of them."""
    return ngrams_of(words_of(texts), shingle_words, whole_if_shorter=True)


def shingle_sets(texts: Sequence[str], shingle_words: int) -> list[NDArray[np.uint64]]:
    """The distinct shingle hashes of each text, sorted."""
    shingles = shingles_of(texts, shingle_words)
    return [np.unique(shingles.of(document)) for document in range(len(texts))]


def signature_table(
    ids: "pa.ChunkedArray[pa.StringScalar]", texts: Sequence[str], *, shingle_words: int, count: int, seed: int
) -> pa.Table:
    """The rows of a batch of documents.

    Args:
        ids: of the documents.
        texts: their texts, in the same order.
        shingle_words: words in a shingle.
        count: places of a signature.
        seed: of the hash functions.
    """
    words = words_of(texts)
    shingles = ngrams_of(words, shingle_words, whole_if_shorter=True)
    signatures = minhash_signatures(shingles, permutations(count, seed)).astype("<u4", copy=False)
    width = pa.binary(4 * count)
    stored = pa.FixedSizeBinaryArray.from_buffers(width, len(texts), [None, pa.py_buffer(signatures.tobytes())])
    return pa.table(
        {
            "id": ids,
            "hash": pa.array([text_hash(text) for text in texts], pa.string()),
            "words": pa.array(words.counts, pa.int32()),
            "shingles": pa.array(np.diff(shingles.offsets), pa.int32()),
            "signature": stored,
        }
    )


def signatures_from(column: "pa.ChunkedArray[pa.FixedSizeBinaryScalar]") -> NDArray[np.uint32]:
    """The signatures of a column of :func:`signature_table`: shape (documents, places), uint32."""
    width = column.type.byte_width // 4
    values = b"".join(cast(list[bytes], column.to_pylist()))
    return np.frombuffer(values, "<u4").reshape(len(column), width)
