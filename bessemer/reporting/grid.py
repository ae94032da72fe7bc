"""A table of a report as cells: text, alignment, and a bar behind the numbers that a reader will want to compare."""

from typing import Any

from bessemer.reporting.numbers import NBSP, quantity, words
from bessemer.reporting.report import Scalar, Table

FIRST_ROWS = 12
"""Rows of a table that are open; the rest is folded away until asked for."""

LABEL = 240
"""Characters of a fact, a table cell or a name; an address in a crawl can be as long as it likes."""

_COMPARED = (
    *("kept_fraction", "share that reaches the cut", "bits per byte", "bytes per token", "text bytes", "train tokens"),
    *("tokens", "documents", "bytes", "records", "uses"),
)
"""Columns that are worth a bar, the most telling first; a table has one."""


def table_grid(table: Table, rows: int) -> dict[str, Any]:
    """A table as text cells; a column whose values are all numbers is aligned to the right.

    Where the first column names things and others count them, the most telling column gets bars.
    """
    columns = [
        {
            "name": words(name),
            "numeric": any(row[place] is not None for row in table.rows)
            and all(not isinstance(row[place], str) for row in table.rows),
        }
        for place, name in enumerate(table.columns)
    ]
    bars = _compared(table)
    largest = max((_size(row[bars]) for row in table.rows), default=0.0) if bars is not None else 0.0
    cells = [
        [
            {
                "text": cut(_cell(name, value), LABEL),
                "width": 100 * _size(value) / largest if place == bars and largest > 0 else None,
            }
            for place, (name, value) in enumerate(zip(table.columns, row, strict=True))
        ]
        for row in table.rows[:rows]
    ]
    return {
        "title": table.title,
        "note": table.note,
        "columns": columns,
        "rows": cells[:FIRST_ROWS] if len(cells) > FIRST_ROWS + 4 else cells,
        "folded": cells[FIRST_ROWS:] if len(cells) > FIRST_ROWS + 4 else [],
        "hidden": max(0, len(table.rows) - rows),
    }


def cut(text: str, characters: int) -> str:
    """The text, shortened with an ellipsis where it is longer."""
    return text if len(text) <= characters else text[: characters - 1] + "…"


def _compared(table: Table) -> int | None:
    """Place of the column that gets bars; None where rows are not to be compared by one."""
    named = len(table.rows) > 1 and all(isinstance(row[0], str) for row in table.rows)
    places = [table.columns.index(name) for name in _COMPARED if name in table.columns]
    numeric = [place for place in places if all(not isinstance(row[place], str) for row in table.rows)]
    return numeric[0] if named and numeric else None


def _size(value: Scalar | None) -> float:
    return max(0.0, float(value)) if isinstance(value, int | float) else 0.0


def _cell(column: str, value: Scalar | None) -> str:
    """A value in its unit, unless the head of the column says it."""
    return quantity(column, value).removesuffix(f"{NBSP}bits/byte")
