"""JSON lines: one object per line, UTF-8."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from bessemer.config.sources import Columns
from bessemer.readers.damage import Damaged
from bessemer.readers.fields import record_from_fields
from bessemer.readers.members import Readable
from bessemer.readers.records import EXCERPT_BYTES, Item, Limits, Reason, Skip, Skipped, Unreadable
from bessemer.readers.streams import ByteStream

BOM = b"\xef\xbb\xbf"


def read_jsonl(path: Readable, locator: str, columns: Columns, limits: Limits) -> Iterator[Item]:
    """Records of a JSON lines file, plain or compressed.

    Args:
        path: the file.
        locator: its place in the source; a record's locator is ``<locator>:<line number from 1>``.
        columns: names of the fields.
        limits: a longer line is quarantined and passed over without being held.
    """
    with ByteStream(path, limits) as stream:
        yield from read_lines(stream, locator, columns, limits)


def read_lines(stream: ByteStream, locator: str, columns: Columns, limits: Limits) -> Iterator[Item]:
    """As :func:`read_jsonl`, of a file that is open."""
    number = 0
    for number, line in enumerate(_lines(stream, limits.record_bytes), start=1):
        place = f"{locator}:{number}"
        if isinstance(line, Unreadable):
            yield dataclasses.replace(line, locator=place)
        elif not line.strip():
            yield Skipped(Skip.BLANK_LINE)
        else:
            yield parse_object(line.removeprefix(BOM) if number == 1 else line, place, columns, "line")
    if number == 0:
        yield Unreadable(f"{locator}:1", Reason.EMPTY_FILE, "the file holds no bytes", ends_file=True)


def parse_object(data: bytes, locator: str, columns: Columns, what: str) -> Item:
    """The record that a JSON object is, or why there is none.

    Args:
        data: the object.
        locator: its place.
        columns: names of the fields.
        what: what ``data`` is in the file, for messages.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        reason = Reason.MALFORMED if _is_utf8(data) else Reason.ENCODING
        detail = f"not JSON: {error.msg}" if reason is Reason.MALFORMED else f"the {what} is not UTF-8"
        return Unreadable(locator, reason, detail, len(data), data[:EXCERPT_BYTES])
    if not isinstance(value, dict):
        detail = f"the {what} is a JSON {type(value).__name__}, not an object"
        return Unreadable(locator, Reason.MALFORMED, detail, len(data), data[:EXCERPT_BYTES])
    fields: Mapping[str, Any] = value
    return record_from_fields(fields, locator, columns, len(data), data[:EXCERPT_BYTES])


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _lines(stream: ByteStream, limit: int) -> Iterator[bytes | Unreadable]:
    """Lines without their newline. Too long a line and a damaged end are :class:`Unreadable` without a place."""
    held: list[bytes] = []
    size = 0
    while True:
        try:
            piece = stream.read()
        except Damaged as damage:
            yield Unreadable("", damage.reason, damage.detail, size, b"".join(held)[:EXCERPT_BYTES], ends_file=True)
            return
        if not piece:
            break
        start = 0
        while (end := piece.find(b"\n", start)) >= 0:
            size += end - start
            if size <= limit:
                held.append(piece[start:end])
                yield b"".join(held)
            else:
                yield _too_long(size, limit, held, piece[start:end])
            held, size, start = [], 0, end + 1
        rest = piece[start:]
        size += len(rest)
        if size <= limit or not held:
            held.append(rest if size <= limit else rest[:EXCERPT_BYTES])
        else:
            held = [b"".join(held)[:EXCERPT_BYTES]]
    if size > limit:
        yield _too_long(size, limit, held, b"")
    elif size:
        yield b"".join(held)


def _too_long(size: int, limit: int, held: list[bytes], rest: bytes) -> Unreadable:
    detail = f"a line of {size:,} bytes, over ingest.max_record_bytes ({limit:,})"
    return Unreadable("", Reason.TOO_LARGE, detail, size, b"".join([*held, rest[:EXCERPT_BYTES]])[:EXCERPT_BYTES])
