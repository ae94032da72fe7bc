"""From encoded documents to the two token directories: each shard is a range of the global order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bessemer.progress import Progress
from bessemer.tokens.directory import (
    DOCUMENTS_SCHEMA,
    TokenManifest,
    TokenShard,
    describe_shard,
    shard_name,
    write_documents,
    write_token_manifest,
)
from bessemer.tokens.encoding import GLOBAL_ORDER, read_range
from bessemer.tokens.indexed import IndexedWriter, token_dtype
from bessemer.tokens.order import key_range

VALIDATION_SCHEMA = DOCUMENTS_SCHEMA.append(pa.field("text", pa.large_string(), nullable=False))


@dataclass(frozen=True)
class Encoded:
    """Encoded documents, and what a tokenizer says about their ids.

    Attributes:
        directory: of encoded shards.
        names: of these shards.
        vocab_size: bounds every id.
        eos_id: written after every document.
    """

    directory: Path
    names: Sequence[str]
    vocab_size: int
    eos_id: int


def assemble_train(
    target: Path,
    encoded: Encoded,
    leave_out: pa.Array[Any],
    *,
    shards: int,
    threads: int,
    made_from: Mapping[str, str],
    bar: Progress,
) -> TokenManifest:
    """Write the training split.

    Args:
        target: directory, created when missing.
        encoded: all documents.
        leave_out: string array of ids that are in validation or removed for its sake.
        shards: pairs of files to cut the order into.
        threads: shards that are written at the same time; the bytes are the same for any number.
        made_from: digests for the manifest.
        bar: counts shards.
    """

    def write(number: int) -> tuple[TokenShard, pa.Table]:
        table = read_range(encoded.directory, encoded.names, *key_range(number, shards))
        kept = table.filter(pc.invert(pc.is_in(table.column("id"), value_set=leave_out)))
        return write_pair(target, shard_name(number), kept, encoded)

    target.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(threads) as pool:
        written = []
        for result in pool.map(write, range(shards)):
            written.append(result)
            bar.advance()
    write_documents(target, (table for _, table in written))
    return _manifest(target, [shard for shard, _ in written], encoded, made_from)


def assemble_validation(
    target: Path, encoded: Encoded, held_out: pa.Table, *, made_from: Mapping[str, str]
) -> TokenManifest:
    """Write the validation split: one pair of files, and the texts in ``documents.parquet``.

    Args:
        target: directory, created when missing.
        encoded: all documents.
        held_out: ``id`` and ``text`` of the validation documents.
        made_from: digests for the manifest.
    """
    chosen = []
    for name in encoded.names:
        table = read_range(encoded.directory, [name], 0, 1 << 64)
        table = table.filter(pc.equal(table.column("copy"), pa.scalar(0, pa.int32())))
        chosen.append(table.filter(pc.is_in(table.column("id"), value_set=held_out.column("id"))))
    ordered = pa.concat_tables(chosen).sort_by(GLOBAL_ORDER)
    target.mkdir(parents=True, exist_ok=True)
    shard, documents = write_pair(target, shard_name(0), ordered, encoded)
    texts = held_out.column("text").take(pc.index_in(documents.column("id"), value_set=held_out.column("id")))
    write_documents(target, [documents.append_column("text", texts)], VALIDATION_SCHEMA)
    return _manifest(target, [shard], encoded, made_from)


def write_pair(target: Path, name: str, table: pa.Table, encoded: Encoded) -> tuple[TokenShard, pa.Table]:
    """Write one pair of files from encoded rows, in their order; its entry, and its rows of ``documents.parquet``."""
    with IndexedWriter(target / name, token_dtype(encoded.vocab_size)) as writer:
        for ids in table.column("ids").chunks:
            for document in _documents(cast("pa.LargeListArray[Any]", ids)):
                writer.add(np.append(document, encoded.eos_id))
    tokens = pc.add(pc.list_value_length(table.column("ids")).cast(pa.int64()), pa.scalar(1, pa.int64()))
    columns = {column: table.column(column) for column in ("id", "source", "language", "bytes")}
    documents = pa.table(columns | {"tokens": tokens, "shard": pa.repeat(name, table.num_rows)})
    return describe_shard(target, name), documents.cast(DOCUMENTS_SCHEMA)


def _documents(ids: pa.LargeListArray[Any]) -> list[NDArray[np.int32]]:
    values, offsets = ids.flatten().to_numpy(), ids.offsets.to_numpy()
    return np.split(values, offsets[1:-1] - offsets[0]) if len(ids) else []


def _manifest(target: Path, shards: list[TokenShard], encoded: Encoded, made_from: Mapping[str, str]) -> TokenManifest:
    return write_token_manifest(
        target, shards, vocab_size=encoded.vocab_size, eos_id=encoded.eos_id, made_from=made_from
    )
