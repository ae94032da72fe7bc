"""Tables of shares by source: what each limit takes from each source, and which sources stand in for which."""

from collections import Counter
from collections.abc import Mapping

from bessemer.corpus import CorpusPaths
from bessemer.curation_samples import ledger_view
from bessemer.filters.rules import Reason
from bessemer.reporting.report import Scalar, Table

SOURCES_SHOWN = 12
"""Columns that a page has room for: the sources with most documents."""

_PAIRS = """
    SELECT dropped.source, kept.source, count(*)
    FROM ledger AS dropped JOIN ledger AS kept ON dropped.evidence_id = kept.id
    WHERE dropped.reason IN (?, ?) GROUP BY ALL
"""


def heatmaps(cells: Mapping[tuple[str, str, str], int], paths: CorpusPaths) -> list[Table]:
    """Both tables.

    Args:
        cells: documents by source, language and reason (empty if kept).
        paths: the ledger.
    """
    documents: Counter[str] = Counter()
    for (source, _, _), count in cells.items():
        documents[source] += count
    return [reasons_by_source(cells, documents), duplicates_by_source(_pairs(paths), documents)]


def reasons_by_source(cells: Mapping[tuple[str, str, str], int], documents: Mapping[str, int]) -> Table:
    """Of each source's documents, the share that each limit is the first to take.

    Args:
        cells: documents by source, language and reason (empty if kept).
        documents: by source.
    """
    dropped: Counter[tuple[str, str]] = Counter()
    for (source, _, reason), count in cells.items():
        dropped[reason, source] += count
    shown = _largest(documents)
    return Table(
        name="reasons_sources",
        title="Dropped, by limit and source",
        columns=["reason", *shown],
        rows=[
            [reason.value, *(dropped[reason.value, source] / documents[source] for source in shown)]
            for reason in Reason
            if any(dropped[reason.value, source] for source in shown)
        ],
        note="The share of a source's documents whose first broken limit it is. A limit that takes much of one source "
        f"and little of the others may not suit it.{_left_out(documents)}",
        shares=True,
    )


def duplicates_by_source(pairs: Mapping[tuple[str, str], int], documents: Mapping[str, int]) -> Table:
    """Of each source's documents, the share that is dropped for a look-alike in each source.

    Args:
        pairs: documents by the source that they are dropped from and the source of those kept in their stead.
        documents: by source.
    """
    involved = {source: count for source, count in documents.items() if any(source in pair for pair in pairs)}
    shown = _largest(involved)
    rows: list[list[Scalar | None]] = [
        [source, *(pairs.get((source, kept), 0) / documents[source] for kept in shown)] for source in shown
    ]
    return Table(
        name="duplicates_sources",
        title="Duplicates, by source",
        columns=["dropped from", *shown],
        rows=rows,
        note="The share of all of a source's documents that is dropped for the same text, or nearly the same, in the "
        f"source of the column; looked for only among documents that break no limit.{_left_out(involved)}",
        shares=True,
    )


def _pairs(paths: CorpusPaths) -> dict[tuple[str, str], int]:
    reasons = [Reason.EXACT_DUPLICATE.value, Reason.NEAR_DUPLICATE.value]
    rows = ledger_view(paths).execute(_PAIRS, reasons).fetchall()
    return {(dropped, kept): count for dropped, kept, count in rows}


def _largest(documents: Mapping[str, int]) -> list[str]:
    return sorted(sorted(documents, key=lambda source: (-documents[source], source))[:SOURCES_SHOWN])


def _left_out(documents: Mapping[str, int]) -> str:
    return f" The {SOURCES_SHOWN} largest of {len(documents)} sources." if len(documents) > SOURCES_SHOWN else ""
