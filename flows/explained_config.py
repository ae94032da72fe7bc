"""``bessemer explain-config``: what training derives from the two files, asked in a process of its own."""

from __future__ import annotations

import json
import sys
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bessemer.errors import BessemerError, ConfigError
from flows.runner import capture

_TIMEOUT_S = 120.0


def explain_config_command(root: Path, console: Console, *, processes: int | None, as_json: bool) -> int:
    """``bessemer explain-config``: 0 when the run could start.

    Raises:
        ConfigError: the settings exclude each other, or cannot work here.
        BessemerError: the process did not answer.
    """
    if processes is not None and processes < 1:
        raise ConfigError("--processes is at least 1.")
    command = [sys.executable, "-m", "bessemer.training.explain_config"]
    status, output = capture(
        [*command, *([] if processes is None else [str(processes)])], timeout_s=_TIMEOUT_S, cwd=root
    )
    try:
        answer = json.loads(output.strip().splitlines()[-1])
    except (ValueError, IndexError):
        raise BessemerError(f"training could not be asked (status {status}): {output.strip()[-400:]}") from None
    if isinstance(answer, dict):
        raise ConfigError(answer["error"])
    if as_json:
        print(json.dumps(answer, indent=1, ensure_ascii=False))
        return 0
    for section, items in groupby(answer, key=lambda item: str(item["section"])):
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column()
        table.add_column(style="dim")
        for item in items:
            table.add_row(f"  {item['name']}", escape(_shown(item["value"])), escape(item["why"]))
        console.print(f"[bold]{section}[/]")
        console.print(table)
    return 0


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}"
    return json.dumps(value, indent=1) if isinstance(value, dict) else "none" if value is None else str(value)
