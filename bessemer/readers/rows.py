"""Rows of a columnar batch as records: shared by Parquet and Arrow files."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from bessemer.config.sources import Columns
from bessemer.errors import DataError
from bessemer.readers.fields import list_names, record_from_fields
from bessemer.readers.members import Allowance
from bessemer.readers.records import EXCERPT_BYTES, Item, Limits, Reason, Unreadable

BATCH_ROWS = 256
"""Rows that are Python objects at once."""


@dataclass(frozen=True, slots=True)
class RowReader:
    """What every step needs to know."""

    locator: str
    columns: Columns
    limits: Limits

    def require_text(self, names: list[str]) -> None:
        """Refuse a file without the text column.

        Raises:
            DataError: it names the columns that exist.
        """
        if self.columns.text not in names:
            raise DataError(
                f"{self.locator} has no column {self.columns.text}; its columns are {list_names(names)}; "
                "name the one with the text in columns.text of the source."
            )

    def read(self, batch: pa.RecordBatch, first: int, allowance: Allowance) -> Iterator[Item]:
        """One item a row.

        Args:
            batch: rows, validated.
            first: number of the first one in the file, from 1.
            allowance: bounds the text that rows may repeat by reference to a dictionary.

        Raises:
            Damaged: the allowance is spent; the row of which that is said has not been given.
        """
        names = batch.schema.names
        values = [_python_values(column) for column in batch.columns]
        for offset, row in enumerate(zip(*values, strict=True)):
            item = self._read_row(dict(zip(names, row, strict=True)), f"{self.locator}:{first + offset}")
            allowance.spend(0 if isinstance(item, Unreadable) else getattr(item, "size", 0))
            yield item

    def _read_row(self, fields: dict[str, Any], locator: str) -> Item:
        columns, limits = self.columns, self.limits
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


def first_line(error: BaseException) -> str:
    """The beginning of an error's message."""
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
