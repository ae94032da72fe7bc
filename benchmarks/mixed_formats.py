"""A corpus as raw files of several formats, from the documents of `benchmarks.corpus`: what `ingest` reads."""

import gzip
import io
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from benchmarks.corpus import Document

FILE_DOCUMENTS = 10_000
"""Documents of one file that holds many."""
TEXT_FILES = 1_000
"""Documents that are a file each."""
_SHARES = ("jsonl", "jsonl", "parquet", "wet")


@dataclass
class Written:
    """What was written: documents, and UTF-8 bytes of their texts."""

    documents: int = 0
    bytes: int = 0


def write_mixed(documents: Iterator[Document], folder: Path) -> Written:
    """Write documents as ``text/``, ``jsonl/``, ``parquet/`` and ``wet/`` files below ``folder``."""
    written = Written()
    for document in itertools.islice(documents, TEXT_FILES):
        _count(written, document)
        path = folder / "text" / f"{document.number:06d}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(document.text)
    for number, kind in enumerate(itertools.cycle(_SHARES)):
        batch = list(itertools.islice(documents, FILE_DOCUMENTS))
        if not batch:
            return written
        for document in batch:
            _count(written, document)
        (folder / kind).mkdir(parents=True, exist_ok=True)
        _WRITERS[kind](batch, folder / kind / f"part-{number:05d}")
    return written


def _count(written: Written, document: Document) -> None:
    written.documents += 1
    written.bytes += len(document.text)


def _write_jsonl(batch: list[Document], path: Path) -> None:
    lines = (json.dumps({"text": one.text.decode(), "url": _address(one)}, ensure_ascii=False) for one in batch)
    data = zstandard.ZstdCompressor(level=3).compress("\n".join(lines).encode())
    path.with_suffix(".jsonl.zst").write_bytes(data)


def _write_parquet(batch: list[Document], path: Path) -> None:
    texts, addresses = [one.text.decode() for one in batch], [_address(one) for one in batch]
    pq.write_table(pa.table({"text": texts, "url": addresses}), path.with_suffix(".parquet"), compression="zstd")


def _write_wet(batch: list[Document], path: Path) -> None:
    """One gzip member a record, as Common Crawl writes them."""
    out = io.BytesIO()
    for one in batch:
        head = (
            f"WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: {_address(one)}\r\n"
            f"WARC-Date: 2026-01-01T00:00:00Z\r\nWARC-Record-ID: <urn:uuid:{one.number:032x}>\r\n"
            f"Content-Type: text/plain\r\nContent-Length: {len(one.text)}\r\n\r\n"
        )
        out.write(gzip.compress(head.encode() + one.text + b"\r\n\r\n", 1, mtime=0))
    path.with_suffix(".warc.wet.gz").write_bytes(out.getvalue())


def _address(document: Document) -> str:
    return f"https://example.org/{document.number}"


_WRITERS: dict[str, Callable[[list[Document], Path], None]] = {
    "jsonl": _write_jsonl,
    "parquet": _write_parquet,
    "wet": _write_wet,
}
