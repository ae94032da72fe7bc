"""Decompressed bytes of a file, in bounded pieces: plain, gzip (any number of members) or zstd, told by magic number.

A file that decompresses to an absurd size, ends too early or is damaged raises :class:`Damaged`; what was read until
then stands.
"""

import zlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import zstandard

from bessemer.readers.records import Limits, Reason

PIECE = 1 << 20
_GZIP = b"\x1f\x8b\x08"
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = tuple(bytes([0x50 + i, 0x2A, 0x4D, 0x18]) for i in range(16))
_COMPRESSED_SUFFIXES = {".gz": "gzip", ".zst": "zstd"}
_GZIP_WBITS = 31
_SALVAGE_STEP = 64
_ZSTD_WINDOW = 1 << 27
_ZSTD_STEP = 2048
"""Bytes given to zstd at once: a run-length block turns 4 of them into 128 KiB, so a step stays below 64 MiB."""


class Damaged(Exception):
    """The file cannot be read on from here."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


class ByteStream:
    """Sequential decompressed bytes of a local file.

    Args:
        path: file to read.
        limits: ``expansion`` bounds the decompressed size, beyond the first ``record_bytes``.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path, self._limits = path, limits
        self._file: BinaryIO = path.open("rb")
        head = self._file.read(4)
        self._file.seek(0)
        self.empty = not head
        if head.startswith(_GZIP):
            self.codec = "gzip"
        elif head == _ZSTD or head in _ZSTD_SKIPPABLE:
            self.codec = "zstd"
        else:
            self.codec = "plain"
        self._decoder: Any = None
        self._pending = b""
        self._read_in = self._given_out = 0
        self._member = 0
        self._ended = False
        self._damage: Damaged | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def read(self) -> bytes:
        """The next piece, mostly of some 100 KiB and never above 65 MiB; empty at the end.

        Raises:
            Damaged: the compressed stream is corrupt, ends too early, or expands beyond the limit; again at every call
                until :meth:`resync` finds a place to go on.
        """
        if self._damage is not None:
            raise self._damage
        try:
            return self._read()
        except Damaged as damage:
            self._damage = damage
            raise

    def _read(self) -> bytes:
        expected = _COMPRESSED_SUFFIXES.get(self._path.suffix.lower())
        if self.codec == "plain":
            if expected and not self.empty:
                raise Damaged(Reason.CORRUPT, f"the name says {expected}, the first bytes do not")
            return self._file.read(PIECE)
        while not self._ended:
            piece = self._decompress()
            self._given_out += len(piece)
            self._check_expansion()
            if piece:
                return piece
            if self._damage is not None:
                raise self._damage
        return b""

    def resync(self, starts_well: Callable[[bytes], bool]) -> bool:
        """After :class:`Damaged`: go on at the next gzip member whose first bytes satisfy ``starts_well``, if any.

        Args:
            starts_well: judges the first bytes (up to 64) of a member.
        """
        if self.codec != "gzip" or self._given_out > self._allowed():
            return False
        position = self._member + 1
        while (position := self._find(_GZIP, position)) >= 0:
            self._file.seek(position)
            try:
                first = zlib.decompressobj(_GZIP_WBITS).decompress(self._file.read(4096), 64)
            except zlib.error:
                first = b""
            if starts_well(first):
                self._file.seek(position)
                self._decoder, self._pending, self._read_in = None, b"", position
                self._ended, self._damage = False, None
                return True
            position += 1
        return False

    def _decompress(self) -> bytes:
        if not self._pending:
            self._pending = self._file.read(PIECE)
            self._read_in += len(self._pending)
        if not self._pending:
            self._ended = True
            if self._decoder is not None:
                raise Damaged(Reason.TRUNCATED, f"the file ends inside a {self.codec} stream")
            return b""
        try:
            return self._gunzip() if self.codec == "gzip" else self._unzstd()
        except zstandard.ZstdError as error:
            raise Damaged(Reason.CORRUPT, f"zstd stream is damaged ({error})") from None

    def _gunzip(self) -> bytes:
        if self._decoder is None:
            self._pending = self._pending.lstrip(b"\0")
            if not self._pending:
                return b""
            if self._pending[:1] != _GZIP[:1]:
                raise Damaged(Reason.CORRUPT, "bytes that are no gzip stream follow the last one")
            self._member = self._read_in - len(self._pending)
            self._decoder = zlib.decompressobj(_GZIP_WBITS)
        before = self._decoder.copy()
        try:
            piece: bytes = self._decoder.decompress(self._pending, PIECE)
        except zlib.error as error:
            self._damage = Damaged(Reason.CORRUPT, f"gzip stream is damaged ({error})")
            return _salvage(before, self._pending)
        if self._decoder.eof:
            self._pending = self._decoder.unused_data
            self._decoder = None
        else:
            self._pending = self._decoder.unconsumed_tail
        return piece

    def _unzstd(self) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while self._pending and size < PIECE // 4:
            if self._decoder is None:
                self._decoder = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()
            step, self._pending = self._pending[:_ZSTD_STEP], self._pending[_ZSTD_STEP:]
            pieces.append(self._decoder.decompress(step))
            size += len(pieces[-1])
            if self._decoder.eof:
                self._pending = self._decoder.unused_data + self._pending
                self._decoder = None
        return b"".join(pieces)

    def _allowed(self) -> float:
        return max(self._limits.record_bytes, self._limits.expansion * self._read_in)

    def _check_expansion(self) -> None:
        if self._given_out > self._allowed():
            self._ended = True
            raise Damaged(
                Reason.EXPANSION,
                f"{self._read_in:,} bytes became more than {self._given_out - 1:,}, over ingest.max_expansion",
            )

    def _find(self, needle: bytes, start: int) -> int:
        self._file.seek(start)
        carried = b""
        while piece := self._file.read(PIECE):
            window = carried + piece
            index = window.find(needle)
            if index >= 0:
                return start - len(carried) + index
            carried = window[-(len(needle) - 1) :]
            start += len(piece)
        return -1


def _salvage(decoder: Any, data: bytes) -> bytes:
    """What a gzip stream still gives before the damaged place: ``decoder`` as it was before ``data``."""
    pieces = []
    try:
        for start in range(0, len(data), _SALVAGE_STEP):
            pieces.append(decoder.decompress(data[start : start + _SALVAGE_STEP], PIECE))
            if sum(map(len, pieces)) >= PIECE:
                break
    except zlib.error:
        pass
    return b"".join(pieces)
