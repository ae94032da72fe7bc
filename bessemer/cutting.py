"""Cutting lines or paragraphs out of texts."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_LINE_ENDS, _WHITE_SPACE = b"\r\n", b" \t\r\n"


@dataclass(frozen=True)
class Parts:
    """Parts of texts: the row of each, ascending, and its bytes, which begin and end between characters.

    Those of a row are ascending and apart.
    """

    rows: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    @classmethod
    def none(cls) -> "Parts":
        """No part."""
        empty = np.empty(0, np.int64)
        return cls(empty, empty, empty)

    @classmethod
    def of_lists(cls, spans: "pa.ChunkedArray[Any]", chosen: NDArray[np.bool_]) -> "Parts":
        """Of a column of lists of starts and ends in turn, those of the chosen rows."""
        counts = pc.list_value_length(spans).to_numpy() // 2
        ends = pc.list_flatten(spans).to_numpy().reshape(-1, 2)
        rows = np.repeat(np.arange(len(spans)), counts)
        own = chosen[rows]
        return cls(rows[own], ends[own, 0], ends[own, 1])

    def __or__(self, other: "Parts") -> "Parts":
        """What is in one or the other; parts that touch become one."""
        if not len(other.rows) or not len(self.rows):
            return self if len(self.rows) else other
        both = np.concatenate([np.stack((one.rows, one.starts, one.ends), axis=1) for one in (self, other)])
        merged: list[list[int]] = []
        for row, start, end in both[np.lexsort((both[:, 1], both[:, 0]))].tolist():
            if merged and merged[-1][0] == row and start <= merged[-1][2]:
                merged[-1][2] = max(merged[-1][2], end)
            else:
                merged.append([row, start, end])
        return Parts(*np.array(merged, np.int64).T)

    def within(self, places: NDArray[np.int64]) -> "Parts":
        """The same parts with other rows: ``places[row]``."""
        return Parts(places[self.rows], self.starts, self.ends)


@dataclass(frozen=True)
class Cut:
    """A batch of n texts after cutting.

    Attributes:
        text: large_string, same length and order as given.
        removed: shape (n,), int64: UTF-8 bytes taken out, with line ends left at the beginning and white
            space at the end.
    """

    text: "pa.ChunkedArray[Any]"
    removed: NDArray[np.int64]


def cut_parts(texts: "pa.ChunkedArray[Any]", parts: Parts) -> Cut:
    """Take parts out of texts (large_string, no nulls)."""
    rows, starts, ends = parts.rows, parts.starts, parts.ends
    removed = np.zeros(len(texts), np.int64)
    if not len(rows):
        return Cut(texts, removed)
    shortened = []
    chosen = np.unique(rows).tolist()
    for row in chosen:
        text = texts[row].as_py().encode()
        first, last = np.searchsorted(rows, (row, row + 1)).tolist()
        borders = [0, *np.stack((starts[first:last], ends[first:last]), axis=1).ravel().tolist(), len(text)]
        kept = b"".join(text[borders[i] : borders[i + 1]] for i in range(0, len(borders), 2))
        kept = kept.lstrip(_LINE_ENDS).rstrip(_WHITE_SPACE)
        removed[row] = len(text) - len(kept)
        shortened.append(kept.decode())
    mask = np.zeros(len(texts), np.bool_)
    mask[chosen] = True
    text = pc.replace_with_mask(texts.combine_chunks(), pa.array(mask), pa.array(shortened, pa.large_string()))
    return Cut(pa.chunked_array([text], pa.large_string()), removed)
