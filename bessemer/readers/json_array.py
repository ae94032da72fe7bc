"""JSON files: one array of records, framed element by element so that none is held but the one being read; or lines."""

import re
from collections.abc import Iterator

from bessemer.config.sources import Columns
from bessemer.readers.damage import Damaged
from bessemer.readers.jsonl import BOM, parse_object, read_lines
from bessemer.readers.members import Readable
from bessemer.readers.records import EXCERPT_BYTES, Item, Limits, Reason, Unreadable
from bessemer.readers.streams import ByteStream

_SPACE = b" \t\r\n"
_OUTSIDE = re.compile(rb'["\[\]{},]')
_INSIDE = re.compile(rb'["\\]')
_QUOTE, _BACKSLASH, _COMMA, _END = b'"\\,]'
_OPENING, _CLOSING = b"[{", b"]}"


def read_json(path: Readable, locator: str, columns: Columns, limits: Limits) -> Iterator[Item]:
    """Records of a JSON file, plain or compressed: the elements of the array that it is, else its lines.

    Args:
        path: the file.
        locator: its place in the source; a record's locator is ``<locator>:<number of the element or line from 1>``.
        columns: names of the fields.
        limits: a longer element is quarantined and passed over without being held.
    """
    with ByteStream(path, limits) as stream:
        if stream.peek().removeprefix(BOM).lstrip(_SPACE).startswith(b"["):
            yield from _read_array(stream, locator, columns, limits)
        else:
            yield from read_lines(stream, locator, columns, limits)


def _read_array(stream: ByteStream, locator: str, columns: Columns, limits: Limits) -> Iterator[Item]:
    framing = _Framing(limits.record_bytes)
    number = 0
    piece = stream.read().removeprefix(BOM).lstrip(_SPACE)[1:]
    damage = None
    while piece or number == 0:
        for element in framing.feed(piece):
            number += 1
            yield _item(element, f"{locator}:{number}", columns)
        try:
            piece = stream.read()
        except Damaged as found:
            damage, piece = found, b""
        if not piece:
            break
    place = f"{locator}:{number + 1}"
    held = framing.held
    if damage is not None:
        yield Unreadable(place, damage.reason, damage.detail, framing.size, held[:EXCERPT_BYTES], ends_file=True)
    elif not framing.closed:
        detail = "the file ends before its JSON array does"
        yield Unreadable(place, Reason.TRUNCATED, detail, framing.size, held[:EXCERPT_BYTES], ends_file=True)
    elif held.strip(_SPACE):
        detail = "something follows the end of the JSON array"
        yield Unreadable(place, Reason.MALFORMED, detail, framing.size, held[:EXCERPT_BYTES], ends_file=True)


def _item(element: bytes | Unreadable, locator: str, columns: Columns) -> Item:
    if isinstance(element, bytes):
        return parse_object(element, locator, columns, "element")
    return Unreadable(locator, element.reason, element.detail, element.size, element.excerpt)


class _Framing:
    """Where the elements of an array begin and end, told from quotes, brackets and commas.

    Attributes:
        closed: the array has ended; what is held then is what follows it.
        size: bytes of the element that is not complete, of which at most ``limit`` are held.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self._depth = 1
        self._quoted = self._escaped = False
        self.closed = False
        self.size = 0

    @property
    def held(self) -> bytes:
        """The beginning of what is not complete."""
        return b"".join(self._pieces)

    def feed(self, piece: bytes) -> Iterator[bytes | Unreadable]:
        """Elements that end in ``piece``."""
        start = position = 0
        while not self.closed and position < len(piece):
            if self._escaped:
                self._escaped, position = False, position + 1
                continue
            found = (_INSIDE if self._quoted else _OUTSIDE).search(piece, position)
            if found is None:
                break
            position = found.end()
            if self._ends_element(piece[found.start()]):
                self._hold(piece[start : found.start()])
                start = position
                element = self._take()
                if element or not self._is_closed():
                    yield element
        self._hold(piece[start:])

    def _is_closed(self) -> bool:
        return self.closed

    def _ends_element(self, mark: int) -> bool:
        if self._quoted:
            self._escaped = mark == _BACKSLASH
            self._quoted = self._escaped
        elif mark == _QUOTE:
            self._quoted = True
        elif mark in _OPENING:
            self._depth += 1
        elif self._depth > 1:
            self._depth -= mark in _CLOSING
        else:
            self.closed = mark == _END
            return mark in (_COMMA, _END)
        return False

    def _hold(self, data: bytes) -> None:
        if not self.size:
            data = data.lstrip(_SPACE)
        self.size += len(data)
        if self.size <= self._limit:
            self._pieces.append(data)
        else:
            self._pieces = [b"".join([*self._pieces, data[:EXCERPT_BYTES]])[:EXCERPT_BYTES]]

    def _take(self) -> bytes | Unreadable:
        data, size = self.held, self.size
        self._pieces, self.size = [], 0
        if size <= self._limit:
            return data.rstrip(_SPACE)
        detail = f"an element of {size:,} bytes, over ingest.max_record_bytes ({self._limit:,})"
        return Unreadable("", Reason.TOO_LARGE, detail, size, data[:EXCERPT_BYTES])
