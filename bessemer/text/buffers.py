"""Texts as Arrow holds them: the UTF-8 bytes of a batch of documents, one after another."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


@dataclass(frozen=True)
class TextBuffer:
    """The UTF-8 bytes of n documents.

    Attributes:
        data: shape (bytes,), uint8, read only. Need not be valid UTF-8: what reads it takes invalid bytes as
            ``bytes.decode("utf-8", "replace")`` does.
        offsets: shape (n + 1,), int64, read only, ascending: document ``i`` is ``data[offsets[i]:offsets[i + 1]]``. The
            first need not be 0.
    """

    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]

    def __post_init__(self) -> None:
        """Give both arrays the one layout that kernels are compiled for, without a copy if they have it."""
        for name, kind in (("data", np.uint8), ("offsets", np.int64)):
            array = np.ascontiguousarray(getattr(self, name), kind).view()
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def text_bytes(self) -> int:
        """Bytes of all documents."""
        return int(self.offsets[-1] - self.offsets[0])

    def document(self, number: int) -> bytes:
        """A copy of the bytes of one document."""
        return self.data[self.offsets[number] : self.offsets[number + 1]].tobytes()

    @classmethod
    def of_column(cls, column: "pa.Array | pa.ChunkedArray") -> "TextBuffer":
        """The texts of a column of strings; null is an empty text.

        The bytes are not copied if the column is one chunk without nulls (the offsets are, if they are 32-bit).

        Args:
            column: of type string, large_string or string_view.
        """
        array = _one_array(column)
        _, offsets, data = array.buffers()
        if offsets is None or not len(array):
            return cls(np.empty(0, np.uint8), np.zeros(1, np.int64))
        width = np.int64 if pa.types.is_large_string(array.type) else np.int32
        places = np.frombuffer(offsets, width)[array.offset : array.offset + len(array) + 1]
        return cls(
            np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8),
            places.astype(np.int64, copy=False),
        )

    @classmethod
    def of_texts(cls, texts: Iterable[str]) -> "TextBuffer":
        """The texts, encoded; a lone surrogate becomes three invalid bytes, which separate words as it does."""
        encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
        offsets = np.zeros(len(encoded) + 1, np.int64)
        np.cumsum([len(part) for part in encoded], out=offsets[1:])
        return cls(np.frombuffer(b"".join(encoded), np.uint8), offsets)


def _one_array(column: "pa.Array | pa.ChunkedArray") -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        if column.num_chunks == 1:
            column = column.chunk(0)
        else:
            column = pa.concat_arrays(column.cast(pa.large_string()).chunks or [pa.array([], pa.large_string())])
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        column = column.cast(pa.large_string())
    return pc.fill_null(column, "") if column.null_count else column
