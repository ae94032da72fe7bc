"""Records of a WARC file found in its bytes, so that a damaged one is named and the next one found (ISO 28500, 4)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bessemer.readers.damage import Damaged
from bessemer.readers.records import EXCERPT_BYTES, Reason
from bessemer.readers.streams import ByteStream

MAGIC = b"WARC/"
HEADER_BYTES = 65_536
"""Largest header."""
_LENGTH = re.compile(rb"\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r?$", re.MULTILINE)
_TYPE = re.compile(rb"\nwarc-type:[ \t]*([a-z]+)")
"""Of a header in lower case: a pattern that begins with letters of one case is found many times faster."""
_NEWLINES = re.compile(rb"[\r\n]+")
_NEXT = re.compile(rb"(?<=\n)WARC/1\.")


@dataclass(frozen=True, slots=True)
class Frame:
    """The bytes of one record, header and block."""

    kind: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class Broken:
    """A stretch of the file that is no record."""

    reason: Reason
    detail: str
    size: int = 0
    excerpt: bytes = b""
    ends_file: bool = False


def _end_of_header(data: bytearray) -> int:
    """Where the first empty line within 64 KiB ends, with either kind of line end; 0 if there is none."""
    at = data.find(b"\n\r\n", 0, HEADER_BYTES)
    sooner = data.find(b"\n\n", 0, HEADER_BYTES if at < 0 else at + 1)
    return sooner + 2 if sooner >= 0 else at + 3 if at >= 0 else 0


class Frames:
    """Frames of a byte stream, and what lies between them. Holds at most one record and one piece."""

    def __init__(self, stream: ByteStream, limit: int) -> None:
        self._stream, self._limit = stream, limit
        self._buffer = bytearray()
        self._ended = False
        self._damage: Damaged | None = None

    def __iter__(self) -> Iterator[Frame | Broken]:
        while True:
            try:
                if self._skip_newlines():
                    yield self._next()
                elif self._damage is not None:
                    raise self._damage
                else:
                    return
            except Damaged as damage:
                held = len(self._buffer)
                excerpt = bytes(self._buffer[:EXCERPT_BYTES])
                self._buffer.clear()
                goes_on = self._stream.resync(lambda first: first.startswith(MAGIC))
                yield Broken(damage.reason, damage.detail, held, excerpt, ends_file=not goes_on)
                if not goes_on:
                    return
                self._ended, self._damage = False, None

    def _next(self) -> Frame | Broken:
        self._fill(len(MAGIC))
        if not self._buffer.startswith(MAGIC):
            return self._lost("bytes that are no WARC record", 0)
        header = self._header()
        names = header.lower() if header is not None else b""
        length = _LENGTH.search(names)
        if header is None or length is None:
            problem = "an end" if header is None else "a valid Content-Length"
            return self._lost(f"a WARC header without {problem}", len(MAGIC))
        kind = _TYPE.search(names)
        total = len(header) + int(length.group(1))
        if total > self._limit:
            return self._pass_over(total, bytes(header[:EXCERPT_BYTES]))
        if not self._fill(total):
            return self._short(len(header), total)
        if not self._record_ends_at(total):
            return self._lost("Content-Length does not lead to the end of the record", len(MAGIC))
        with memoryview(self._buffer) as held:  # a slice of a bytearray would be copied twice
            data = bytes(held[:total])
        del self._buffer[:total]
        return Frame(kind.group(1) if kind else b"", data)

    def _header(self) -> bytes | None:
        """The header with its empty line, or None if it has no end within 64 KiB."""
        size = 4096
        while True:
            more = self._fill(size)
            if end := _end_of_header(self._buffer):
                return bytes(self._buffer[:end])
            if not more and self._damage is not None:
                raise self._damage
            if not more or size >= HEADER_BYTES:
                return None
            size *= 4

    def _record_ends_at(self, total: int) -> bool:
        """Whether a line end, or the end of what can be read, follows at ``total``."""
        self._fill(total + 1)
        after = bytes(self._buffer[total : total + 1])
        return after in (b"", b"\r", b"\n")

    def _short(self, header_bytes: int, total: int) -> Broken:
        """The file ends before the record does: either it was cut, or the length is wrong and other records follow."""
        if self._damage is not None:
            raise self._damage
        if _NEXT.search(self._buffer, header_bytes):
            return self._lost("Content-Length does not lead to the end of the record", len(MAGIC))
        held = len(self._buffer)
        broken = Broken(
            Reason.TRUNCATED,
            f"the file ends {total - held:,} bytes before the record does",
            held,
            bytes(self._buffer[:EXCERPT_BYTES]),
            ends_file=True,
        )
        self._buffer.clear()
        return broken

    def _lost(self, detail: str, start: int) -> Broken:
        """Pass over everything up to the next line that begins a record, searching from ``start`` in the buffer."""
        excerpt = bytes(self._buffer[:EXCERPT_BYTES])
        passed = 0
        while True:
            if found := _NEXT.search(self._buffer, start):
                passed += found.start()
                del self._buffer[: found.start()]
                return Broken(Reason.MALFORMED, detail, passed, excerpt)
            keep = min(len(self._buffer), len(MAGIC) + 2)
            passed += len(self._buffer) - keep
            del self._buffer[: len(self._buffer) - keep]
            start = 0
            if not self._fill(keep + 1):
                passed += len(self._buffer)
                self._buffer.clear()
                return Broken(Reason.MALFORMED, detail, passed, excerpt, ends_file=self._damage is None)

    def _pass_over(self, total: int, excerpt: bytes) -> Broken:
        """Drop ``total`` bytes without holding them."""
        left = total
        while left:
            if not self._buffer and not self._fill(1):
                if self._damage is not None:
                    raise self._damage
                detail = f"the file ends {left:,} bytes before the record does"
                return Broken(Reason.TRUNCATED, detail, total - left, excerpt, ends_file=True)
            dropped = min(left, len(self._buffer))
            del self._buffer[:dropped]
            left -= dropped
        return Broken(Reason.TOO_LARGE, f"a record of {total:,} bytes, over ingest.max_record_bytes", total, excerpt)

    def _skip_newlines(self) -> bool:
        """Drop line ends between records; False at the end of the file."""
        while self._fill(1):
            if not (newlines := _NEWLINES.match(self._buffer)):
                return True
            del self._buffer[: newlines.end()]
        return False

    def _fill(self, size: int) -> bool:
        """Read until ``size`` bytes are held; False if the file, or what can be read of it, ends before."""
        while len(self._buffer) < size and not self._ended:
            try:
                piece = self._stream.read()
            except Damaged as damage:
                self._damage, piece = damage, b""
            self._ended = not piece
            self._buffer += piece
        return len(self._buffer) >= size
