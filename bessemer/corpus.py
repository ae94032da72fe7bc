"""Where the documents and the numbers beside them lie, and reading one shard of all of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from bessemer.errors import DataError
from bessemer.shards import read_shard


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

    Columns are ``id``, ``language``, ``language_score``, those of the quality sidecar with ``classifier`` as
    ``classifier_score``, those of contamination (:class:`bessemer.filters.contamination.Overlap`), ``group``,
    ``group_size``, ``repeated_parts``, ``repeated_part_fraction``, and the counts of
    personal data (``pii_email``).

    Args:
        columns: which of them beside ``id`` and ``language``; None for all.

    Raises:
        DataError: two sidecars disagree about the documents.
    """
    joined: dict[str, pa.ChunkedArray[Any]] = {}
    for role, directory in paths.sidecars.items():
        table = read_shard(directory, shard)
        ids = table.column("id")
        if not joined.setdefault("id", ids).equals(ids):
            raise DataError(f"{directory / shard}.parquet has other ids than its siblings; run {role}'s stage again.")
        for name in table.column_names:
            if role == "exact" and name == "words":
                continue
            joined.setdefault(_RENAMED.get((role, name), name), table.column(name))
    if columns is not None:
        missing = [name for name in columns if name not in joined]
        if missing:
            raise DataError(f"{paths.quality} has no column {missing[0]}; run the stage quality again.")
        joined = {name: joined[name] for name in dict.fromkeys(["id", "language", *columns])}
    return pa.table(joined)


_RENAMED = {("language", "score"): "language_score", ("quality", "classifier"): "classifier_score"}
