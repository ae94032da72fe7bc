"""The frames of an Arrow IPC stream: what each message is and how large it becomes, told before it is unpacked.

The layout is that of Arrow's specification (Serialization and Interprocess Communication) and of FlatBuffers; only the
few numbers that bound memory are read here, everything else is left to pyarrow.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from bessemer.readers.damage import Damaged
from bessemer.readers.records import Reason

_CONTINUATION = 0xFFFFFFFF
_METADATA_BYTES = 1 << 24
_SCHEMA, _DICTIONARY, _BATCH = 1, 2, 3
_LENGTH, _BUFFERS, _COMPRESSION = 0, 2, 3
"""Fields of a RecordBatch table."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message: how many rows it holds, none for a dictionary; bytes as stored and as unpacked; where it ends."""

    rows: int | None
    stored: int
    plain: int
    end: int


def read_messages(file: BinaryIO, size: int, start: int) -> Iterator[Message]:
    """Dictionaries and batches up to the mark that ends the stream.

    Args:
        file: an Arrow stream.
        size: its size in bytes.
        start: where the stream begins.

    Raises:
        Damaged: the file ends before the stream does, or a message is damaged.
    """
    position = start
    while True:
        file.seek(position)
        length, position = _metadata_length(file, position)
        if length == 0:
            file.seek(position)
            return
        if length < 0 or length > _METADATA_BYTES:
            raise Damaged(Reason.CORRUPT, f"an Arrow message with a header of {length:,} bytes")
        table = _Table(_exactly(file, length))
        try:
            kind, body = table.header_kind, table.body_length
            position += length
            if body < 0 or position + body > size:
                raise Damaged(Reason.TRUNCATED, "the file ends inside an Arrow message")
            if kind in (_DICTIONARY, _BATCH):
                batch = table.header if kind == _BATCH else table.header.table(1)
                rows = batch.integer(_LENGTH, "<q") if kind == _BATCH else None
                yield Message(rows, body, _plain_size(batch, file, position, body), position + body)
            elif kind != _SCHEMA:
                raise Damaged(Reason.CORRUPT, f"an Arrow message of the kind {kind}, which holds no rows")
        except (struct.error, IndexError):
            raise Damaged(Reason.CORRUPT, "the header of an Arrow message is damaged") from None
        position += body


def _metadata_length(file: BinaryIO, position: int) -> tuple[int, int]:
    """Length of the next header and where it begins; streams of before Arrow 0.15 lack the first of two words."""
    (word,) = struct.unpack("<I", _exactly(file, 4))
    if word != _CONTINUATION:
        return word, position + 4
    (length,) = struct.unpack("<i", _exactly(file, 4))
    return length, position + 8


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise Damaged(Reason.TRUNCATED, "the file ends before its Arrow stream does")
    return data


def _plain_size(batch: "_Table", file: BinaryIO, start: int, body: int) -> int:
    """Bytes of the batch's buffers: a compressed one begins with what it becomes, or -1 where it is not compressed."""
    if not batch.has(_COMPRESSION):
        return body
    plain = 0
    for offset, length in batch.pairs(_BUFFERS):
        if length == 0:
            continue
        if offset < 0 or length < 8 or offset + length > body:
            raise Damaged(Reason.CORRUPT, "a buffer of an Arrow message lies outside of it")
        file.seek(start + offset)
        (becomes,) = struct.unpack("<q", _exactly(file, 8))
        plain += becomes if becomes >= 0 else length
    return plain


class _Table:
    """A FlatBuffers table: fields are found through its table of offsets."""

    def __init__(self, data: bytes, position: int | None = None) -> None:
        self._data = data
        self._position = struct.unpack_from("<I", data, 0)[0] if position is None else position

    @property
    def header_kind(self) -> int:
        return self.integer(1, "<B")

    @property
    def header(self) -> "_Table":
        return self.table(2)

    @property
    def body_length(self) -> int:
        return self.integer(3, "<q")

    def has(self, field: int) -> bool:
        return self._offset(field) != 0

    def integer(self, field: int, kind: str) -> int:
        offset = self._offset(field)
        value: int = struct.unpack_from(kind, self._data, self._position + offset)[0] if offset else 0
        return value

    def table(self, field: int) -> "_Table":
        return _Table(self._data, self._target(field))

    def pairs(self, field: int) -> list[tuple[int, int]]:
        """A vector of structs of two 64-bit numbers."""
        if not self.has(field):
            return []
        start = self._target(field)
        (count,) = struct.unpack_from("<I", self._data, start)
        if count * 16 > len(self._data):
            raise IndexError("a vector that is longer than its message")
        return [struct.unpack_from("<qq", self._data, start + 4 + 16 * index) for index in range(count)]

    def _target(self, field: int) -> int:
        place = self._position + self._offset(field)
        target: int = place + struct.unpack_from("<I", self._data, place)[0]
        return target

    def _offset(self, field: int) -> int:
        entry = 4 + 2 * field
        table = self._position - struct.unpack_from("<i", self._data, self._position)[0]
        if table < 0:
            raise IndexError("a table before its message")
        (size,) = struct.unpack_from("<H", self._data, table)
        offset: int = struct.unpack_from("<H", self._data, table + entry)[0] if entry < size else 0
        return offset
