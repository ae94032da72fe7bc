"""JSON lines that params.yaml names for judging models: evaluation sets and reference texts."""

import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zstandard


def open_text(path: Path) -> io.TextIOWrapper:
    """A UTF-8 text file; ``.gz`` and ``.zst`` are unpacked while it is read."""
    binary: Any
    if path.suffix == ".gz":
        binary = gzip.open(path, "rb")  # noqa: SIM115 (closed with the wrapper)
    elif path.suffix == ".zst":
        binary = zstandard.ZstdDecompressor().stream_reader(path.open("rb"), read_across_frames=True)
    else:
        binary = path.open("rb")
    return io.TextIOWrapper(binary, encoding="utf-8")


def read_objects(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSON lines file, in order; empty lines are passed over.

    Raises:
        ValueError: a line is not a JSON object.
    """
    with open_text(path) as file:
        for line in file:
            if line.strip():
                record = json.loads(line)
                if not isinstance(record, dict):
                    raise ValueError("a line is not a JSON object")
                yield record
