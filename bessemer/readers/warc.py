"""WARC and WET archives, plain or compressed: responses and resources that are HTML, and conversions (extracted text).

Records are framed here, so that a damaged one is named and the next one found (ISO 28500:2017, section 4); a framed
record's headers, HTTP message and transfer and content codings are read by FastWARC.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastwarc.warc import WarcRecord, WarcRecordType

from bessemer.errors import is_panic
from bessemer.readers.damage import Damaged
from bessemer.readers.members import Readable
from bessemer.readers.records import EXCERPT_BYTES, Item, Limits, Reason, Record, Skip, Skipped, Unreadable
from bessemer.readers.streams import ByteStream

_MAGIC = b"WARC/"
_HEADER_BYTES = 65_536
_LENGTH = re.compile(rb"\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r?$", re.MULTILINE)
_TYPE = re.compile(rb"\nwarc-type:[ \t]*([a-z]+)")
"""Of a header in lower case: a pattern that begins with letters of one case is found many times faster."""
_NEWLINES = re.compile(rb"[\r\n]+")
_NEXT = re.compile(rb"(?<=\n)WARC/1\.")
_HTML_TYPES = {"text/html", "application/xhtml+xml"}
_SKIPPED_TYPES = {
    b"warcinfo": Skip.WARC_INFO,
    b"request": Skip.WARC_REQUEST,
    b"metadata": Skip.WARC_METADATA,
    b"revisit": Skip.WARC_REVISIT,
}
_READ_TYPES = {b"response", b"resource", b"conversion"}


@dataclass(frozen=True, slots=True)
class _Frame:
    """The bytes of one record, header and block."""

    kind: bytes
    header_bytes: int
    data: bytes


@dataclass(frozen=True, slots=True)
class _Broken:
    """A stretch of the file that is no record."""

    reason: Reason
    detail: str
    size: int = 0
    excerpt: bytes = b""
    ends_file: bool = False


def read_warc(path: Readable, locator: str, limits: Limits) -> Iterator[Item]:
    """Records of a WARC or WET file.

    Args:
        path: the file.
        locator: its place in the source; a record's locator is ``<locator>:<number from 1>``, counting every record.
        limits: a larger record is passed over without being held.
    """
    number = 0
    with ByteStream(path, limits) as stream:
        if stream.empty:
            yield Unreadable(f"{locator}:1", Reason.EMPTY_FILE, "the file holds no bytes", ends_file=True)
            return
        for number, frame in enumerate(_Frames(stream, limits.record_bytes), start=1):
            place = f"{locator}:{number}"
            if isinstance(frame, _Broken):
                yield Unreadable(
                    place, frame.reason, frame.detail, frame.size, frame.excerpt, ends_file=frame.ends_file
                )
            elif frame.kind in _SKIPPED_TYPES:
                yield Skipped(_SKIPPED_TYPES[frame.kind])
            elif frame.kind not in _READ_TYPES:
                yield Skipped(Skip.WARC_OTHER)
            else:
                yield _read_frame(frame, place, limits)
    if number == 0:
        yield Unreadable(f"{locator}:1", Reason.EMPTY_FILE, "the file holds no record", ends_file=True)


def _read_frame(frame: _Frame, locator: str, limits: Limits) -> Item:
    size, excerpt = len(frame.data), frame.data[:EXCERPT_BYTES]
    try:
        record = WarcRecord.from_bytes(frame.data)
        if record.is_http:
            record.parse_http(auto_decode="all")
        reader = record.reader
        body = _read_at_most(reader, len(frame.data), limits.record_bytes + 1) if reader is not None else b""
    except BaseException as error:
        if not isinstance(error, Exception) and not is_panic(error):  # FastWARC panics on some input
            raise
        return Unreadable(locator, Reason.MALFORMED, f"the record cannot be parsed ({error})", size, excerpt)
    if len(body) > limits.record_bytes:
        detail = f"a body of more than {limits.record_bytes:,} bytes, over ingest.max_record_bytes"
        return Unreadable(locator, Reason.TOO_LARGE, detail, size, excerpt)
    if record.record_type == WarcRecordType.conversion:
        return _conversion(record, body, locator, size)
    return _page(record, body, locator, size, excerpt)


def _read_at_most(reader: Any, likely: int, limit: int) -> bytes:
    """The rest of a body, which is mostly no longer than ``likely``: FastWARC allocates whatever it is asked for."""
    body: bytes = reader.read(min(likely, limit))
    while len(body) < limit and (more := reader.read(min(max(likely, len(body)), limit - len(body)))):
        body += more
    return body


def _facts(record: WarcRecord) -> dict[str, Any]:
    """What the header says of the document."""
    headers = {name.lower(): value for name, value in record.headers}
    meta = {"warc_record": headers.get("warc-record-id")}
    if "warc-truncated" in headers:
        meta["warc_truncated"] = headers["warc-truncated"]
    return {"url": headers.get("warc-target-uri"), "date": headers.get("warc-date"), "meta": meta}


def _conversion(record: WarcRecord, body: bytes, locator: str, size: int) -> Item:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        detail = f"the text is not UTF-8 (byte {error.start:,})"
        return Unreadable(locator, Reason.ENCODING, detail, size, body[:EXCERPT_BYTES])
    return Record(locator, size, text=text, charset="utf-8", **_facts(record))


def _page(record: WarcRecord, body: bytes, locator: str, size: int, excerpt: bytes) -> Item:
    content_type = record.http_content_type
    if record.is_http:
        http = record.http_headers
        if http is None or http.status_code is None:
            detail = "the block does not begin with an HTTP status line"
            return Unreadable(locator, Reason.MALFORMED, detail, size, excerpt)
        if http.status_code != 200:
            return Skipped(Skip.HTTP_STATUS)
    else:
        content_type = (record.headers.get("Content-Type") or "").partition(";")[0].strip()
    if not _is_html(content_type, body):
        return Skipped(Skip.NOT_HTML)
    if not body or body.isspace():
        return Skipped(Skip.EMPTY_TEXT)
    return Record(locator, size, html=body, charset=record.http_charset, **_facts(record))


def _is_html(content_type: str | None, body: bytes) -> bool:
    """By the stated type, else by the first character."""
    if content_type:
        return content_type.lower() in _HTML_TYPES
    return body.lstrip()[:1] == b"<"


def _end_of_header(data: bytearray) -> int:
    """Where the first empty line within 64 KiB ends, with either kind of line end; 0 if there is none."""
    at = data.find(b"\n\r\n", 0, _HEADER_BYTES)
    sooner = data.find(b"\n\n", 0, _HEADER_BYTES if at < 0 else at + 1)
    return sooner + 2 if sooner >= 0 else at + 3 if at >= 0 else 0


class _Frames:
    """Frames of a byte stream, and what lies between them. Holds at most one record and one piece."""

    def __init__(self, stream: ByteStream, limit: int) -> None:
        self._stream, self._limit = stream, limit
        self._buffer = bytearray()
        self._ended = False
        self._damage: Damaged | None = None

    def __iter__(self) -> Iterator[_Frame | _Broken]:
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
                goes_on = self._stream.resync(lambda first: first.startswith(_MAGIC))
                yield _Broken(damage.reason, damage.detail, held, excerpt, ends_file=not goes_on)
                if not goes_on:
                    return
                self._ended, self._damage = False, None

    def _next(self) -> _Frame | _Broken:
        self._fill(len(_MAGIC))
        if not self._buffer.startswith(_MAGIC):
            return self._lost("bytes that are no WARC record", 0)
        header = self._header()
        names = header.lower() if header is not None else b""
        length = _LENGTH.search(names)
        if header is None or length is None:
            problem = "an end" if header is None else "a valid Content-Length"
            return self._lost(f"a WARC header without {problem}", len(_MAGIC))
        kind = _TYPE.search(names)
        total = len(header) + int(length.group(1))
        if total > self._limit:
            return self._pass_over(total, bytes(header[:EXCERPT_BYTES]))
        if not self._fill(total):
            return self._short(len(header), total)
        if not self._record_ends_at(total):
            return self._lost("Content-Length does not lead to the end of the record", len(_MAGIC))
        with memoryview(self._buffer) as held:  # a slice of a bytearray would be copied twice
            data = bytes(held[:total])
        del self._buffer[:total]
        return _Frame(kind.group(1) if kind else b"", len(header), data)

    def _header(self) -> bytes | None:
        """The header with its empty line, or None if it has no end within 64 KiB."""
        size = 4096
        while True:
            more = self._fill(size)
            if end := _end_of_header(self._buffer):
                return bytes(self._buffer[:end])
            if not more and self._damage is not None:
                raise self._damage
            if not more or size >= _HEADER_BYTES:
                return None
            size *= 4

    def _record_ends_at(self, total: int) -> bool:
        """Whether a line end, or the end of what can be read, follows at ``total``."""
        self._fill(total + 1)
        after = bytes(self._buffer[total : total + 1])
        return after in (b"", b"\r", b"\n")

    def _short(self, header_bytes: int, total: int) -> _Broken:
        """The file ends before the record does: either it was cut, or the length is wrong and other records follow."""
        if self._damage is not None:
            raise self._damage
        if _NEXT.search(self._buffer, header_bytes):
            return self._lost("Content-Length does not lead to the end of the record", len(_MAGIC))
        held = len(self._buffer)
        broken = _Broken(
            Reason.TRUNCATED,
            f"the file ends {total - held:,} bytes before the record does",
            held,
            bytes(self._buffer[:EXCERPT_BYTES]),
            ends_file=True,
        )
        self._buffer.clear()
        return broken

    def _lost(self, detail: str, start: int) -> _Broken:
        """Pass over everything up to the next line that begins a record, searching from ``start`` in the buffer."""
        excerpt = bytes(self._buffer[:EXCERPT_BYTES])
        passed = 0
        while True:
            if found := _NEXT.search(self._buffer, start):
                passed += found.start()
                del self._buffer[: found.start()]
                return _Broken(Reason.MALFORMED, detail, passed, excerpt)
            keep = min(len(self._buffer), len(_MAGIC) + 2)
            passed += len(self._buffer) - keep
            del self._buffer[: len(self._buffer) - keep]
            start = 0
            if not self._fill(keep + 1):
                passed += len(self._buffer)
                self._buffer.clear()
                return _Broken(Reason.MALFORMED, detail, passed, excerpt, ends_file=self._damage is None)

    def _pass_over(self, total: int, excerpt: bytes) -> _Broken:
        """Drop ``total`` bytes without holding them."""
        left = total
        while left:
            if not self._buffer and not self._fill(1):
                if self._damage is not None:
                    raise self._damage
                detail = f"the file ends {left:,} bytes before the record does"
                return _Broken(Reason.TRUNCATED, detail, total - left, excerpt, ends_file=True)
            dropped = min(left, len(self._buffer))
            del self._buffer[:dropped]
            left -= dropped
        return _Broken(Reason.TOO_LARGE, f"a record of {total:,} bytes, over ingest.max_record_bytes", total, excerpt)

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
