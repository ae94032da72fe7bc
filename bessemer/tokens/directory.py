"""A token directory: ``shard-*.bin/.idx``, ``documents.parquet`` and a manifest that says all of it is there.

Row *k* of ``documents.parquet`` is sequence *k*, counted through the shards in the order of their names.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from bessemer.errors import DataError
from bessemer.shards import MANIFEST, ROW_GROUP_ROWS, file_digest, write_json
from bessemer.tokens.indexed import IndexedFile, IndexedWriter, token_dtype

FORMAT = 1
DOCUMENTS = "documents.parquet"
_FIELDS: list[pa.Field[Any]] = [
    pa.field("id", pa.string(), nullable=False),
    pa.field("source", pa.string(), nullable=False),
    pa.field("language", pa.string()),
    pa.field("bytes", pa.int64(), nullable=False),
    pa.field("tokens", pa.int64(), nullable=False),
    pa.field("shard", pa.string(), nullable=False),
]
DOCUMENTS_SCHEMA = pa.schema(_FIELDS)
"""``bytes`` of UTF-8 text, ``tokens`` with the final end-of-text; validation has a further column ``text``."""


class TokenShard(BaseModel):
    """One pair of indexed files: its name without suffix, what it holds, and the xxh3-128 of both files."""

    model_config = ConfigDict(frozen=True)

    name: str
    sequences: int
    tokens: int
    bin_bytes: int
    bin_xxh3: str
    idx_xxh3: str


class TokenManifest(BaseModel):
    """What a token directory holds. ``eos_id`` ends every document; ``vocab_size`` bounds every id."""

    model_config = ConfigDict(frozen=True)

    format: int
    dtype: str
    vocab_size: int
    eos_id: int
    shards: list[TokenShard]
    documents_xxh3: str
    totals: dict[str, int]
    made_from: dict[str, str]


def shard_name(number: int) -> str:
    """``shard-00000`` and so on."""
    return f"shard-{number:05d}"


def describe_shard(directory: Path, name: str) -> TokenShard:
    """Measure and digest a finished pair of files."""
    indexed = IndexedFile(directory / name)
    data = directory / f"{name}.bin"
    return TokenShard(
        name=name,
        sequences=indexed.sequences,
        tokens=indexed.tokens,
        bin_bytes=data.stat().st_size,
        bin_xxh3=file_digest(data),
        idx_xxh3=file_digest(directory / f"{name}.idx"),
    )


def write_token_manifest(
    directory: Path, shards: Iterable[TokenShard], *, vocab_size: int, eos_id: int, made_from: Mapping[str, str]
) -> TokenManifest:
    """Write ``_manifest.json``, the last file of a directory to appear, after its shards and ``documents.parquet``."""
    ordered = sorted(shards, key=lambda shard: shard.name)
    documents = directory / DOCUMENTS
    rows = pq.read_metadata(documents).num_rows
    sequences = sum(shard.sequences for shard in ordered)
    if rows != sequences:
        raise DataError(f"{documents} has {rows} rows for {sequences} sequences; make the tokens again")
    manifest = TokenManifest(
        format=FORMAT,
        dtype=token_dtype(vocab_size).name,
        vocab_size=vocab_size,
        eos_id=eos_id,
        shards=ordered,
        documents_xxh3=file_digest(documents),
        totals={"documents": rows, "tokens": sum(shard.tokens for shard in ordered)},
        made_from=dict(sorted(made_from.items())),
    )
    write_json(directory / MANIFEST, manifest.model_dump())
    return manifest


def read_token_manifest(directory: Path) -> TokenManifest:
    """Read the manifest of a token directory.

    Raises:
        DataError: it is missing, not readable, or of another format version.
    """
    path = directory / MANIFEST
    try:
        manifest = TokenManifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise DataError(f"{path} is missing: {directory} is not finished; run the stage `shard`.") from None
    except ValueError as error:
        first = str(error).splitlines()[0]
        raise DataError(f"{path} is damaged ({first}); run the stage `shard` again.") from None
    if manifest.format != FORMAT:
        raise DataError(f"{path} has format {manifest.format}, not {FORMAT}; run the stage `shard` again.")
    return manifest


def verify_tokens(directory: Path) -> TokenManifest:
    """Compare every file of a token directory with its manifest, byte for byte.

    Raises:
        DataError: a file is missing or was changed.
    """
    manifest = read_token_manifest(directory)
    expected = {DOCUMENTS: manifest.documents_xxh3}
    for shard in manifest.shards:
        expected |= {f"{shard.name}.bin": shard.bin_xxh3, f"{shard.name}.idx": shard.idx_xxh3}
    for name, digest in expected.items():
        path = directory / name
        if not path.exists():
            raise DataError(f"{path} is missing although the manifest lists it; run the stage `shard` again.")
        if file_digest(path) != digest:
            raise DataError(f"{path} differs from its manifest; run the stage `shard` again.")
    return manifest


def write_documents(directory: Path, tables: Iterable[pa.Table], schema: pa.Schema = DOCUMENTS_SCHEMA) -> None:
    """Write ``documents.parquet`` atomically, with the project's fixed Parquet settings, one table after another."""
    path = directory / DOCUMENTS
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with pq.ParquetWriter(
        temporary, schema, compression="zstd", compression_level=3, data_page_version="2.0"
    ) as writer:
        for table in tables:
            writer.write_table(table.cast(schema), row_group_size=ROW_GROUP_ROWS)
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)


def write_token_directory(
    directory: Path,
    shards: Iterable[Iterable[NDArray[np.integer]]],
    *,
    vocab_size: int,
    eos_id: int = 2,
    source: str = "tokens",
) -> TokenManifest:
    """A complete token directory from arrays that are at hand, for notebooks, benchmarks and tests.

    Args:
        directory: created when missing.
        shards: per shard, the token ids of its documents, each ending in ``eos_id``.
        vocab_size: decides the type on disk.
        eos_id: the id that ends a document.
        source: value of the column ``source``.
    """
    directory.mkdir(parents=True, exist_ok=True)
    infos: list[TokenShard] = []
    rows: list[tuple[str, str, None, int, int, str]] = []
    for number, documents in enumerate(shards):
        name = shard_name(number)
        with IndexedWriter(directory / name, token_dtype(vocab_size)) as writer:
            for tokens in documents:
                writer.add(tokens)
                rows.append((f"{len(rows):032x}", source, None, 0, len(tokens), name))
        infos.append(describe_shard(directory, name))
    columns = list(zip(*rows, strict=True)) if rows else [() for _ in DOCUMENTS_SCHEMA]
    write_documents(directory, [pa.table([list(column) for column in columns], schema=DOCUMENTS_SCHEMA)])
    return write_token_manifest(directory, infos, vocab_size=vocab_size, eos_id=eos_id, made_from={})
