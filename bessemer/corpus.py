"""Where the documents and the numbers beside them lie, and reading one shard of all of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from bessemer.errors import DataError
from bessemer.shards import ShardInfo, column_names, read_manifest, read_shard, read_shards, require_made_from

BATCH_ROWS = 1_000_000
"""Documents whose numbers are in memory at a time when a whole corpus is judged."""


@dataclass(frozen=True)
class CorpusPaths:
    """The directories that ``curate`` reads, writes, and is asked about.

    The defaults are this pipeline's layout, for commands that are given only the root of a checkout.
    """

    documents: Path = Path("data/documents")
    language: Path = Path("data/language")
    quality: Path = Path("data/quality")
    exact: Path = Path("data/dedup/exact")
    pairs: Path = Path("data/dedup/pairs")
    parts: Path = Path("data/dedup/parts")
    contamination: Path = Path("data/contamination")
    pii: Path = Path("data/pii")
    calibration: Path = Path("models/quality/calibration.json")
    curated: Path = Path("data/curated")
    ledger: Path = Path("data/ledger")
    quarantine: Path = Path("data/quarantine")
    tokens: Path = Path("data/tokens")

    def under(self, root: Path) -> "CorpusPaths":
        """The same directories below ``root``."""
        return CorpusPaths(**{name: root / path for name, path in vars(self).items()})

    @property
    def sidecars(self) -> dict[str, Path]:
        """Directories with one row per document, by role."""
        return {
            "language": self.language,
            "quality": self.quality,
            "exact": self.exact,
            "contamination": self.contamination,
            "pii": self.pii,
        }


def read_numbers(paths: CorpusPaths, shard: str, columns: list[str] | None = None) -> pa.Table:
    """The sidecars of one shard joined: one row per document, in the order of the documents.

    Columns are ``id``, ``language``, ``language_score`` and the rest of the language sidecar, those of the quality
    sidecar with ``classifier`` as ``classifier_score``, those of contamination
    (:class:`bessemer.filters.contamination.Overlap`), ``group``, ``group_size``, ``near_duplicates``,
    ``repeated_parts``, ``repeated_part_fraction``, and the counts of personal data (``pii_email``).

    Args:
        columns: which of them beside ``id``; None for all.

    Raises:
        DataError: two sidecars disagree about the documents.
    """
    joined: dict[str, pa.ChunkedArray[Any]] = {}
    for role, directory in paths.sidecars.items():
        table = read_shard(directory, shard, _stored_names(role, directory, shard, columns))
        ids = table.column("id")
        if not joined.setdefault("id", ids).equals(ids):
            raise DataError(
                f"{directory / shard}.parquet has other ids than its siblings; run the stage {_STAGES[role]} again."
            )
        joined |= {_RENAMED.get((role, name), name): table.column(name) for name in table.column_names if name != "id"}
    return pa.table(joined) if columns is None else _chosen(paths, joined, ["id", *columns])


def read_batches(paths: CorpusPaths, columns: list[str]) -> Iterator[tuple[list[ShardInfo], pa.Table]]:
    """Some columns of the sidecars joined, of many shards at a time, without ids: for whoever reads a whole corpus.

    Args:
        paths: the sidecars.
        columns: as :func:`read_numbers`, and ``id``, which is then that of the exact duplicates' sidecar. Without any
            the rows are empty.

    Returns:
        Shards of the documents, about ``BATCH_ROWS`` rows of them, and their rows; ``language`` as a dictionary array.

    Raises:
        DataError: a sidecar was made from other documents, or has no such column.
    """
    require_sidecars(paths)
    for batch in batches(paths):
        names = [shard.name for shard in batch]
        joined: dict[str, pa.ChunkedArray[Any]] = {}
        for role, directory in paths.sidecars.items():
            wanted = _stored_names(role, directory, names[0], columns)
            if role != "exact" or "id" not in columns:
                wanted.remove("id")
            if wanted:
                table = read_shards(directory, names, wanted, dictionaries=["language"])
                joined |= {_RENAMED.get((role, name), name): table.column(name) for name in wanted}
        yield batch, _chosen(paths, joined, columns)


def require_sidecars(paths: CorpusPaths) -> None:
    """Every sidecar was made from the documents that are there.

    Raises:
        DataError: one was not; the sentence names the stage to run.
    """
    for role, directory in paths.sidecars.items():
        require_made_from(directory, paths.documents, _STAGES[role])


def stored_columns(paths: CorpusPaths, shard: str) -> Iterator[tuple[str, str, str]]:
    """Where each column of the sidecars joined is stored, the id aside: role, name there, name in the joined table."""
    for role, directory in paths.sidecars.items():
        for name in _stored_names(role, directory, shard, None):
            if name != "id":
                yield role, name, _RENAMED.get((role, name), name)


def batches(paths: CorpusPaths) -> Iterator[list[ShardInfo]]:
    """The shards of the documents in order, about ``BATCH_ROWS`` rows at a time."""
    batch: list[ShardInfo] = []
    rows = 0
    for shard in read_manifest(paths.documents).shards:
        batch.append(shard)
        rows += shard.rows
        if rows >= BATCH_ROWS:
            yield batch
            batch, rows = [], 0
    if batch:
        yield batch


def _chosen(paths: CorpusPaths, joined: Mapping[str, "pa.ChunkedArray[Any]"], columns: Sequence[str]) -> pa.Table:
    missing = [name for name in columns if name not in joined]
    if missing:
        raise DataError(
            f"none of {', '.join(map(str, paths.sidecars.values()))} has a column {missing[0]}; run the stages "
            "that make them again."
        )
    return pa.table({name: joined[name] for name in dict.fromkeys(columns)})


def _stored_names(role: str, directory: Path, shard: str, columns: list[str] | None) -> list[str]:
    """Columns to read of a sidecar: the id, and those that are asked for under their name in the joined table."""
    return [
        name
        for name in column_names(directory, shard)
        if name == "id"
        or ((role, name) != _COUNTED_TWICE and (columns is None or _RENAMED.get((role, name), name) in columns))
    ]


_COUNTED_TWICE = ("exact", "words")
"""The words that deduplication counted; those of the quality signals are taken."""

_STAGES = {
    "language": "language",
    "quality": "quality",
    "exact": "dedup",
    "contamination": "decontaminate",
    "pii": "curate",
}
"""Which stage makes a sidecar."""

_RENAMED = {("language", "score"): "language_score", ("quality", "classifier"): "classifier_score"}
