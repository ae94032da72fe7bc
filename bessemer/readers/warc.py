"""WARC and WET archives, plain or compressed: responses and resources that are HTML, and conversions (extracted text).

Headers, HTTP messages and transfer and content codings are read by FastWARC. So are whole files as long as they are
undamaged; from the first doubt on, records are framed by :mod:`bessemer.readers.warc_frames`.
"""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastwarc.warc import WarcRecord, WarcRecordType

from bessemer.errors import is_panic
from bessemer.readers.members import Readable
from bessemer.readers.records import EXCERPT_BYTES, Item, Limits, Reason, Record, Skip, Skipped, Unreadable
from bessemer.readers.streams import ByteStream
from bessemer.readers.warc_frames import Broken, Frame, Frames
from bessemer.readers.warc_undamaged import undamaged

_HTML_TYPES = {"text/html", "application/xhtml+xml"}
_SKIPPED_TYPES = {
    b"warcinfo": Skip.WARC_INFO,
    b"request": Skip.WARC_REQUEST,
    b"metadata": Skip.WARC_METADATA,
    b"revisit": Skip.WARC_REVISIT,
}
_READ_TYPES = {b"response", b"resource", b"conversion"}


def read_warc(path: Readable, locator: str, limits: Limits) -> Iterator[Item]:
    """Records of a WARC or WET file.

    Args:
        path: the file.
        locator: its place in the source; a record's locator is ``<locator>:<number from 1>``, counting every record.
        limits: a larger record is passed over without being held.
    """
    number = end = given = 0
    if isinstance(path, Path):
        for whole in undamaged(path, limits, functools.partial(_whole, locator, limits)):
            yield whole.item
            number, end, given = whole.number, whole.end, whole.given
    with ByteStream(path, limits, start=end, given=given) as stream:
        if stream.empty and not end:
            yield Unreadable(f"{locator}:1", Reason.EMPTY_FILE, "the file holds no bytes", ends_file=True)
            return
        for frame in Frames(stream, limits.record_bytes):
            number += 1
            yield _framed(frame, f"{locator}:{number}", limits)
    if number == 0:
        yield Unreadable(f"{locator}:1", Reason.EMPTY_FILE, "the file holds no record", ends_file=True)


def _whole(locator: str, limits: Limits, record: WarcRecord, kind: bytes, size: int, number: int) -> Item:
    return _item(record, kind, size, f"{locator}:{number}", b"", limits)


def _framed(frame: Frame | Broken, locator: str, limits: Limits) -> Item:
    if isinstance(frame, Broken):
        return Unreadable(locator, frame.reason, frame.detail, frame.size, frame.excerpt, ends_file=frame.ends_file)
    size, excerpt = len(frame.data), frame.data[:EXCERPT_BYTES]
    if frame.kind not in _READ_TYPES:
        return _skipped(frame.kind)
    try:
        record = WarcRecord.from_bytes(frame.data)
    except BaseException as error:
        return _unparsed(error, locator, size, excerpt)
    return _item(record, frame.kind, size, locator, excerpt, limits)


def _skipped(kind: bytes) -> Skipped:
    return Skipped(_SKIPPED_TYPES.get(kind, Skip.WARC_OTHER))


def _unparsed(error: BaseException, locator: str, size: int, excerpt: bytes) -> Unreadable:
    if not isinstance(error, Exception) and not is_panic(error):  # FastWARC panics on some input
        raise error
    return Unreadable(locator, Reason.MALFORMED, f"the record cannot be parsed ({error})", size, excerpt)


def _item(record: WarcRecord, kind: bytes, size: int, locator: str, excerpt: bytes, limits: Limits) -> Item:
    """What a record of a type and so many bytes holds, read to its end."""
    if kind not in _READ_TYPES:
        return _skipped(kind)
    try:
        if record.is_http:
            record.parse_http(auto_decode="all")
        reader = record.reader
        body = _read_at_most(reader, size, limits.record_bytes + 1) if reader is not None else b""
    except BaseException as error:
        return _unparsed(error, locator, size, excerpt)
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
