"""Megatron's indexed token files: ``<name>.bin`` holds the tokens, ``<name>.idx`` says where each sequence lies.

Layout of ``.idx``, version 1, little endian: magic ``MMIDIDX\\0\\0`` (9 bytes), version u64, dtype code u8, number of
sequences n u64, length of the document index m u64, sizes i32[n] (tokens), pointers i64[n] (byte offsets into
``.bin``), document index i64[m] (sequence number at which each document starts, and n at the end). Bessemer writes one
sequence per document, so that m = n + 1.

Source: the format of NVIDIA's Megatron-LM, which NeMo, Megatron-DeepSpeed, GPT-NeoX and datatrove's writer share.
"""

from __future__ import annotations

import os
import struct
from array import array
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from bessemer.errors import DataError

MAGIC = b"MMIDIDX\x00\x00"
VERSION = 1
HEADER = struct.Struct("<9sQBQQ")
DTYPE_CODES: dict[int, np.dtype[np.generic]] = {
    code: np.dtype(name)
    for code, name in {1: "u1", 2: "i1", 3: "<i2", 4: "<i4", 5: "<i8", 6: "<f8", 7: "<f4", 8: "<u2"}.items()
}
CODES = {dtype: code for code, dtype in DTYPE_CODES.items()}
UINT16_VOCABULARY = 65_536


def token_dtype(vocab_size: int) -> np.dtype[np.generic]:
    """The smallest type of the format which holds every id: uint16 up to 65,536 ids, int32 above."""
    return np.dtype("<u2") if vocab_size <= UINT16_VOCABULARY else np.dtype("<i4")


class IndexedWriter:
    """Writes one pair of files, sequence by sequence; both appear under their names only when ``close`` succeeds.

    Used as a context manager it closes on success and leaves nothing behind after an exception. Memory: 4 bytes per
    sequence.
    """

    def __init__(self, prefix: Path, dtype: np.dtype[np.generic]) -> None:
        """Open ``<prefix>.bin`` under a temporary name.

        Raises:
            ValueError: ``dtype`` has no code in the format.
        """
        if dtype not in CODES:
            raise ValueError(f"the indexed format has no code for {dtype}")
        self.prefix = prefix
        self.dtype = dtype
        self.tokens = 0
        self._sizes = array("i")
        self._bin: BinaryIO = _temporary(_bin_path(prefix)).open("wb")

    @property
    def sequences(self) -> int:
        """Number of sequences added so far."""
        return len(self._sizes)

    def add(self, tokens: NDArray[np.integer]) -> None:
        """Append one sequence (one document), shape (n,), any integer type whose values fit ``dtype``."""
        self._bin.write(np.ascontiguousarray(tokens, dtype=self.dtype).tobytes())
        self._sizes.append(len(tokens))
        self.tokens += len(tokens)

    def close(self) -> None:
        """Flush both files to disk and rename them, tokens first: an ``.idx`` never lacks its ``.bin``."""
        _sync_and_close(self._bin)
        index = _temporary(_idx_path(self.prefix)).open("wb")
        index.write(_index_bytes(np.frombuffer(self._sizes, dtype=np.int32), self.dtype))
        _sync_and_close(index)
        for path in (_bin_path(self.prefix), _idx_path(self.prefix)):
            _temporary(path).replace(path)

    def discard(self) -> None:
        """Close and remove the temporary files."""
        self._bin.close()
        for path in (_bin_path(self.prefix), _idx_path(self.prefix)):
            _temporary(path).unlink(missing_ok=True)

    def __enter__(self) -> IndexedWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()


class IndexedFile:
    """A pair ``.bin``/``.idx`` opened for reading: both are mapped, neither is read until it is asked for.

    Attributes: ``dtype`` of a token, ``sequences`` (documents), ``tokens`` (in all sequences).
    """

    def __init__(self, prefix: Path) -> None:
        """Map both files and check that they belong together.

        Raises:
            DataError: a file is missing, is not of this format, is cut short, or the two contradict each other.
        """
        self.prefix = prefix
        path = _idx_path(prefix)
        raw = _map(path)
        if raw.size < HEADER.size:
            raise DataError(f"{path} is cut short: {raw.size} bytes, a header has {HEADER.size}; make the tokens again")
        magic, version, code, sequences, documents = HEADER.unpack(raw[: HEADER.size].tobytes())
        if magic != MAGIC or version != VERSION or code not in DTYPE_CODES:
            raise DataError(f"{path} is not a Megatron index of version {VERSION}; make the tokens again")
        if raw.size != HEADER.size + 12 * sequences + 8 * documents:
            raise DataError(f"{path} has {raw.size} bytes, which does not fit its {sequences} sequences; make it again")
        self.dtype = DTYPE_CODES[code]
        self.sequences = int(sequences)
        pointers_at = HEADER.size + 4 * self.sequences
        self._sizes = raw[HEADER.size : pointers_at].view("<i4")
        self._pointers = raw[pointers_at : pointers_at + 8 * self.sequences].view("<i8")
        self._data = _map(_bin_path(prefix))
        self.tokens = self._checked_tokens()
        self._tokens = self._data.view(self.dtype)

    def _checked_tokens(self) -> int:
        path, width = _bin_path(self.prefix), self.dtype.itemsize
        end = int(self._pointers[-1]) + width * int(self._sizes[-1]) if self.sequences else 0
        if self._data.size != end:
            raise DataError(f"{path} has {self._data.size} bytes but its index ends at {end}; make the tokens again")
        return end // width

    def slice(self, start: int, stop: int) -> NDArray[np.generic]:
        """Tokens ``start`` to ``stop - 1`` of the file, a view of type ``dtype``; what lies outside is left out."""
        return self._tokens[start:stop]

    def starts(self, first: int, last: int) -> NDArray[np.int64]:
        """Token positions at which sequences ``first`` to ``last - 1`` start, int64, a copy in memory."""
        return np.array(self._pointers[first:last], dtype=np.int64) // self.dtype.itemsize

    def starts_of(self, sequences: NDArray[np.int64]) -> NDArray[np.int64]:
        """Token positions at which some sequences start, shape as ``sequences``, int64."""
        return self._pointers[sequences] // self.dtype.itemsize

    def find(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """The number of the sequence that holds each token position.

        A binary search over the mapped pointers for all positions at once: they lie at an odd address, so that
        ``np.searchsorted`` would copy the whole index at each call.

        Args:
            positions: shape (k,), each in ``[0, tokens)``.

        Returns:
            Shape (k,), int64.
        """
        wanted = positions * self.dtype.itemsize
        low = np.zeros(len(wanted), dtype=np.int64)
        high = np.full(len(wanted), self.sequences, dtype=np.int64)
        for _ in range(self.sequences.bit_length()):
            middle = (low + high) >> 1
            right = self._pointers[middle] <= wanted
            low, high = np.where(right, middle, low), np.where(right, high, middle)
        return low


def _index_bytes(sizes: NDArray[np.int32], dtype: np.dtype[np.generic]) -> bytes:
    count = len(sizes)
    ends = np.cumsum(sizes, dtype=np.int64) * dtype.itemsize
    pointers = np.concatenate([np.zeros(min(count, 1), dtype=np.int64), ends[:-1]])
    return b"".join(
        (
            HEADER.pack(MAGIC, VERSION, CODES[dtype], count, count + 1),
            sizes.astype("<i4").tobytes(),
            pointers.astype("<i8").tobytes(),
            np.arange(count + 1, dtype="<i8").tobytes(),
        )
    )


def _map(path: Path) -> NDArray[np.uint8]:
    try:
        if path.stat().st_size == 0:
            return np.empty(0, dtype=np.uint8)
        return np.memmap(path, dtype=np.uint8, mode="r").view(np.ndarray)
    except FileNotFoundError:
        raise DataError(f"{path} is missing; run the stage `shard` again") from None


def _bin_path(prefix: Path) -> Path:
    return prefix.with_name(prefix.name + ".bin")


def _idx_path(prefix: Path) -> Path:
    return prefix.with_name(prefix.name + ".idx")


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.partial")


def _sync_and_close(handle: BinaryIO) -> None:
    handle.flush()
    os.fsync(handle.fileno())
    handle.close()
