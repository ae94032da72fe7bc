"""Arrow IPC files and streams (Feather version 2): one record a row, read in the order of the file.

A file is a stream between marks, with a list of its batches at the end. Both are read as streams, so that of one that
was cut everything before the cut is kept.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from bessemer.config.sources import Columns
from bessemer.readers.arrow_messages import Message, read_messages
from bessemer.readers.damage import Damaged
from bessemer.readers.members import Allowance, Readable
from bessemer.readers.on_disk import on_disk
from bessemer.readers.records import EXCERPT_BYTES, Item, Limits, Reason, Unreadable
from bessemer.readers.rows import BATCH_ROWS, RowReader, first_line

_FILE_MARK = b"ARROW1\0\0"
_ARROW_ERRORS = (pa.ArrowException, OSError, StopIteration, ValueError, MemoryError)


def read_arrow(path: Readable, locator: str, columns: Columns, limits: Limits) -> Iterator[Item]:
    """Records of an Arrow file or stream, batch by batch.

    Args:
        path: the file.
        locator: its place in the source; a record's locator is ``<locator>:<row from 1>``.
        columns: names of the columns.
        limits: bound a row's text and the expansion of a batch.

    Raises:
        DataError: there is no text column of that name, which concerns every row; the columns that exist are named.
    """
    with on_disk(path, limits) as (file, damage):
        size = file.stat().st_size
        if size == 0:
            found = damage or Damaged(Reason.EMPTY_FILE, "the file holds no bytes")
            yield Unreadable(f"{locator}:1", found.reason, found.detail, ends_file=True)
            return
        reading = _Reading(file, size, RowReader(locator, columns, limits))
        yield from reading.items(damage)


class _Reading:
    """One pass over a file, with the place that it has reached."""

    def __init__(self, path: Path, size: int, rows: RowReader) -> None:
        self._path, self._size, self._rows = path, size, rows
        self._row = 1
        self._batches = 0
        self._dictionary_bytes = 0

    def items(self, damage: Damaged | None) -> Iterator[Item]:
        with self._path.open("rb") as headers, pa.memory_map(str(self._path)) as source:
            is_file = headers.read(len(_FILE_MARK)) == _FILE_MARK
            start = len(_FILE_MARK) if is_file else 0
            source.seek(start)
            try:
                stream = pa.ipc.open_stream(source)
                names = stream.schema.names
            except _ARROW_ERRORS as error:
                found = damage or Damaged(Reason.CORRUPT, f"not an Arrow file or stream ({first_line(error)})")
                yield self._end(found)
                return
            self._rows.require_text(names)
            try:
                for message in read_messages(headers, self._size, start):
                    yield from self._message(message, stream, source)
                if damage is None:
                    self._require_whole(headers, is_file)
            except Damaged as found:
                yield self._end(damage or found)
            else:
                if damage is not None:
                    yield self._end(damage)

    def _message(self, message: Message, stream: Any, source: Any) -> Iterator[Item]:
        limits = self._rows.limits
        stored = message.stored + self._dictionary_bytes
        plain = max(message.plain, message.rows or 0)
        if plain > max(limits.record_bytes, limits.expansion * stored):
            detail = f"a batch of {stored:,} bytes becomes {plain:,}, over ingest.max_expansion"
            yield from self._unread(message.rows, Damaged(Reason.EXPANSION, detail))
            raise Damaged(Reason.EXPANSION, "the Arrow stream cannot be read on after a batch that was not unpacked")
        if message.rows is None:
            self._dictionary_bytes += message.stored
            return
        try:
            batch = _validated(stream.read_next_batch())
            if batch.num_rows != message.rows:
                raise ValueError(f"{batch.num_rows} rows instead of {message.rows}")
        except _ARROW_ERRORS as error:
            detail = f"a batch of {message.rows:,} rows cannot be decoded ({first_line(error)})"
            yield from self._unread(message.rows, Damaged(Reason.CORRUPT, detail))
            if source.tell() != message.end:
                raise Damaged(Reason.CORRUPT, "the Arrow stream cannot be read on after a damaged batch") from None
        else:
            yield from self._read(batch, Allowance("a batch", stored, limits))
        self._batches += 1

    def _read(self, batch: pa.RecordBatch, allowance: Allowance) -> Iterator[Item]:
        end = self._row + batch.num_rows
        try:
            for offset in range(0, batch.num_rows, BATCH_ROWS):
                for item in self._rows.read(batch.slice(offset, BATCH_ROWS), self._row, allowance):
                    yield item
                    self._row += 1
        except Damaged as damage:
            yield from self._unread(end - self._row, damage)

    def _unread(self, rows: int | None, damage: Damaged) -> Iterator[Unreadable]:
        if rows is not None:
            place = f"{self._rows.locator}:{self._row}"
            yield Unreadable(place, damage.reason, damage.detail, records=max(1, rows))
            self._row += max(1, rows)

    def _end(self, damage: Damaged) -> Unreadable:
        with self._path.open("rb") as file:
            head = file.read(EXCERPT_BYTES)
        place = f"{self._rows.locator}:{self._row}"
        return Unreadable(place, damage.reason, damage.detail, self._size, head, ends_file=True)

    def _require_whole(self, headers: BinaryIO, is_file: bool) -> None:
        """Make sure that what ended was the file, and not what a damaged byte made look like an end."""
        if not is_file:
            if headers.read(1):
                raise Damaged(Reason.CORRUPT, "something follows the end of the Arrow stream")
            return
        try:
            with pa.ipc.open_file(str(self._path)) as file:
                listed = file.num_record_batches
        except _ARROW_ERRORS as error:
            raise Damaged(Reason.CORRUPT, f"the list of batches at the end is damaged ({first_line(error)})") from None
        if listed != self._batches:
            raise Damaged(Reason.CORRUPT, f"the file lists {listed:,} batches and holds {self._batches:,}")


def _validated(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch whose offsets lie in its buffers. Strings need not be UTF-8: each row's is judged when it is read.

    Raises:
        ArrowInvalid: reading the batch would read other memory than its own, or its columns differ in length.
    """
    batch.validate()
    for column in batch.columns:
        kind = column.type
        if pa.types.is_string(kind):
            column.view(pa.binary()).validate(full=True)
        elif pa.types.is_large_string(kind):
            column.view(pa.large_binary()).validate(full=True)
        else:
            column.validate(full=True)
    return batch
