"""The ledger as a table to ask in SQL: a row for each document with its fate and every number that is known of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from bessemer.corpus import CorpusPaths, require_sidecars, stored_columns
from bessemer.documents import DOCUMENT_SCHEMA
from bessemer.errors import ConfigError, DataError
from bessemer.ledger import LEDGER_SCHEMA
from bessemer.reporting.numbers import byte_size, count
from bessemer.shards import read_manifest, require_made_from
from bessemer.side_by_side import aligned

SHOWN = "id, source, language, reason, value, threshold, bytes, url"
_FORMATS = {".parquet": "PARQUET", ".csv": "CSV", ".jsonl": "JSON"}
_WIDEST = 60
_NOT_UNDERSTOOD = (
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ConversionException,
    duckdb.InvalidInputException,
    duckdb.IOException,
    duckdb.ParserException,
)


@dataclass(frozen=True)
class Answer:
    """Documents that match.

    Attributes:
        columns: of ``rows``.
        rows: a row for each document, or for each group.
        documents, bytes: all that match, shown or not; bytes of the ingested texts.
    """

    columns: list[str]
    rows: list[tuple[Any, ...]]
    documents: int
    bytes: int

    def render(self) -> str:
        """Plain text for a terminal."""
        found = f"{count(self.documents)} documents, {byte_size(self.bytes)}"
        if not self.rows:
            return found
        texts = [place for place in range(len(self.columns)) if not any(_is_number(row[place]) for row in self.rows)]
        lines = aligned([self.columns, *([_shown(value) for value in row] for row in self.rows)], texts)
        return "\n".join([*lines, "", found])


def query_ledger(
    root: Path,
    where: str = "true",
    *,
    columns: str = SHOWN,
    by: str = "",
    limit: int = 20,
    out: Path | None = None,
) -> Answer:
    """Documents that meet a condition.

    Args:
        root: of a checkout in which ``curate`` has run.
        where: a condition in DuckDB's SQL over the columns of :func:`open_ledger`.
        columns: what to show of each document; a list in SQL.
        by: list in SQL to group by: documents and bytes of each group are shown instead, the largest first.
        limit: rows shown.
        out: file that takes all rows (``.parquet``, ``.csv`` or ``.jsonl``).

    Raises:
        ConfigError: the SQL cannot be understood, or the file has another suffix.
        DataError: ``curate`` or a stage before it has not run since the documents were made.
    """
    connection = open_ledger(CorpusPaths().under(root))
    wanted = f"FROM ledger WHERE ({where}\n)"
    try:
        total = connection.execute(f"SELECT count(*), coalesce(sum(bytes), 0)::BIGINT {wanted}").fetchall()[0]
        rows = _grouped(connection, by, wanted) if by else f"SELECT {columns} {wanted}"
        if out is not None:
            connection.execute(f"COPY ({rows}) TO {_literal(out)} (FORMAT {_format(out)})")
        found = connection.execute(f"{rows} LIMIT {int(limit)}")
        names = [column[0] for column in found.description or ()]
        return Answer(names, found.fetchall(), *total)
    except _NOT_UNDERSTOOD as error:
        raise ConfigError(f"the ledger cannot be asked this: {_first_lines(error)}") from None


def _grouped(connection: duckdb.DuckDBPyConnection, by: str, wanted: str) -> str:
    """Documents and bytes of each group, the largest first, equal ones in the order of their keys."""
    rows = f"SELECT {by}, count(*) AS documents, sum(bytes)::BIGINT AS bytes {wanted} GROUP BY ALL"
    keys = len(connection.execute(f"{rows} LIMIT 0").description or ()) - 2
    return f"{rows} ORDER BY {keys + 1} DESC, {', '.join(str(place + 1) for place in range(keys))}"


def open_ledger(paths: CorpusPaths) -> duckdb.DuckDBPyConnection:
    """A connection with the view ``ledger``: a row for each document, in the order of the documents.

    Columns are those of :data:`bessemer.ledger.LEDGER_SCHEMA`, those that :func:`bessemer.corpus.read_numbers` has,
    ``url``, ``date``, ``license``, ``meta`` and ``text`` of the document, and ``shard``, the name of its file.

    Raises:
        DataError: a stage has not run since the documents were made.
    """
    directories = {"ledger": paths.ledger, "documents": paths.documents, **paths.sidecars}
    require_made_from(paths.ledger, paths.documents, "curate")
    require_sidecars(paths)
    names = [shard.name for shard in read_manifest(paths.documents).shards if shard.rows]
    if not names:
        raise DataError(f"{paths.documents} has no documents; check the section sources of params.yaml.")
    chosen = [f'{role}."{stored}" AS "{name}"' for role, stored, name in _columns(paths, names[0])]
    scans = [
        f"read_parquet([{_files(directory, names)}], filename = true, hive_partitioning = false) AS {role}"
        for role, directory in directories.items()
    ]
    connection = duckdb.connect()
    try:
        connection.execute(
            f"CREATE VIEW ledger AS SELECT {', '.join(chosen)}, parse_filename(ledger.filename, true) AS shard "
            f"FROM {' POSITIONAL JOIN '.join(scans)}"  # every directory has the same rows in the same order
        )
    except (duckdb.BinderException, duckdb.IOException):
        raise DataError(
            f"{paths.ledger} has other columns than this version writes; run the stage curate again."
        ) from None
    return connection


def _columns(paths: CorpusPaths, shard: str) -> list[tuple[str, str, str]]:
    """Role, stored name and name of each column; the ledger's own comes first where several have the name."""
    found = [("ledger", name, name) for name in LEDGER_SCHEMA.names]
    found += [("documents", name, name) for name in DOCUMENT_SCHEMA.names]
    found += stored_columns(paths, shard)
    by_name = {name: (role, stored, name) for role, stored, name in reversed(found)}
    return [item for item in found if by_name[item[2]] == item]


def _files(directory: Path, names: Sequence[str]) -> str:
    return ", ".join(_literal(directory / f"{name}.parquet") for name in names)


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _format(out: Path) -> str:
    if out.suffix not in _FORMATS:
        raise ConfigError(f"{out}: name a file that ends in {', '.join(_FORMATS)}.")
    return _FORMATS[out.suffix]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    text = " ".join(str(value).split())
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def _first_lines(error: Exception) -> str:
    """What DuckDB says, without the picture of the statement."""
    return " ".join(str(error).split("\n\nLINE ")[0].split())
