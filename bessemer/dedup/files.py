"""Deduplication of any files, without the line: documents in, pairs out."""

import functools
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bessemer.cache import open_cache
from bessemer.config.dedup import DedupParams
from bessemer.config.sources import Columns
from bessemer.dedup.corpus import Corpus, read_columns
from bessemer.dedup.duplicates import Duplicates, find_duplicates
from bessemer.dedup.exact import ExactGroups
from bessemer.documents import document_id
from bessemer.engine import Job, OutputWriter, Stats, finish_directory, map_jobs
from bessemer.errors import DataError
from bessemer.readers.formats import format_of, read_file
from bessemer.readers.records import Limits, Record, Skipped
from bessemer.shards import file_digest
from bessemer.stage import StageContext

DOCUMENTS = "documents"
SHARD_BYTES = 32 << 20
"""UTF-8 bytes of text in a shard, about."""
_LIMITS = Limits(record_bytes=64 << 20, expansion=1000.0, undecodable=0.05)


@dataclass(frozen=True)
class Outcome:
    """What was found, as a table of pairs, and what was read.

    Attributes:
        pairs: columns ``a``, ``b`` (how the files call the documents), ``similarity`` (true Jaccard; 1 for identical
            texts) and ``kind``: ``exact`` (b is a copy of a) or ``near``.
        found: what they were made from.
        unreadable: records that could not be read.
    """

    pairs: pa.Table
    found: Duplicates
    unreadable: int


def duplicates_in_files(
    files: Sequence[Path], columns: Columns, name_column: str | None, params: DedupParams, stage: StageContext
) -> Outcome:
    """Find exact and near duplicates among the documents of files.

    Args:
        files: of any format that has a reader and gives text: jsonl, Parquet, text, WET.
        columns: names of their fields.
        name_column: the column of Parquet files that names a document; without one, file and row do.
        params: of deduplication.
        stage: gives workers and the shard cache.

    Raises:
        DataError: a file cannot be read, or none holds a document.
    """
    scratch = open_cache(stage.root / stage.runtime.cache_dir, stage.runtime.cache_max_gb).workspace()
    try:
        documents = scratch / DOCUMENTS
        results = map_jobs(
            functools.partial(import_file, columns, name_column),
            _jobs(files),
            outputs={DOCUMENTS: documents},
            stage=stage,
            label="files",
            key=[columns.model_dump(), name_column],
            link=True,
        )
        manifest = finish_directory(results, DOCUMENTS, documents, {})
        if not manifest.totals["rows"]:
            raise DataError(f"{files[0]}{' and the others' * (len(files) > 1)}: no document with a text was found.")
        found = find_duplicates(documents, params, stage)
        return Outcome(_pairs(documents, found), found, sum(result.stats["unreadable"] for result in results))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def import_file(columns: Columns, name_column: str | None, job: Job, out: OutputWriter) -> Stats:
    """Write the documents of a file as shards: ``id``, ``name``, ``text``."""
    path: Path = job.payload
    kind = format_of(path.name)
    unreadable: list[int] = []
    if kind == "parquet":
        batches = _parquet_batches(path, columns.text, name_column)
    else:
        batches = _record_batches(_records(path, columns, unreadable))
    for part, (names, texts) in enumerate(batches):
        ids = [document_id(job.name, f"{part}:{row}") for row in range(len(texts))]
        table = pa.table({"id": pa.array(ids, pa.string()), "name": names, "text": texts.cast(pa.large_string())})
        out.write(DOCUMENTS, f"{job.name}-{part:05d}", table, plain=["text"])
    return {"unreadable": sum(unreadable)}


def _jobs(files: Sequence[Path]) -> list[Job]:
    """A job for each file, named after its content, so that other files change nothing about it."""
    seen: Counter[str] = Counter()
    jobs = []
    for path in files:
        digest = file_digest(path)
        seen[digest] += 1
        jobs.append(Job(f"{digest}-{seen[digest]}", {"file": digest, "name": path.name}, path))
    return jobs


def _parquet_batches(path: Path, text: str, name_column: str | None) -> Iterator[tuple[pa.Array, pa.Array]]:
    """Names and texts of a Parquet file; rows without text are left out."""
    with pq.ParquetFile(path) as file:
        wanted = [text, *([name_column] if name_column else [])]
        missing = [name for name in wanted if name not in file.schema_arrow.names]
        if missing:
            raise DataError(
                f"{path} has no column {missing[0]}; its columns are {', '.join(file.schema_arrow.names)}; "
                "name one of them with --text-column or --id-column."
            )
        first, waiting, size = 0, [], 0
        for batch in file.iter_batches(1024, columns=wanted, use_threads=False):
            rows = np.arange(first, first + len(batch))
            first += len(batch)
            names = batch.column(name_column).cast(pa.string()) if name_column else _row_names(path, rows)
            table = pa.table({"name": names, "text": batch.column(text)})
            waiting.append(table.filter(pc.is_valid(table.column("text"))))
            size += batch.column(text).nbytes
            if size >= SHARD_BYTES:
                yield _joined(waiting)
                waiting, size = [], 0
        if waiting:
            yield _joined(waiting)


def _record_batches(records: Iterable[tuple[str, str]]) -> Iterator[tuple[pa.Array, pa.Array]]:
    names: list[str] = []
    texts: list[str] = []
    size = 0
    for name, text in records:
        names.append(name)
        texts.append(text)
        size += len(text)
        if size >= SHARD_BYTES:
            yield pa.array(names, pa.string()), pa.array(texts, pa.large_string())
            names, texts, size = [], [], 0
    if names:
        yield pa.array(names, pa.string()), pa.array(texts, pa.large_string())


def _records(path: Path, columns: Columns, unreadable: list[int]) -> Iterator[tuple[str, str]]:
    for item in read_file(path, path.name, format_of(path.name), columns, _LIMITS):
        if isinstance(item, Record) and item.text is not None:
            yield item.locator, item.text
        elif isinstance(item, Record):
            raise DataError(f"{path} holds web pages, not texts; let `ingest` extract them first.")
        elif not isinstance(item, Skipped):
            unreadable.append(item.records)


def _row_names(path: Path, rows: NDArray[np.int64]) -> pa.Array:
    return pa.array([f"{path.name}:{row + 1}" for row in rows.tolist()], pa.string())


def _joined(tables: list[pa.Table]) -> tuple[pa.Array, pa.Array]:
    table = pa.concat_tables(tables)
    return table.column("name").combine_chunks(), table.column("text").cast(pa.large_string()).combine_chunks()


def _pairs(documents: Path, found: Duplicates) -> pa.Table:
    """Exact copies beside their representative, then near duplicates, with the names that the files give."""
    copies = _copies(found.corpus, found.groups)
    pairs = np.concatenate((copies, found.near.pairs))
    names = _names(documents, found.corpus, np.unique(pairs))
    place = np.searchsorted(np.unique(pairs), pairs)
    similarity = np.concatenate((np.ones(len(copies)), found.near.similarity))
    kinds = ["exact"] * len(copies) + ["near"] * len(found.near.pairs)
    columns = {"a": names.take(pa.array(place[:, 0])), "b": names.take(pa.array(place[:, 1]))}
    return pa.table({**columns, "similarity": similarity, "kind": pa.array(kinds, pa.string())})


def _copies(corpus: Corpus, groups: ExactGroups) -> NDArray[np.int64]:
    """Shape (copies, 2): the representative of a group, and each other member."""
    rows = np.flatnonzero(groups.size > 1)
    rows = rows[np.lexsort((corpus.ids[rows, 1], corpus.ids[rows, 0], corpus.hashes[rows, 1], corpus.hashes[rows, 0]))]
    leads = np.isin(rows, groups.representative)
    lead = rows[leads][np.cumsum(leads) - 1] if len(rows) else rows
    return np.stack((lead[~leads], rows[~leads]), axis=1)


def _names(documents: Path, corpus: Corpus, rows: NDArray[np.int64]) -> pa.Array:
    parts = [
        read_columns(documents, corpus.shards[shard], ["name"]).column("name").take(pa.array(local)).combine_chunks()
        for shard, local in corpus.rows_by_shard(rows)
    ]
    return pa.concat_arrays(parts) if parts else pa.array([], pa.string())
