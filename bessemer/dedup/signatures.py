"""What deduplication needs of each document, one row each, stored beside the documents.

Columns: ``id``, ``hash`` (xxh3-128 of the normalised text; 16 bytes each); ``words``, ``shingles`` (int32: places where
one starts) and one uint64 column per band of the MinHash signature, so that a band is read alone.
"""

import numpy as np
import pyarrow as pa

from bessemer.dedup.corpus import CORPUS_COLUMNS
from bessemer.dedup.lsh import Banding, band_keys
from bessemer.dedup.minhash import Permutations, sign_texts
from bessemer.identifiers import from_hex
from bessemer.text.buffers import TextBuffer
from bessemer.text.identities import text_hashes


def band_column(band: int) -> str:
    """Name of the column that holds the keys of a band; they follow ``CORPUS_COLUMNS``, band by band."""
    return f"band_{band:03d}"


def signature_table(documents: pa.Table, *, shingle_words: int, maps: Permutations, banding: Banding) -> pa.Table:
    """The rows of a batch of documents.

    Args:
        documents: columns ``id`` and ``text``.
        shingle_words: words in a shingle.
        maps: hash functions of the signature.
        banding: how signatures are cut.
    """
    buffer = TextBuffer.of_column(documents.column("text"))
    signed = sign_texts(buffer, shingle_words, maps)
    keys = band_keys(signed.signatures, banding)
    numbers = (
        fixed_bytes(from_hex(documents.column("id")).astype(">u8").view(np.uint8)),
        fixed_bytes(text_hashes(buffer)),
        pa.array(signed.words.astype(np.int32)),
        pa.array(signed.shingles.astype(np.int32)),
    )
    bands = {band_column(band): pa.array(np.ascontiguousarray(keys[:, band])) for band in range(banding.bands)}
    return pa.table(dict(zip(CORPUS_COLUMNS, numbers, strict=True)) | bands)


def fixed_bytes(values: "np.typing.NDArray[np.uint8]") -> pa.FixedSizeBinaryArray:
    """Rows of bytes, shape (n, width), as an Arrow column."""
    buffers = [None, pa.py_buffer(np.ascontiguousarray(values))]
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(values.shape[1]), len(values), buffers)
