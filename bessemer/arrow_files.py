"""Tables of numbers in Arrow's file format, which are read without decoding.

For what stays in the shard cache and is read again, such as signatures; what stages give each other is Parquet.
Files are read, not mapped: to map and unmap many small ones takes longer, and threads wait for each other meanwhile.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from bessemer.shards import ShardInfo, name_shard

SUFFIX = ".arrow"
_OPTIONS = pa.ipc.IpcReadOptions(use_threads=False)


def write_arrow(directory: Path, name: str, table: pa.Table) -> ShardInfo:
    """Write one table as a single record batch, not waited for on the disk: the cache verifies what it gives out.

    Args:
        directory: created when missing.
        name: file name without ``.arrow``.
        table: its row order is kept.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}{SUFFIX}"
    temporary = directory / f".{name}.{os.getpid()}.tmp"
    batch = pa.record_batch([column.combine_chunks() for column in table.columns], names=table.column_names)
    with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return name_shard(temporary, path, table.num_rows)


def read_arrow(directory: Path, name: str, columns: Sequence[int] | None = None) -> pa.RecordBatch:
    """A table, in memory.

    Args:
        directory: where the file is.
        name: file name without ``.arrow``.
        columns: places of those that are wanted, ascending; of the file no others are read, each by itself. Without,
            the file is read at once, which for a small one takes less time than a quarter of its columns does.
    """
    path = directory / f"{name}{SUFFIX}"
    if columns is None:
        return pa.ipc.open_file(path.read_bytes(), options=_OPTIONS).get_batch(0)
    options = pa.ipc.IpcReadOptions(use_threads=False, included_fields=list(columns))
    with pa.OSFile(str(path)) as source:
        return pa.ipc.open_file(source, options=options).get_batch(0)
