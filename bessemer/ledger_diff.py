"""Two ledgers side by side: what a corpus keeps that another one, usually an earlier run, did not."""

from pathlib import Path

import duckdb

from bessemer.corpus import CorpusPaths
from bessemer.shards import read_manifest, require_made_from
from bessemer.side_by_side import ABSENT, Amount, Example, SideBySide, bytes_per_token, with_beginnings

_JOINED = f"""
    SELECT
        CASE WHEN first.id IS NULL THEN '{ABSENT}' ELSE coalesce(first.reason, '') END AS one,
        CASE WHEN second.id IS NULL THEN '{ABSENT}' ELSE coalesce(second.reason, '') END AS other,
        coalesce(second.id, first.id) AS id,
        coalesce(second.source, first.source) AS source,
        coalesce(second.language, first.language) AS language,
        coalesce(second.bytes, first.bytes) AS bytes,
        second.shard AS shard,
        second.row AS row
    FROM first FULL JOIN second ON first.id = second.id
"""


def compare_ledgers(root: Path, before: Path, name: str, *, examples: int = 5) -> SideBySide:
    """The ledger of a checkout beside another one.

    Args:
        root: of a checkout in which ``curate`` has run.
        before: the other ledger, a shard directory.
        name: what to call that one.
        examples: documents named in the answer.

    Raises:
        DataError: one of the two is not there.
    """
    paths = CorpusPaths().under(root)
    require_made_from(paths.ledger, paths.documents, "curate")
    connection = duckdb.connect()
    for view, directory in (("first", before), ("second", paths.ledger)):
        _create_view(connection, view, directory)
    connection.execute(f"CREATE TEMP TABLE joined AS {_JOINED}")
    answer = SideBySide(f"from {name} to now", (f"at {name}", "now"), bytes_per_token(root))
    groups = connection.execute(
        "SELECT one, other, source, language, count(*), sum(bytes)::BIGINT FROM joined GROUP BY ALL ORDER BY ALL"
    )
    for one, other, source, language, documents, size in groups.fetchall():
        answer.add(one, other, source, language, Amount(documents, size))
    moved = connection.execute(
        "SELECT id, one, other, source, coalesce(shard, ''), coalesce(row, 0) FROM joined "
        "WHERE (one = '') <> (other = '') ORDER BY id LIMIT ?",
        [examples],
    )
    found = [Example(*row) for row in moved.fetchall()]
    answer.examples.extend(with_beginnings(paths.documents, found))
    return answer


def _create_view(connection: duckdb.DuckDBPyConnection, view: str, directory: Path) -> None:
    files = [str(directory / f"{shard.name}.parquet") for shard in read_manifest(directory).shards if shard.rows]
    if not files:
        connection.execute(
            f"CREATE VIEW {view} AS SELECT '' AS id, '' AS source, '' AS reason, '' AS language, "
            "0::BIGINT AS bytes, '' AS shard, 0::BIGINT AS row WHERE false"
        )
        return
    connection.read_parquet(files, filename=True, file_row_number=True, hive_partitioning=False).create_view(
        f"{view}_files"
    )
    connection.execute(
        f"CREATE VIEW {view} AS SELECT id, source, reason, language, bytes, "
        f"parse_filename(filename, true) AS shard, file_row_number AS row FROM {view}_files"
    )
