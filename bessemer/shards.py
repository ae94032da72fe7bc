"""Shard directories: Parquet files and a manifest, the same bytes for any number of workers.

Every file is written to a temporary name and renamed, so a killed writer never leaves half a shard.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash
from pyarrow.dataset import ParquetFileFormat, dataset
from pydantic import BaseModel, ConfigDict

from bessemer.errors import DataError

MANIFEST = "_manifest.json"
FORMAT = 1
ROW_GROUP_ROWS = 4096
ROW_GROUP_BYTES = 1 << 18
"""Of text: who needs some documents of a shard reads little beside them."""
NUMBER_GROUP_ROWS = 1 << 16
"""Of tables without text, whose columns are read whole."""
_WITHOUT_DICTIONARY = ("id", "group", "text")
"""Their values hardly repeat: a dictionary of them takes time to write and to read, and space."""
_CHUNK = 1 << 20


class ShardInfo(BaseModel):
    """One file of a shard directory: its name without suffix, rows, size in bytes and xxh3-128 (hex)."""

    model_config = ConfigDict(frozen=True)

    name: str
    rows: int
    bytes: int
    xxh3: str


class Manifest(BaseModel):
    """What a shard directory holds and which digests it was made from."""

    model_config = ConfigDict(frozen=True)

    format: int
    shards: list[ShardInfo]
    totals: dict[str, int]
    made_from: dict[str, str]


def file_digest(path: Path) -> str:
    """xxh3-128 of a file, in hex."""
    digest = xxhash.xxh3_128()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file so that it is either whole or not there: temporary name, fsync, rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def write_json(path: Path, value: object) -> None:
    """Write JSON with sorted keys and a final newline, atomically."""
    write_bytes(path, (json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode())


def write_shard(
    directory: Path,
    name: str,
    table: pa.Table,
    *,
    row_groups: Sequence[int] | None = None,
    plain: Sequence[str] = (),
    durable: bool = True,
) -> ShardInfo:
    """Write one shard with the project's fixed Parquet settings.

    Args:
        directory: created when missing.
        name: file name without ``.parquet``; only letters, digits, ``.``, ``_`` and ``-``.
        table: its row order is kept.
        row_groups: rows of each row group, in order; by default, where there is a column ``text``, at most
            ``ROW_GROUP_ROWS`` and about ``ROW_GROUP_BYTES`` of it, else ``NUMBER_GROUP_ROWS``.
        plain: columns of random bits (hashes), which neither a dictionary nor compression makes smaller.
        durable: wait until the file is on disk. Not needed where its digest is verified before it is used.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}.parquet"
    temporary = directory / f".{name}.{os.getpid()}.tmp"
    table = table.replace_schema_metadata(None)
    leaves = [f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name for field in table.schema]
    squeezed = [column for column in leaves if column not in plain]
    with (
        pa.output_stream(str(temporary), buffer_size=_CHUNK) as sink,  # else every page is written by itself
        pq.ParquetWriter(
            sink,
            table.schema,
            compression={column: "zstd" if column in squeezed else "none" for column in leaves},
            compression_level=dict.fromkeys(squeezed, 3),
            use_dictionary=[column for column in squeezed if column not in _WITHOUT_DICTIONARY],
            data_page_version="2.0",
            write_statistics="text" not in table.column_names,  # of a few rows each, they would be most of the footer
        ) as writer,
    ):
        start = 0
        for rows in _row_groups(table) if row_groups is None else row_groups:
            writer.write_table(table.slice(start, rows), row_group_size=max(1, rows))
            start += rows
    if durable:
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
    return name_shard(temporary, path, table.num_rows)


def name_shard(temporary: Path, path: Path, rows: int) -> ShardInfo:
    """Give a file that is written its name, and say what it is."""
    digest = file_digest(temporary)
    size = temporary.stat().st_size
    temporary.replace(path)
    return ShardInfo(name=path.stem, rows=rows, bytes=size, xxh3=digest)


def _row_groups(table: pa.Table) -> list[int]:
    """Rows of each group: a group ends with the row that fills it."""
    if "text" not in table.column_names:
        starts = range(0, max(1, table.num_rows), NUMBER_GROUP_ROWS)
        return [min(NUMBER_GROUP_ROWS, table.num_rows - start) for start in starts]
    lengths = pc.fill_null(pc.binary_length(table.column("text")), 0).to_numpy().astype(np.int64)
    ends = np.cumsum(lengths)
    groups: list[int] = []
    start = before = 0
    while start < table.num_rows or not groups:
        end = int(np.searchsorted(ends, before + ROW_GROUP_BYTES)) + 1
        end = min(end, start + ROW_GROUP_ROWS, table.num_rows)
        groups.append(end - start)
        start, before = end, int(ends[end - 1]) if end else 0
    return groups


def write_manifest(directory: Path, shards: Iterable[ShardInfo], made_from: Mapping[str, str]) -> Manifest:
    """Write ``_manifest.json``, the last file of a directory to appear: with it the directory is complete."""
    ordered = sorted(shards, key=lambda shard: shard.name)
    totals = {
        "shards": len(ordered),
        "rows": sum(shard.rows for shard in ordered),
        "bytes": sum(shard.bytes for shard in ordered),
    }
    manifest = Manifest(format=FORMAT, shards=ordered, totals=totals, made_from=dict(sorted(made_from.items())))
    write_json(directory / MANIFEST, manifest.model_dump())
    return manifest


def read_manifest(directory: Path) -> Manifest:
    """Read a directory's manifest.

    Raises:
        DataError: it is missing, not readable, or of another format version.
    """
    path = directory / MANIFEST
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise DataError(f"{path} is missing: the stage that makes {directory} has not finished; run it.") from None
    except ValueError as error:
        first = str(error).splitlines()[0]
        raise DataError(f"{path} is damaged ({first}); run the stage that makes {directory} again.") from None
    if manifest.format != FORMAT:
        raise DataError(
            f"{path} has format {manifest.format}, this version reads {FORMAT}; run the stage that makes it again."
        )
    return manifest


def shard_names(directory: Path) -> list[str]:
    """Names of the shards of a directory, sorted, without suffix."""
    return [shard.name for shard in read_manifest(directory).shards]


def read_shard(directory: Path, name: str, columns: Sequence[str] | None = None) -> pa.Table:
    """Read one shard, whole or some columns.

    Raises:
        DataError: the file is missing or not Parquet.
    """
    path = directory / f"{name}.parquet"
    try:
        return pq.read_table(path, columns=None if columns is None else list(columns), partitioning=None)
    except (FileNotFoundError, pa.ArrowInvalid) as error:
        raise _unreadable(path, error) from None


def read_row(directory: Path, name: str, row: int, columns: Sequence[str] | None = None) -> dict[str, Any]:
    """One row of a shard; of its file no more than the row group is read.

    Raises:
        DataError: the file is missing or not Parquet.
        IndexError: it has no such row.
    """
    path = directory / f"{name}.parquet"
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            for group in range(file.num_row_groups):
                rows = file.metadata.row_group(group).num_rows
                if row < rows:
                    read = file.read_row_group(group, None if columns is None else list(columns))
                    found: dict[str, Any] = read.slice(row, 1).to_pylist()[0]
                    return found
                row -= rows
    except (FileNotFoundError, pa.ArrowInvalid) as error:
        raise _unreadable(path, error) from None
    raise IndexError(f"{path} has fewer rows than asked for, by {row + 1}")


def _unreadable(path: Path, error: Exception) -> DataError:
    first = str(error).splitlines()[0]
    return DataError(f"{path} cannot be read ({first}); run the stage that makes {path.parent} again.")


def require_made_from(directory: Path, documents: Path, stage: str) -> None:
    """A directory that ``stage`` makes, with rows for documents, was made from those that are there.

    Raises:
        DataError: it was not.
    """
    if read_manifest(directory).made_from.get("documents") != directory_digest(documents):
        raise DataError(f"{directory} was made from other documents than {documents}; run the stage {stage} again.")


def column_names(directory: Path, name: str) -> list[str]:
    """Names of the columns of one shard.

    Raises:
        DataError: the file is missing or not Parquet.
    """
    path = directory / f"{name}.parquet"
    try:
        return list(pq.read_schema(path).names)
    except (FileNotFoundError, pa.ArrowInvalid) as error:
        raise _unreadable(path, error) from None


def read_shards(
    directory: Path, names: Sequence[str], columns: Sequence[str], dictionaries: Sequence[str] = ()
) -> pa.Table:
    """Columns of several shards as one table, in the order of the names; files are read side by side.

    Args:
        directory: a shard directory.
        names: of shards.
        columns: to read.
        dictionaries: string columns with few values, which are read as dictionary arrays: many times faster.

    Raises:
        DataError: a file is missing or not Parquet, or a column is not there.
    """
    files = [str(directory / f"{name}.parquet") for name in names]
    try:
        kind = ParquetFileFormat(
            dictionary_columns=set(dictionaries) & set(columns), pre_buffer=False
        )  # files are local
        return dataset(files, format=kind).to_table(columns=list(columns)).unify_dictionaries()
    except (FileNotFoundError, pa.ArrowInvalid) as error:
        raise _unreadable(directory / names[0], error) from None


def read_directory(directory: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """All shards of a directory as one table, in the order of the manifest."""
    names = shard_names(directory)
    if not names:
        raise DataError(f"{directory} has no shards: the stage that makes it had nothing to read; check `sources`.")
    return pa.concat_tables([read_shard(directory, name, columns) for name in names])


def read_aligned(name: str, documents: Path, *sidecars: Path) -> list[pa.Table]:
    """The shard ``name`` of the documents and of each sidecar, asserted to have the same ids in the same order.

    Raises:
        DataError: the ids differ, so the sidecar was made from other documents.
    """
    first = read_shard(documents, name)
    tables = [first]
    for sidecar in sidecars:
        table = read_shard(sidecar, name)
        if not first.column("id").equals(table.column("id")):
            raise DataError(
                f"{sidecar / name}.parquet has other ids than {documents}: run the stage that makes it again."
            )
        tables.append(table)
    return tables


def verify(directory: Path) -> None:
    """Compare every file with the manifest.

    Raises:
        DataError: a file is missing, was changed, or is not listed.
    """
    manifest = read_manifest(directory)
    for shard in manifest.shards:
        path = directory / f"{shard.name}.parquet"
        if not path.exists():
            raise DataError(f"{path} is missing although the manifest lists it; run the stage that makes it again.")
        if file_digest(path) != shard.xxh3:
            raise DataError(f"{path} differs from its manifest; run the stage that makes it again.")
    listed = {f"{shard.name}.parquet" for shard in manifest.shards}
    extra = sorted(path.name for path in directory.glob("*.parquet") if path.name not in listed)
    if extra:
        raise DataError(
            f"{directory} holds {extra[0]}, which its manifest does not list; remove it or run the stage again."
        )


def directory_digest(directory: Path) -> str:
    """Digest of a complete shard directory: that of its manifest, which holds the digest of every file."""
    return file_digest(directory / MANIFEST)
