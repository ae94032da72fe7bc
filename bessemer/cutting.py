"""Cutting lines or paragraphs out of texts."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_LINE_ENDS, _WHITE_SPACE = b"\r\n", b" \t\r\n"


@dataclass(frozen=True)
class Cut:
    """A batch of n texts after cutting.

    Attributes:
        text: large_string, same length and order as given.
        removed: shape (n,), int64: UTF-8 bytes taken out, with line ends left at the beginning and white
            space at the end.
        found: shape (n,), int64: parts taken out.
    """

    text: "pa.ChunkedArray[Any]"
    removed: NDArray[np.int64]
    found: NDArray[np.int64]


def cut_parts(
    texts: "pa.ChunkedArray[Any]", rows: NDArray[np.int64], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> Cut:
    """Take parts out of texts.

    Args:
        texts: large_string, no nulls.
        rows: ascending: the text of each part.
        starts, ends: its bytes, which begin and end between characters; ascending and apart in a row.
    """
    found = np.bincount(rows, minlength=len(texts)).astype(np.int64)
    removed = np.zeros(len(texts), np.int64)
    if not len(rows):
        return Cut(texts, removed, found)
    shortened = []
    for row in np.flatnonzero(found).tolist():
        text = texts[row].as_py().encode()
        first, last = np.searchsorted(rows, (row, row + 1)).tolist()
        borders = [0, *np.stack((starts[first:last], ends[first:last]), axis=1).ravel().tolist(), len(text)]
        kept = b"".join(text[borders[i] : borders[i + 1]] for i in range(0, len(borders), 2))
        kept = kept.lstrip(_LINE_ENDS).rstrip(_WHITE_SPACE)
        removed[row] = len(text) - len(kept)
        shortened.append(kept.decode())
    mask, values = pa.array(found > 0), pa.array(shortened, pa.large_string())
    text = pc.replace_with_mask(texts.combine_chunks(), mask, values)
    return Cut(pa.chunked_array([text], pa.large_string()), removed, found)
