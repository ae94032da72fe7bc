"""Tables of numbers in Arrow's file format: looked at where they lie, without decoding or a copy.

For what stays in the shard cache and is read again, such as signatures; what stages give each other is Parquet.
"""

import os
from pathlib import Path

import pyarrow as pa

from bessemer.shards import ShardInfo, name_shard

SUFFIX = ".arrow"


def write_mapped(directory: Path, name: str, table: pa.Table) -> ShardInfo:
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


def read_mapped(directory: Path, name: str) -> pa.RecordBatch:
    """A table whose columns are the mapped file: nothing is read before it is looked at."""
    with pa.memory_map(str(directory / f"{name}{SUFFIX}")) as source:
        return pa.ipc.open_file(source, options=pa.ipc.IpcReadOptions(use_threads=False)).get_batch(0)
