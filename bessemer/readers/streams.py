"""Decompressed bytes of a file, in bounded pieces: plain or compressed (any number of streams), told by magic number.

A file that decompresses to an absurd size, ends too early or is damaged raises :class:`Damaged`; what was read until
then stands.
"""

import lzma
from collections.abc import Callable
from types import TracebackType
from typing import Any, BinaryIO, Self

import zstandard
from zlib_ng import zlib_ng

from bessemer.readers.compression import GZIP, HEAD_BYTES, SUFFIXES, begins_stream, block_decoder, codec_of
from bessemer.readers.damage import Damaged
from bessemer.readers.members import Allowance, Member, Readable, Reads
from bessemer.readers.records import Limits, Reason

PIECE = 1 << 20
_GZIP_WBITS = 31
_ZlibError: type[Exception] = zlib_ng.error  # type: ignore[assignment]
_GZIP_STEP = 1 << 14
"""Bytes given to zlib-ng at once; a record of a web archive is a gzip member of mostly a few thousand."""
_SALVAGE_STEP = 64
_ZSTD_WINDOW = 1 << 27
_ZSTD_STEP = 2048
"""Bytes given to zstd at once: a run-length block turns 4 of them into 128 KiB, so a step stays below 64 MiB."""
_BLOCK_STEP = 1 << 14
"""Bytes given to bzip2 and xz at once: what they give before a damaged place in the same step is lost."""


class ByteStream:
    """Sequential decompressed bytes of a local file or of a member of an archive.

    Args:
        source: what to read.
        limits: ``expansion`` bounds the decompressed size, beyond the first ``record_bytes``.
        start: place in a local file to begin at, as if it began there.
        given: decompressed bytes that lie before it.
    """

    def __init__(self, source: Readable, limits: Limits, *, start: int = 0, given: int = 0) -> None:
        self._limits = limits
        self._expected = SUFFIXES.get(source.suffix.lower())
        self._damage: Damaged | None = None
        self._allowance: Allowance | None = None
        self._local: BinaryIO | None = None
        if isinstance(source, Member):
            self._file: Reads = source.file
            self._allowance = source.allowance
        else:
            self._file = self._local = source.open("rb")
            self._local.seek(start)
        self._head = self._first_bytes()
        self.empty = not self._head and self._damage is None
        self.codec = codec_of(self._head)
        if self._local is not None:
            self._local.seek(start)
            self._head = b""
        self._decoder: Any = None
        self._pending = self._peeked = b""
        self._at, self._given_out = 0, given
        self._read_in = self._member = start
        self._begun = False
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._local is not None:
            self._local.close()

    def peek(self) -> bytes:
        """The next piece, which :meth:`read` will give again; empty at the end and where the damage begins."""
        if not self._peeked:
            try:
                self._peeked = self.read()
            except Damaged:
                return b""
        return self._peeked

    def read(self) -> bytes:
        """The next piece, mostly of some 100 KiB and never above 65 MiB; empty at the end.

        Raises:
            Damaged: the compressed stream is corrupt, ends too early, or expands beyond the limit; again at every call
                until :meth:`resync` finds a place to go on.
        """
        if self._peeked:
            piece, self._peeked = self._peeked, b""
            return piece
        if self._damage is not None:
            raise self._damage
        try:
            piece = self._read()
            if self._allowance is not None:
                self._allowance.spend(len(piece))
            return piece
        except Damaged as damage:
            self._damage = damage
            raise

    def _read(self) -> bytes:
        if self.codec == "plain":
            if self._expected and not self.empty:
                raise Damaged(Reason.CORRUPT, f"the name says {self._expected}, the first bytes do not")
            return self._stored(PIECE)
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
        if self._local is None or self.codec != "gzip" or self._given_out > self._allowed():
            return False
        position = self._member + 1
        while (position := _find(self._local, GZIP, position)) >= 0:
            self._local.seek(position)
            try:
                first = zlib_ng.decompressobj(_GZIP_WBITS).decompress(self._local.read(4096), 64)
            except _ZlibError:
                first = b""
            if starts_well(first):
                self._local.seek(position)
                self._decoder, self._pending, self._at, self._read_in = None, b"", 0, position
                self._ended, self._damage = False, None
                return True
            position += 1
        return False

    def _first_bytes(self) -> bytes:
        head = b""
        try:
            while len(head) < HEAD_BYTES and (piece := self._file.read(HEAD_BYTES - len(head))):
                head += piece
        except Damaged as damage:
            if not head:
                self._damage = damage
        return head

    def _stored(self, size: int) -> bytes:
        """Bytes as they are stored."""
        if self._head:
            head, self._head = self._head, b""
            return head
        return self._file.read(size)

    def _decompress(self) -> bytes:
        blocks = self.codec in ("bzip2", "xz")
        holds_input = blocks and self._decoder is not None and not self._decoder.needs_input
        if not self._pending and not holds_input:
            self._pending = self._stored(_BLOCK_STEP if blocks else PIECE)
            self._read_in += len(self._pending)
            if not self._pending:
                self._ended = True
                if self._decoder is not None:
                    raise Damaged(Reason.TRUNCATED, f"the file ends inside a {self.codec} stream")
                return b""
        if blocks:
            return self._unblock()
        return self._gunzip() if self.codec == "gzip" else self._unzstd()

    def _unblock(self) -> bytes:
        if self._decoder is None:
            self._pending = self._pending.lstrip(b"\0") if self.codec == "xz" else self._pending
            if not self._pending:
                return b""
            if not begins_stream(self.codec, self._pending):
                raise Damaged(Reason.CORRUPT, f"bytes that are no {self.codec} stream follow the last one")
            self._decoder = block_decoder(self.codec)
        given, self._pending = self._pending, b""
        try:
            piece: bytes = self._decoder.decompress(given, PIECE)
        except (OSError, lzma.LZMAError, MemoryError) as error:
            raise Damaged(Reason.CORRUPT, f"{self.codec} stream is damaged ({error})") from None
        if self._decoder.eof:
            self._pending, self._decoder = self._decoder.unused_data, None
        return piece

    def _gunzip(self) -> bytes:
        if self._decoder is None:
            self._at = _end_of_zeros(self._pending, self._at)
            if self._at == len(self._pending):
                self._pending, self._at = b"", 0
                return b""
            if not self._pending.startswith(GZIP[:1], self._at):
                raise Damaged(Reason.CORRUPT, "bytes that are no gzip stream follow the last one")
            self._member = self._read_in - len(self._pending) + self._at
            self._decoder, self._begun = zlib_ng.decompressobj(_GZIP_WBITS), False
        pieces: list[bytes] = []
        size = 0
        while self._decoder is not None and self._at < len(self._pending) and size < PIECE:
            pieces.append(self._gunzip_step(PIECE - size))
            size += len(pieces[-1])
            if self._damage is not None:
                break
        if self._at == len(self._pending):
            self._pending, self._at = b"", 0
        return b"".join(pieces)

    def _gunzip_step(self, limit: int) -> bytes:
        """At most ``limit`` bytes from the next few: a member's decoder copies whatever it is given beyond its end."""
        step = self._pending[self._at : self._at + _GZIP_STEP]
        before = self._decoder.copy() if self._begun else None  # most members end within their first step
        try:
            piece: bytes = self._decoder.decompress(step, limit)
        except _ZlibError as error:
            self._damage = Damaged(Reason.CORRUPT, f"gzip stream is damaged ({error})")
            return _salvage(before or zlib_ng.decompressobj(_GZIP_WBITS), step, limit)
        self._begun = True
        self._at += len(step) - len(self._decoder.unused_data or self._decoder.unconsumed_tail)
        if self._decoder.eof:
            self._decoder = None
        return piece

    def _unzstd(self) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while self._pending and size < PIECE // 4:
            if self._decoder is None:
                self._decoder = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()
            step, self._pending = self._pending[:_ZSTD_STEP], self._pending[_ZSTD_STEP:]
            try:
                pieces.append(self._decoder.decompress(step))
            except zstandard.ZstdError as error:
                self._damage = Damaged(Reason.CORRUPT, f"zstd stream is damaged ({error})")
                break
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


def _find(file: BinaryIO, needle: bytes, start: int) -> int:
    """Where ``needle`` is at or after ``start``; -1 for nowhere."""
    file.seek(start)
    carried = b""
    while piece := file.read(PIECE):
        window = carried + piece
        index = window.find(needle)
        if index >= 0:
            return start - len(carried) + index
        carried = window[-(len(needle) - 1) :]
        start += len(piece)
    return -1


def _end_of_zeros(data: bytes, start: int) -> int:
    """Where padding ends that begins at ``start``."""
    return len(data) - len(data[start:].lstrip(b"\0")) if data.startswith(b"\0", start) else start


def _salvage(decoder: Any, data: bytes, limit: int) -> bytes:
    """About ``limit`` bytes of what a stream gives before the damaged place: ``decoder`` as it was before ``data``."""
    pieces = []
    try:
        for start in range(0, len(data), _SALVAGE_STEP):
            pieces.append(decoder.decompress(data[start : start + _SALVAGE_STEP], PIECE))
            if sum(map(len, pieces)) >= limit:
                break
    except _ZlibError:
        pass
    return b"".join(pieces)
