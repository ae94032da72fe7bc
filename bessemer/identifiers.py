"""Ids and digests of 128 bits: 32 hex digits in files, two numbers in memory, which are compared and sorted faster."""

import binascii
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bessemer.errors import DataError

HEX_DIGITS = 32


def hex_column(values: NDArray[np.uint64]) -> pa.StringArray:
    """Numbers of 128 bits, shape (n, 2), as a column of 32 hex digits.

    Raises:
        DataError: there are more than fit a column.
    """
    digits = values.astype(">u8").tobytes().hex().encode()
    offsets = np.arange(len(values) + 1, dtype=np.int32) * HEX_DIGITS
    if len(digits) > np.iinfo(np.int32).max:
        raise DataError(f"{len(values):,} ids do not fit a column; cut the documents into smaller shards.")
    return pa.StringArray.from_buffers(len(values), pa.py_buffer(offsets), pa.py_buffer(digits))


def from_hex(column: "pa.ChunkedArray[Any]") -> NDArray[np.uint64]:
    """A column of strings of 32 hex digits as shape (n, 2), uint64; they sort as the strings do.

    Raises:
        DataError: a value is something else, or missing.
    """
    try:
        raw = b"".join(binascii.unhexlify(_digits(chunk)) for chunk in column.chunks if len(chunk))
    except ValueError:
        raise DataError("an id is not hexadecimal; run the stage that made the file again.") from None
    return np.frombuffer(raw, ">u8").astype(np.uint64).reshape(-1, 2)


def _digits(chunk: "pa.Array[Any]") -> memoryview:
    """The bytes of a chunk's strings, one after another, without a copy."""
    _, offsets, data = chunk.buffers()
    kind = np.int64 if pa.types.is_large_string(chunk.type) else np.int32
    starts = np.frombuffer(offsets, kind)[chunk.offset : chunk.offset + len(chunk) + 1]
    if chunk.null_count or not (np.diff(starts) == HEX_DIGITS).all():
        raise DataError("an id has not 32 hex digits; run the stage that made the file again.")
    return memoryview(data)[int(starts[0]) : int(starts[-1])]


def codes_of(values: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Shape (n,), int64: the place of each value, shape (n, 2), among the distinct ones in ascending order."""
    order = np.argsort(values[:, 0])  # halves are random bits, so that two values rarely share one
    ordered = values[order]
    upper, lower = (ordered[1:] != ordered[:-1]).T
    if (lower & ~upper).any():
        order = np.lexsort((values[:, 1], values[:, 0]))
        ordered = values[order]
        upper, lower = (ordered[1:] != ordered[:-1]).T
    codes = np.zeros(len(values), np.int64)
    codes[order[1:]] = np.cumsum(upper | lower)
    return codes
