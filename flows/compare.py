"""``bessemer compare``: two runs side by side, in the terminal and in one page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bessemer.reporting.amounts import assumed_power
from bessemer.reporting.compare import compare_page, cost_facts, lead
from bessemer.reporting.comparison import Line, changed_inputs, changed_metrics, changed_parameters, scores
from bessemer.reporting.side import Side
from bessemer.reporting.untrusted import neutralise
from bessemer.shards import write_bytes
from flows.runs import RUNS
from flows.sides import side

ROWS = 15
"""Rows of a table in the terminal; the page has more."""

_STYLES = {"good": "green", "bad": "red", "idle": "dim"}


def compare_command(root: Path, names: tuple[str, str], out: Path | None, console: Console) -> int:
    """``bessemer compare``.

    Raises:
        ConfigError: one of the two is no run and no revision.
    """
    a, b = (side(root, name) for name in names)
    power = assumed_power(root)
    target = out or root / RUNS / f"compare-{_file_name(a.name)}-{_file_name(b.name)}.html"
    write_bytes(target, compare_page(a, b, power).encode())
    _say(console, f"A  {a.name}  {'; '.join(a.about)}")
    _say(console, f"B  {b.name}  {'; '.join(b.about)}")
    _say(console, lead(a, b))
    _scores(a, b, console)
    _table("parameter", changed_parameters(a, b), console)
    _table("number", changed_metrics(a, b), console)
    _table("cost", cost_facts(a, b, power), console)
    inputs = changed_inputs(a, b)
    if inputs:
        _say(console, f"{len(inputs)} files of code, inputs and packages differ")
    _say(console, f"page: {target}")
    return 0


def _scores(a: Side, b: Side, console: Console) -> None:
    table = _grid("score", "A", "B", "B − A", "")
    for score in scores(a, b):
        one, two = (
            f"{value} ({ends})" if ends else value for value, ends in ((score.a, score.of_a), (score.b, score.of_b))
        )
        verdict = Text(score.verdict.text, style=_STYLES[score.verdict.tone])
        table.add_row(_text(score.label), _text(one), _text(two), _text(score.difference), verdict)
    if table.row_count:
        console.print(table)


def _table(title: str, lines: Sequence[Line], console: Console) -> None:
    if not lines:
        return
    table = _grid(title, "A", "B", "change")
    for line in lines[:ROWS]:
        label = f"{line.group}  {line.label}" if line.group else line.label
        table.add_row(*(_text(cell) for cell in (label, line.a, line.b, line.change)))
    console.print(table)
    if len(lines) > ROWS:
        _say(console, f"and {len(lines) - ROWS} more on the page")


def _grid(*titles: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for place, title in enumerate(titles):
        table.add_column(title, justify="left" if place == 0 or not title else "right", overflow="fold")
    return table


def _text(value: str) -> Text:
    return Text(neutralise(value))


def _say(console: Console, line: str) -> None:
    console.print(_text(line), soft_wrap=True)


def _file_name(name: str) -> str:
    """A name as part of a file's: a revision may have slashes, and begin with a dot."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip(".") or "_"
