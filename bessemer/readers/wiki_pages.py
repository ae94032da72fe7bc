"""Where the pages of a MediaWiki dump begin and end: told from three tags, which text in XML cannot contain."""

import re
from collections.abc import Iterator

from bessemer.readers.damage import Damaged
from bessemer.readers.records import EXCERPT_BYTES, Reason, Unreadable
from bessemer.readers.streams import ByteStream

_MARK = re.compile(rb"<page>|</page>|</mediawiki>")
_BEGIN, _END, _CLOSE = b"<page>", b"</page>", b"</mediawiki>"


class WikiPages:
    """Pages of a dump, each with its tags, and what lies between them as :class:`Unreadable` without a place.

    Holds at most one page and one piece.

    Attributes:
        head: what comes before the first page.
    """

    def __init__(self, stream: ByteStream, limit: int) -> None:
        self._stream, self._limit = stream, limit
        self._held = bytearray()
        self._size = 0
        self._inside = self._closed = False
        self._damage: Damaged | None = None
        self.head: bytes | None = None

    def __iter__(self) -> Iterator[bytes | Unreadable]:
        for data, mark in self._segments():
            if mark is None:
                self._hold(data)
                continue
            self._hold(data + mark if mark == _END else data)
            if self.head is None:
                self.head = bytes(self._held)
                if b"<mediawiki" not in self.head:
                    yield self._not_a_dump()
                    return
                self._clear()
            elif self._inside:
                yield self._page() if mark == _END else self._unreadable("a page without an end")
            elif self._held.strip():
                yield self._unreadable("something between pages that is no page")
            self._clear()
            self._inside = mark == _BEGIN
            self._closed = self._closed or mark == _CLOSE
            if self._inside:
                self._hold(mark)
        yield from self._last()

    def _last(self) -> Iterator[Unreadable]:
        if self._damage is not None:
            yield self._unreadable(self._damage.detail, self._damage.reason, ends_file=True)
        elif self.head is None:
            yield self._not_a_dump()
        elif self._inside or not self._closed:
            yield self._unreadable("the file ends before </mediawiki>", Reason.TRUNCATED, ends_file=True)
        elif self._held.strip():
            yield self._unreadable("something after </mediawiki>", ends_file=True)

    def _page(self) -> bytes | Unreadable:
        if self._size <= self._limit:
            return bytes(self._held)
        detail = f"a page of {self._size:,} bytes, over ingest.max_record_bytes ({self._limit:,})"
        return self._unreadable(detail, Reason.TOO_LARGE)

    def _not_a_dump(self) -> Unreadable:
        return self._unreadable("not a MediaWiki export: it does not begin with <mediawiki>", ends_file=True)

    def _unreadable(self, detail: str, reason: Reason = Reason.MALFORMED, *, ends_file: bool = False) -> Unreadable:
        return Unreadable("", reason, detail, self._size, bytes(self._held[:EXCERPT_BYTES]), ends_file=ends_file)

    def _segments(self) -> Iterator[tuple[bytes, bytes | None]]:
        """Stretches between marks, each with the mark that ends it; none where a stretch goes on."""
        waiting = b""
        while piece := self._next():
            waiting += piece
            start = 0
            for found in _MARK.finditer(waiting):
                yield waiting[start : found.start()], found.group()
                start = found.end()
            kept = max(start, len(waiting) - len(_CLOSE) + 1)
            yield waiting[start:kept], None
            waiting = waiting[kept:]
        yield waiting, None

    def _next(self) -> bytes:
        try:
            return self._stream.read()
        except Damaged as damage:
            self._damage = damage
            return b""

    def _hold(self, data: bytes) -> None:
        self._size += len(data)
        if self._size <= self._limit:
            self._held += data
        else:
            self._held = (self._held + data[:EXCERPT_BYTES])[:EXCERPT_BYTES]

    def _clear(self) -> None:
        self._held, self._size = bytearray(), 0
