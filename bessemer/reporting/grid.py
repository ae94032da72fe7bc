"""A table of a report as cells: text, alignment, and a bar behind the numbers that a reader will want to compare."""

import math
from typing import Any

from bessemer.reporting.numbers import NBSP, percent, quantity, words
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

    Where the first column names things and others count them, the most telling column gets bars; cells of shares are
    shaded by the root of their size, so that one large cell does not blanch the others.
    """
    columns = [
        {
            "name": words(name) if place == 0 or not table.shares else name,
            "numeric": any(row[place] is not None for row in table.rows)
            and all(not isinstance(row[place], str) for row in table.rows),
        }
        for place, name in enumerate(table.columns)
    ]
    bars = None if table.shares else _compared(table)
    largest = max((_size(row[bars]) for row in table.rows), default=0.0) if bars is not None else 0.0
    darkest = max((_size(value) for row in table.rows for value in row), default=0.0) if table.shares else 0.0
    cells = [
        [
            {
                "text": cut(_share(value) if table.shares else _cell(name, value), LABEL),
                "width": 100 * _size(value) / largest if place == bars and largest > 0 else None,
                "shade": 100 * math.sqrt(_size(value) / darkest)
                if darkest > 0 and not isinstance(value, str)
                else None,
            }
            for place, (name, value) in enumerate(zip(table.columns, row, strict=True))
        ]
        for row in table.rows[:rows]
    ]
    open_rows = len(cells) if table.shares or len(cells) <= FIRST_ROWS + 4 else FIRST_ROWS
    return {
        "title": table.title,
        "shares": table.shares,
        "note": table.note,
        "columns": columns,
        "rows": cells[:open_rows],
        "folded": cells[open_rows:],
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


def _share(value: Scalar | None) -> str:
    """Nothing where there is none, so that what there is stands out."""
    if isinstance(value, str):
        return value
    return percent(value) if value else ""


def _size(value: Scalar | None) -> float:
    return max(0.0, float(value)) if isinstance(value, int | float) else 0.0


def _cell(column: str, value: Scalar | None) -> str:
    """A value in its unit, unless the head of the column says it."""
    return quantity(column, value).removesuffix(f"{NBSP}bits/byte")
