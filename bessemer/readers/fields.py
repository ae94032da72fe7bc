"""A mapping of named fields (a JSON object, a Parquet row, a Hub row) as a record."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import orjson

from bessemer.config.sources import Columns
from bessemer.readers.records import Item, Reason, Record, Skip, Skipped, Unreadable

_META_VALUE_BYTES = 4096
_NAMES_SHOWN = 12


def record_from_fields(fields: Mapping[str, Any], locator: str, columns: Columns, size: int, excerpt: bytes) -> Item:
    """Take text, url, date and licence out of ``fields`` by name; what is left becomes the record's ``meta``.

    Fields of meta whose JSON is longer than 4 KiB (embeddings, raw pages) are left out and listed under ``left_out``.

    Args:
        fields: names and values.
        locator: the record's place.
        columns: which field is what.
        size: bytes of the raw record.
        excerpt: its first bytes, for quarantine.
    """
    if columns.text not in fields:
        detail = f"no field {columns.text}; it has {list_names(fields)}"
        return Unreadable(locator, Reason.NO_TEXT_FIELD, detail, size, excerpt)
    text = fields[columns.text]
    if text is None:
        return Skipped(Skip.EMPTY_TEXT)
    if not isinstance(text, str):
        detail = f"the field {columns.text} is a {type(text).__name__}, not a string"
        return Unreadable(locator, Reason.WRONG_TYPE, detail, size, excerpt)
    used = {columns.text, columns.url, columns.date, columns.license}
    return Record(
        locator,
        size,
        text=text,
        url=_string(fields, columns.url),
        date=_string(fields, columns.date),
        license=_string(fields, columns.license),
        meta=_meta({name: value for name, value in fields.items() if name not in used and value is not None}),
    )


def list_names(names: Mapping[str, Any] | list[str]) -> str:
    """Names for an error message: sorted, the first dozen, and how many more there are."""
    ordered = sorted(names)
    more = f" and {len(ordered) - _NAMES_SHOWN} more" if len(ordered) > _NAMES_SHOWN else ""
    return (", ".join(ordered[:_NAMES_SHOWN]) or "none") + more


def dump_json(value: object) -> bytes:
    """Canonical JSON: sorted keys, no spaces; what JSON has no type for is written as its string."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)


def _meta(fields: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    left_out = []
    for name, value in fields.items():
        if _fits(value):
            kept[name] = value
        else:
            left_out.append(name)
    if left_out:
        kept["left_out"] = sorted(left_out)
    return kept


def _fits(value: Any) -> bool:
    try:
        return len(dump_json(value)) <= _META_VALUE_BYTES
    except (orjson.JSONEncodeError, UnicodeEncodeError, RecursionError):
        return False


def _string(fields: Mapping[str, Any], name: str | None) -> str | None:
    value = fields.get(name) if name is not None else None
    if value is None or value == "":
        return None
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    return dump_json(value).decode() if _fits(value) else None


def _plain(value: object) -> str:
    if isinstance(value, bytes):
        return value[:_META_VALUE_BYTES].decode("utf-8", "replace")
    return str(value)
