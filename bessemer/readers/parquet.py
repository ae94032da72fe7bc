"""Parquet files: one record a row."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bessemer.config.sources import Columns
from bessemer.errors import DataError
from bessemer.readers.fields import list_names, record_from_fields
from bessemer.readers.records import EXCERPT_BYTES, Item, Limits, Reason, Unreadable

_BATCH_ROWS = 256
_BUFFER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class _Reading:
    """What every step needs to know."""

    locator: str
    columns: Columns
    limits: Limits


def read_parquet(path: Path, locator: str, columns: Columns, limits: Limits) -> Iterator[Item]:
    """Records of a Parquet file, row group by row group.

    Args:
        path: the file.
        locator: its place in the source; a record's locator is ``<locator>:<row from 1>``.
        columns: names of the columns.
        limits: bound a row's text and the expansion of a row group.

    Raises:
        DataError: there is no text column of that name, which concerns every row; the columns that exist are named.
    """
    if path.stat().st_size == 0:
        yield Unreadable(f"{locator}:1", Reason.EMPTY_FILE, "the file holds no bytes", ends_file=True)
        return
    try:
        file = pq.ParquetFile(path, buffer_size=_BUFFER_BYTES, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        detail = f"not a Parquet file ({_first_line(error)})"
        yield Unreadable(f"{locator}:1", Reason.CORRUPT, detail, path.stat().st_size, _head(path), ends_file=True)
        return
    with file:
        names = file.schema_arrow.names
        if columns.text not in names:
            raise DataError(
                f"{locator} has no column {columns.text}; its columns are {list_names(names)}; "
                "name the one with the text in columns.text of the source."
            )
        first = 1
        for group in range(file.num_row_groups):
            yield from _read_group(file, group, first, _Reading(locator, columns, limits))
            first += file.metadata.row_group(group).num_rows


def _read_group(file: pq.ParquetFile, group: int, first: int, reading: _Reading) -> Iterator[Item]:
    """Rows of one row group; those that cannot be read come as one :class:`Unreadable` that counts them."""
    locator, limits = reading.locator, reading.limits
    description = file.metadata.row_group(group)
    rows = description.num_rows
    stored = sum(description.column(index).total_compressed_size for index in range(description.num_columns))
    plain = description.total_byte_size
    if plain > max(limits.record_bytes, limits.expansion * stored):
        detail = f"a row group of {stored:,} bytes becomes {plain:,}, over ingest.max_expansion"
        yield Unreadable(f"{locator}:{first}", Reason.EXPANSION, detail, stored, records=rows)
        return
    row = first
    try:
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, row_groups=[group], use_threads=False):
            for item in _read_batch(batch, row, reading):
                yield item
                row += 1
    except (pa.ArrowException, OSError) as error:
        lost = first + rows - row
        detail = f"rows {row} to {first + rows - 1} cannot be decoded ({_first_line(error)})"
        yield Unreadable(f"{locator}:{row}", Reason.CORRUPT, detail, stored, records=lost)


def _read_batch(batch: pa.RecordBatch, first: int, reading: _Reading) -> Iterator[Item]:
    names = batch.schema.names
    values = [_python_values(column) for column in batch.columns]
    for offset, row in enumerate(zip(*values, strict=True)):
        fields = dict(zip(names, row, strict=True))
        yield _read_row(fields, f"{reading.locator}:{first + offset}", reading.columns, reading.limits)


def _read_row(fields: dict[str, Any], locator: str, columns: Columns, limits: Limits) -> Item:
    raw = fields[columns.text]
    if not isinstance(raw, bytes):
        return record_from_fields(fields, locator, columns, 0, str(raw)[:EXCERPT_BYTES].encode("utf-8", "replace"))
    excerpt = raw[:EXCERPT_BYTES]
    if len(raw) > limits.record_bytes:
        detail = f"a text of {len(raw):,} bytes, over ingest.max_record_bytes ({limits.record_bytes:,})"
        return Unreadable(locator, Reason.TOO_LARGE, detail, len(raw), excerpt)
    try:
        fields[columns.text] = raw.decode("utf-8")
    except UnicodeDecodeError:
        return Unreadable(locator, Reason.ENCODING, f"{columns.text} is not UTF-8", len(raw), excerpt)
    for name, value in fields.items():
        if isinstance(value, bytes):
            fields[name] = value.decode("utf-8", "replace")
    return record_from_fields(fields, locator, columns, len(raw), excerpt)


def _python_values(column: Any) -> list[Any]:
    """Values of a column; strings as bytes, because Parquet readers do not check that they are UTF-8."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if pa.types.is_string(kind):
        column = column.view(pa.binary())
    elif pa.types.is_large_string(kind):
        column = column.view(pa.large_binary())
    elif pa.types.is_string_view(kind):
        column = column.cast(pa.binary_view())
    try:
        values: list[Any] = column.to_pylist()
    except (UnicodeDecodeError, ValueError, OverflowError):
        return [None] * len(column)
    return [value.isoformat() if isinstance(value, dt.date | dt.time) else value for value in values]


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(EXCERPT_BYTES)
