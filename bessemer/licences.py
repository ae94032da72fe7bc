"""Under which licences is the text that a model was trained on? Counted over the documents of its token shards."""

from pathlib import Path
from typing import NamedTuple

from bessemer.errors import DataError


class LicenceShare(NamedTuple):
    """What the training documents of one source and one licence are: copies counted as often as they are trained on."""

    source: str
    licence: str | None
    """As the source states it; None where it states none."""
    documents: int
    tokens: int


def licence_shares(curated: Path, documents: Path) -> list[LicenceShare]:
    """Documents and tokens of each source by licence, most tokens first.

    Args:
        curated: the shard directory with columns ``id`` and ``license``.
        documents: ``documents.parquet`` of the training tokens, with ``id``, ``source`` and ``tokens``.

    Raises:
        DataError: one of the two is missing, or a document of the tokens is not in ``curated``.
    """
    import duckdb

    if not documents.exists() or not any(curated.glob("*.parquet")):
        missing = curated if documents.exists() else documents
        raise DataError(f"{missing} is not there; `dvc checkout` brings it back, `bessemer run shard` makes it anew.")
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false")
    rows = connection.execute(
        "SELECT d.source, c.license, count(*), sum(d.tokens)::BIGINT, count(c.id) FROM read_parquet(?) d "
        "LEFT JOIN read_parquet(?) c ON d.id = c.id GROUP BY ALL ORDER BY 4 DESC, 1, 2",
        [str(documents), str(curated / "*.parquet")],
    ).fetchall()
    if any(number != found for *_, number, _, found in rows):
        raise DataError(f"{documents} has documents that are not in {curated}; run the stage shard again.")
    return [LicenceShare(source, licence, number, tokens) for source, licence, number, tokens, _ in rows]
