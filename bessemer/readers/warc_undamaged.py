"""Undamaged records of a WARC file, as fast as FastWARC's own reader gives them.

That reader passes over what it cannot read, or ends before it, and says nothing. So each of its records is held against
the bytes of the file: the header as its fields say, the block and the two line ends must fill exactly what lies before
the next record. In a plain file the bytes themselves are compared; a gzip member states its size in its last four bytes
(RFC 1952, 2.3.1), and FastWARC verifies the checksum before them. There white space of a header that is elsewhere than
usual, but as much of it, is not noticed; such a record is read where more care would set it aside.

Where one does not fit, who reads goes on there with more care, and so from the last record on, which has none after it.
"""

import mmap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fastwarc.warc import ArchiveIterator, WarcRecord

from bessemer.errors import is_panic
from bessemer.readers.compression import GZIP, HEAD_BYTES, SUFFIXES, codec_of
from bessemer.readers.records import Item, Limits, Unreadable
from bessemer.readers.warc_frames import HEADER_BYTES, MAGIC

_ENDS = b"\r\n\r\n"
_DECISIVE = (b"content-length", b"warc-type")
"""Fields that must be there once; others, such as WARC-Protocol, may be repeated."""
_SIZE_BYTES = 4

ReadRecord = Callable[[WarcRecord, bytes, int, int], Item]
"""Makes an item of a record, its type in lower case, the bytes of its header and block, and its number from 1."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A record: what it holds, its number from 1, and the bytes up to its end, in the file and decompressed."""

    item: Item
    number: int
    end: int
    given: int


@dataclass(frozen=True, slots=True)
class _Held:
    """A record from a place in the file on, which counts if it takes ``size`` decompressed bytes to the next one."""

    item: Item
    start: int
    size: int
    header: bytes


def undamaged(path: Path, limits: Limits, read: ReadRecord) -> Iterator[Whole]:
    """The first records of a file, up to one that does not fit or cannot be read, or to the last but one.

    Args:
        path: plain or gzip; of another file nothing is read.
        limits: a record beyond them is not read.
        read: called while the record is at hand. If it gives :class:`Unreadable`, that record is not among them.
    """
    with path.open("rb") as file:
        codec = codec_of(file.read(HEAD_BYTES))
        if not file.seek(0, 2) or codec not in ("gzip", "plain") or SUFFIXES.get(path.suffix.lower(), codec) != codec:
            return
        file.seek(0)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            given = 0
            for number, (held, end) in enumerate(_held_records(file, limits, read), start=1):
                given += held.size
                bomb = given > max(limits.record_bytes, limits.expansion * end)
                if bomb or not _fills(data, held, end, codec):
                    return
                yield Whole(held.item, number, end, given)


def _held_records(file: BinaryIO, limits: Limits, read: ReadRecord) -> Iterator[tuple[_Held, int]]:
    """Records, each with the place of the next one."""
    before: _Held | None = None
    try:
        for number, record in enumerate(ArchiveIterator(file, parse_http=False), start=1):
            if before is not None:
                yield before, record.stream_pos
            before = _hold(record, number, limits, read)
            if before is None:
                return
    except BaseException as error:
        if not isinstance(error, Exception) and not is_panic(error):  # FastWARC panics on some input
            raise
        return


def _hold(record: WarcRecord, number: int, limits: Limits, read: ReadRecord) -> _Held | None:
    """The record, or None if its header is not one that says all plainly, it is too large or cannot be read."""
    fields = record.headers.items_bytes()
    headers = {name.lower(): value for name, value in fields}
    version, length, kind = (
        record.headers.status_line_bytes or b"",
        headers.get(b"content-length", b""),
        headers.get(b"warc-type", b"").lower(),
    )
    plain = version.startswith(MAGIC + b"1.") and length.isdigit() and len(length) <= 18 and kind.isalpha()
    if not plain or (len(headers) != len(fields) and sum(name.lower() in _DECISIVE for name, _ in fields) > 2):
        return None
    header = b"".join([version, b"\r\n", *(name + b": " + value + b"\r\n" for name, value in fields), b"\r\n"])
    size = len(header) + int(length)
    if len(header) > HEADER_BYTES or size > limits.record_bytes:
        return None
    item = read(record, kind, size, number)
    return None if isinstance(item, Unreadable) else _Held(item, record.stream_pos, size + len(_ENDS), header)


def _fills(data: mmap.mmap, held: _Held, end: int, codec: str) -> bool:
    if codec == "plain":
        begins = data[held.start : held.start + len(held.header)] == held.header
        return begins and end - held.start == held.size and data[end - len(_ENDS) : end] == _ENDS
    stated = int.from_bytes(data[end - _SIZE_BYTES : end], "little")
    return end > held.start and data[held.start : held.start + len(GZIP)] == GZIP and stated == held.size
