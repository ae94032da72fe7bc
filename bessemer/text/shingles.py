"""Shingles of a batch of documents, straight from its bytes."""

import numpy as np
from numpy.typing import NDArray

from bessemer.text.buffers import TextBuffer
from bessemer.text.compiled import kernel
from bessemer.text.ngrams import Ngrams
from bessemer.text.rolling import Shingling, begin, new_shingling, next_shingles
from bessemer.text.scan import at_end, most_words


def shingles_of(buffer: TextBuffer, shingle_words: int) -> Ngrams:
    """Shingle hashes of each document in reading order; a document of fewer words is one shingle of all of them.

    Equal to :func:`bessemer.text.ngrams.ngrams_of` with ``whole_if_shorter``. Memory is 8 bytes a word, twice while the
    result is cut to its size.

    Args:
        buffer: the documents.
        shingle_words: words in a shingle, at least 1.
    """
    hashes, offsets = np.empty(most_words(buffer), np.uint64), np.zeros(len(buffer) + 1, np.int64)
    _write_shingles(buffer.data, buffer.offsets, new_shingling(shingle_words), hashes, offsets)
    return Ngrams(hashes[: offsets[-1]].copy(), offsets)


@kernel
def _write_shingles(
    data: NDArray[np.uint8],
    bounds: NDArray[np.int64],
    work: Shingling,
    hashes: NDArray[np.uint64],
    offsets: NDArray[np.int64],
) -> None:
    count = 0
    for document in range(len(bounds) - 1):
        begin(work, bounds[document])
        while not at_end(work.state, bounds[document + 1]):
            made = next_shingles(data, bounds[document + 1], work)
            hashes[count : count + made] = work.shingles[:made]
            count += made
        offsets[document + 1] = count
