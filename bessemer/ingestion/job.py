"""One job of ``ingest``: verify the files against their pins, read them, write documents and quarantine."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from bessemer.config.ingest import IngestParams
from bessemer.documents import DOCUMENT_SCHEMA, document_id
from bessemer.engine import Job, OutputWriter, Stats
from bessemer.ingestion.documents import Document, documents_of_items
from bessemer.ingestion.plan import Work
from bessemer.ingestion.tally import Tally
from bessemer.readers.formats import format_of, read_file
from bessemer.readers.hub import read_hub
from bessemer.readers.records import Item, Limits, Record, Skipped, Unreadable
from bessemer.sources import open_pinned
from bessemer.watch import Watch

DOCUMENTS = "documents"
QUARANTINE = "quarantine"
"""Roles of the two outputs."""

_BATCH = 64
_BATCH_BYTES = 1 << 20
"""Items, and bytes of records, that are turned into documents together: few enough to stay in a processor's cache."""

_QUARANTINE_FIELDS: "list[pa.Field[Any]]" = [
    pa.field("id", pa.string(), nullable=False),
    pa.field("source", pa.string(), nullable=False),
    pa.field("file", pa.string(), nullable=False),
    pa.field("locator", pa.string(), nullable=False),
    pa.field("reason", pa.string(), nullable=False),
    pa.field("detail", pa.string(), nullable=False),
    pa.field("records", pa.int64(), nullable=False),
    pa.field("bytes", pa.int64(), nullable=False),
    pa.field("excerpt", pa.string(), nullable=False),
]
QUARANTINE_SCHEMA = pa.schema(_QUARANTINE_FIELDS)
"""``id`` is the id that the document would have; ``records`` is how many records the row stands for."""


def ingest_job(job: Job, out: OutputWriter, *, root: Path, params: IngestParams) -> Stats:
    """Read what the job's :class:`Work` names, and write its shards as it goes.

    Args:
        job: its payload is a :class:`Work`.
        out: takes shards of the roles ``documents`` and ``quarantine``, named ``<job>-<part>``.
        root: of the checkout.
        params: of the stage.

    Returns:
        A dumped :class:`Tally`.

    Raises:
        DataError: a file is not what its lock pins, or not what its source says it is.
    """
    work: Work = job.payload
    tally = Tally(work.source.name, stored_bytes=work.stored_bytes)
    documents = _ShardBuilder(out, DOCUMENTS, job.name, DOCUMENT_SCHEMA, params)
    quarantine = _ShardBuilder(out, QUARANTINE, job.name, QUARANTINE_SCHEMA, params)
    for file, result in _results(work, root, params, out.watch, out.directory):
        if isinstance(result, Unreadable):
            tally.add_unreadable(result, file)
            quarantine.add(_quarantine_row(result, work.source.name, file), len(result.excerpt))
        elif isinstance(result, Skipped):
            tally.add_skipped(result)
        else:
            tally.add_documents(result, keep=params.samples, seed=params.seed)
            for document in result:
                documents.add(document.row, document.bytes)
    documents.flush()
    quarantine.flush()
    return tally.dump()


def _results(
    work: Work, root: Path, params: IngestParams, watch: Watch, folder: Path
) -> Iterator[tuple[str, Sequence[Document] | Unreadable | Skipped]]:
    """What became of every item, with the name of its file."""
    files: list[str] = []
    items: list[Item] = []
    held = 0
    for file, item in _items(work, root, _limits(params), folder):
        files.append(file)
        items.append(item)
        held += item.size if isinstance(item, Record) else 0
        if len(items) >= _BATCH or held >= _BATCH_BYTES:
            yield from zip(files, documents_of_items(items, work.source, params, watch), strict=True)
            files, items, held = [], [], 0
    yield from zip(files, documents_of_items(items, work.source, params, watch), strict=True)


def _items(work: Work, root: Path, limits: Limits, folder: Path) -> Iterator[tuple[str, Item]]:
    """Items of all files of the job with the name of their file, as the source names it."""
    source = work.source
    if work.hub is not None and source.huggingface is not None:
        hub = work.hub
        for item in read_hub(
            source.huggingface, hub.commit, work.part, hub.parts, columns=source.columns, limits=limits
        ):
            yield hub.repository, item
    for file in work.files:
        with open_pinned(root, source, work.base, file, folder) as path:
            for item in read_file(path, file.path, format_of(file.path, source.format), source.columns, limits):
                yield file.path, item


def _limits(params: IngestParams) -> Limits:
    return Limits(params.max_record_bytes, params.max_expansion, params.max_undecodable)


def _quarantine_row(item: Unreadable, source: str, file: str) -> dict[str, Any]:
    return {
        "id": document_id(source, item.locator),
        "source": source,
        "file": file,
        "locator": item.locator,
        "reason": item.reason.value,
        "detail": item.detail,
        "records": item.records,
        "bytes": item.size,
        "excerpt": item.excerpt.decode("utf-8", "backslashreplace"),
    }


class _ShardBuilder:
    """Rows of one role, written as a shard whenever there are ``shard_records`` of them or ``shard_bytes`` of text."""

    def __init__(self, out: OutputWriter, role: str, job: str, schema: pa.Schema, params: IngestParams) -> None:
        self._out, self._role, self._job, self._schema = out, role, job, schema
        self._max_rows, self._max_bytes = params.shard_records, params.shard_bytes
        self._rows: list[dict[str, Any]] = []
        self._bytes = self._part = 0

    def add(self, row: dict[str, Any], size: int) -> None:
        """Add a row of about ``size`` bytes."""
        self._rows.append(row)
        self._bytes += size
        if len(self._rows) >= self._max_rows or self._bytes >= self._max_bytes:
            self.flush()

    def flush(self) -> None:
        """Write the rows that are held, if any."""
        if self._rows:
            self._out.write(self._role, f"{self._job}-{self._part:05d}", pa.Table.from_pylist(self._rows, self._schema))
            self._rows, self._bytes, self._part = [], 0, self._part + 1
