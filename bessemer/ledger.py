"""The ledger: one row per ingested document with its fate."""

from enum import StrEnum

import pyarrow as pa

_COLUMNS: list[tuple[str, pa.DataType]] = [
    ("id", pa.string()),
    ("source", pa.string()),
    ("fate", pa.string()),
    ("stage", pa.string()),
    ("reason", pa.string()),
    ("value", pa.float64()),
    ("threshold", pa.float64()),
    ("evidence_id", pa.string()),
    ("language", pa.string()),
    ("bytes", pa.int64()),
    ("reasons", pa.list_(pa.string())),
]
LEDGER_SCHEMA = pa.schema(_COLUMNS)
"""``fate`` is kept or dropped; ``stage`` and ``reason`` say by what, null if kept; ``value`` broke ``threshold``.

``evidence_id`` is the kept document that a duplicate duplicates, or the evaluation set of contamination. ``bytes`` are
the UTF-8 bytes of the ingested text. ``reasons`` are all limits that the document breaks, in the order in which they
are asked: the first is ``reason``, empty if kept. Duplicates are sought among documents that break none.
"""


class Fate(StrEnum):
    """What became of a document."""

    KEPT = "kept"
    DROPPED = "dropped"
