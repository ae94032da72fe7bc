"""What the benchmarks' command lines share: their options, and printing and writing what was measured."""

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.tables import Table

_STARTED = time.perf_counter()


def parser_of(name: str, description: str | None, *, quick: str, given: str) -> argparse.ArgumentParser:
    """A parser with the options that every such benchmark has.

    Args:
        name: of the benchmark's module, below ``benchmarks``.
        description: its docstring.
        quick: what ``--quick`` leaves out.
        given: what ``--input`` takes.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"under a minute: {quick}")
    parser.add_argument("--input", type=Path, help=given)
    parser.add_argument("--json", type=Path, help="file to write the flat keys to")
    parser.add_argument("--save", action="store_true", help=f"write benchmarks/results/{name}-<machine>.json and .md")
    return parser


def show(flat: Mapping[str, float | None], tables: Sequence[Table], file: Path | None) -> None:
    """Print the tables and the flat keys, and write the keys to a file if one is given."""
    for table in tables:
        print(f"\n{table.text()}")
    print(f"\n{json.dumps(flat, indent=1)}\n{time.perf_counter() - _STARTED:.0f} s in all")
    if file:
        file.write_text(json.dumps(flat, indent=1) + "\n")


def say(name: str, what: str) -> None:
    """What a benchmark does now, on standard error, with the seconds since the start."""
    print(f"benchmarks.{name}: {time.perf_counter() - _STARTED:4.0f} s: {what}", file=sys.stderr, flush=True)
