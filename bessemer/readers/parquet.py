"""Parquet files: one record a row."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bessemer.config.sources import Columns
from bessemer.readers.damage import Damaged
from bessemer.readers.members import Allowance, Readable
from bessemer.readers.on_disk import on_disk
from bessemer.readers.records import EXCERPT_BYTES, Item, Limits, Reason, Unreadable
from bessemer.readers.rows import BATCH_ROWS, RowReader, first_line

_BUFFER_BYTES = 1 << 20


def read_parquet(path: Readable, locator: str, columns: Columns, limits: Limits) -> Iterator[Item]:
    """Records of a Parquet file, row group by row group.

    Args:
        path: the file.
        locator: its place in the source; a record's locator is ``<locator>:<row from 1>``.
        columns: names of the columns.
        limits: bound a row's text and the expansion of a row group.

    Raises:
        DataError: there is no text column of that name, which concerns every row; the columns that exist are named.
    """
    reading = RowReader(locator, columns, limits)
    with on_disk(path, limits) as (file, damage):
        if damage is None:
            yield from _read_file(file, reading)
        else:
            yield Unreadable(
                f"{locator}:1", damage.reason, damage.detail, file.stat().st_size, _head(file), ends_file=True
            )


def _read_file(path: Path, reading: RowReader) -> Iterator[Item]:
    locator = reading.locator
    if path.stat().st_size == 0:
        yield Unreadable(f"{locator}:1", Reason.EMPTY_FILE, "the file holds no bytes", ends_file=True)
        return
    try:
        file = pq.ParquetFile(path, buffer_size=_BUFFER_BYTES, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        detail = f"not a Parquet file ({first_line(error)})"
        yield Unreadable(f"{locator}:1", Reason.CORRUPT, detail, path.stat().st_size, _head(path), ends_file=True)
        return
    with file:
        reading.require_text(file.schema_arrow.names)
        first = 1
        for group in range(file.num_row_groups):
            yield from _read_group(file, group, first, reading)
            first += file.metadata.row_group(group).num_rows


def _read_group(file: pq.ParquetFile, group: int, first: int, reading: RowReader) -> Iterator[Item]:
    """Rows of one row group; those that cannot be read come as one :class:`Unreadable` that counts them."""
    locator, limits = reading.locator, reading.limits
    description = file.metadata.row_group(group)
    rows = description.num_rows
    stored = sum(description.column(index).total_compressed_size for index in range(description.num_columns))
    plain = description.total_byte_size
    if max(plain, rows) > max(limits.record_bytes, limits.expansion * stored):
        detail = f"a row group of {stored:,} bytes becomes {max(plain, rows):,}, over ingest.max_expansion"
        yield Unreadable(f"{locator}:{first}", Reason.EXPANSION, detail, stored, records=rows)
        return
    row = first
    allowance = Allowance("a row group", stored, limits)
    try:
        for batch in file.iter_batches(batch_size=BATCH_ROWS, row_groups=[group], use_threads=False):
            for item in reading.read(batch, row, allowance):
                yield item
                row += 1
    except Damaged as damage:
        yield Unreadable(f"{locator}:{row}", damage.reason, damage.detail, stored, records=first + rows - row)
    except (pa.ArrowException, OSError) as error:
        lost = first + rows - row
        detail = f"rows {row} to {first + rows - 1} cannot be decoded ({first_line(error)})"
        yield Unreadable(f"{locator}:{row}", Reason.CORRUPT, detail, stored, records=lost)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(EXCERPT_BYTES)
