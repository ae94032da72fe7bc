"""Explain: what happened to a document, from the record that was read to the tokens that were written."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bessemer.calibration import read_cut
from bessemer.config.curate import CurateParams
from bessemer.config.read import parse, read_yaml
from bessemer.corpus import CorpusPaths, read_numbers
from bessemer.errors import ConfigError, DataError
from bessemer.explanation import Decision, Explanation, History, Number, Place, Quarantined, beginning_of
from bessemer.filters.rules import Policy, Reason, column_values
from bessemer.identifiers import HEX_DIGITS
from bessemer.ledger import Fate
from bessemer.ledger_index import LedgerIndex, Row
from bessemer.shards import MANIFEST, read_directory, read_manifest, read_row, read_shard, require_made_from

SHOWN = 20
_PREFIX = re.compile(r"[0-9a-f]{6,32}")
_PLAIN = re.compile(r"[!#-\[\]-~ ]+")
_DUPLICATES = (Reason.EXACT_DUPLICATE, Reason.NEAR_DUPLICATE, Reason.VALIDATION_NEAR_DUPLICATE)


def explain(root: Path, query: str) -> Explanation:
    """Find a document or a record and say what became of it.

    Args:
        root: of a checkout in which ``ingest`` has run.
        query: an id or its first digits (six or more), an address, a locator, or, for quarantined records, a file.

    Raises:
        ConfigError: nothing matches.
        DataError: ``ingest`` has not run.
    """
    paths = CorpusPaths().under(root)
    index = _index(paths)
    found = _find_documents(paths, index, query)
    certain = found and len(query) == HEX_DIGITS and found[0].id == query  # a record is a document, or in quarantine
    quarantined = [] if certain else _find_quarantined(paths, query)
    if not found and not quarantined:
        raise ConfigError(
            f"no document or quarantined record matches {query!r}; give an id (or six of its first digits), a URL, a "
            "locator such as file.warc.gz:<offset>, or the file of a quarantined record."
        )
    documents = [_history(root, paths, index, row) for row in found[:SHOWN]]
    return Explanation(query, documents, quarantined[:SHOWN], max(0, len(found) - SHOWN))


def _index(paths: CorpusPaths) -> LedgerIndex | None:
    """Of the ledger of the documents that are there; None if ``curate`` has not judged them."""
    try:
        require_made_from(paths.ledger, paths.documents, "curate")
    except DataError:
        return None
    return LedgerIndex(paths)


def _files(directory: Path) -> list[str]:
    """Files of a shard directory that have rows; none if its stage has not run."""
    if not (directory / MANIFEST).exists():
        return []
    return [str(directory / f"{shard.name}.parquet") for shard in read_manifest(directory).shards if shard.rows]


def _rows(files: Sequence[str], sql: str, parameters: Sequence[object]) -> list[tuple[Any, ...]]:
    """Result of ``sql`` over the view ``files``, whose column ``shard`` is the name of each row's file."""
    if not files:
        return []
    import duckdb  # who asks for an id does without

    connection = duckdb.connect()
    connection.read_parquet(list(files), filename=True, file_row_number=True, hive_partitioning=False).create_view(
        "stored"
    )
    connection.execute("CREATE VIEW files AS SELECT *, parse_filename(filename, true) AS shard FROM stored")
    return connection.execute(sql, list(parameters)).fetchall()


def _find_documents(paths: CorpusPaths, index: LedgerIndex | None, query: str) -> list[Row]:
    """The documents that match, in the order of the corpus: by id, else URL, else locator."""
    read_manifest(paths.documents)
    locator = "json_extract_string(meta, '$.locator')"
    conditions = ["url = $1", f"({locator} = $1 OR starts_with({locator}, $1 || '#'))"]
    if _PLAIN.fullmatch(query):  # such a text stands in JSON as it is, and most rows need not be parsed
        conditions[1] = f"contains(meta, $1) AND {conditions[1]}"
    if _PREFIX.fullmatch(query):
        if index is None:
            conditions.insert(0, "starts_with(id, $1)")
        elif found := index.with_prefix(query):
            return found
    for condition in conditions:
        sql = f"SELECT id, shard, file_row_number FROM files WHERE {condition} ORDER BY shard, file_row_number"
        if rows := _rows(_files(paths.documents), sql, [query]):
            return [Row(*row) for row in rows]
    return []


def _find_quarantined(paths: CorpusPaths, query: str) -> list[Quarantined]:
    columns = ", ".join(Quarantined.__dataclass_fields__)
    condition = "id = $1 OR locator = $1 OR file = $1 OR starts_with(locator, $1 || ':') OR ends_with(file, '/' || $1)"
    if _PREFIX.fullmatch(query):
        condition += " OR starts_with(id, $1)"
    rows = _rows(
        _files(paths.quarantine), f"SELECT {columns} FROM files WHERE {condition} ORDER BY file, locator, id", [query]
    )
    return [Quarantined(*row) for row in rows]


def _history(root: Path, paths: CorpusPaths, index: LedgerIndex | None, found: Row) -> History:
    document = read_row(paths.documents, found.shard, found.row)
    known: dict[str, Any] = {}
    if index is not None:
        row = read_row(paths.ledger, found.shard, found.row)
        decision = _decision(row)
        known |= {"language": row["language"], "curated": decision, "numbers": _numbers(root, paths, found)}
        if decision.reason:
            known["survivor"] = _survivor(paths, index, decision)
        else:
            known |= _life(paths, index, found)
    text = document["text"]
    return History(
        id=found.id,
        source=document["source"],
        url=document["url"],
        locator=_locator(document),
        shard=found.shard,
        bytes=len(text.encode()),
        beginning=beginning_of(text),
        **known,
    )


def _locator(document: Mapping[str, Any]) -> str | None:
    found = re.search(r'"locator":\s*"((?:[^"\\]|\\.)*)"', document["meta"])
    return found[1] if found else None


def _with_id(table: pa.Table, id_: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.filter(pc.equal(table.column("id"), pa.scalar(id_))).to_pylist()
    return rows


def _decision(row: Mapping[str, Any]) -> Decision:
    dropped = row["fate"] == Fate.DROPPED
    reason = (row["reason"] or "") if dropped else ""
    return Decision(row["stage"] or "", reason, row["value"], row["threshold"], row["evidence_id"])


def _numbers(root: Path, paths: CorpusPaths, found: Row) -> list[Number]:
    """The limits of params.yaml as it stands beside the document's numbers."""
    section = read_yaml(root / "params.yaml").get("curate") or {}
    policy = Policy.from_params(parse(CurateParams, section, "params.yaml", "curate"), read_cut(paths.calibration))
    row = read_numbers(paths, found.shard, ["language", *policy.columns]).slice(found.row, 1)
    return [
        Number(
            parameter=rule.parameter,
            column=rule.column,
            value=float(column_values(row, rule.column)[0]),
            breaks=rule.breaks,
            threshold=float(np.float32(rule.threshold)),
            asked=bool(policy.judged(rule, row.column("language"))[0]),
        )
        for rule in policy.rules
    ]


def _survivor(paths: CorpusPaths, index: LedgerIndex, decision: Decision) -> str:
    """Source and address of the document that stays in a duplicate's place."""
    if decision.evidence is None or decision.reason not in _DUPLICATES:
        return ""
    for found in index.with_prefix(decision.evidence):
        document = read_row(paths.documents, found.shard, found.row, ["source", "url", "meta"])
        return " · ".join(part for part in (document["source"], document["url"], _locator(document)) if part)
    return ""


def _life(paths: CorpusPaths, index: LedgerIndex, found: Row) -> dict[str, Any]:
    """What is known of a kept document: masks, the duplicates it stands for, its tokens."""
    curated = _with_id(
        read_shard(paths.curated, found.shard, ["id", "cut_bytes", "removed_bytes", "added_bytes"]), found.id
    )[0]
    twins = index.duplicates_of(found.id)
    removals = paths.tokens / "ledger"
    removed = _with_id(read_directory(removals), found.id) if _files(removals) else []
    return {
        "cut": curated["cut_bytes"],
        "redacted": (curated["removed_bytes"], curated["added_bytes"]),
        "duplicates": sorted(twin.id for twin in twins)[:SHOWN],
        "duplicate_count": len(twins),
        "removed": _decision(removed[0]) if removed else None,
        "place": _place(paths, found.id),
    }


def _place(paths: CorpusPaths, id_: str) -> Place | None:
    """Split, shard and number of the sequence there. Row *k* of documents.parquet is sequence *k* of all shards."""
    for split in ("train", "val"):
        path = paths.tokens / split / "documents.parquet"
        if not path.exists():
            continue
        is_it = pc.equal(pq.read_table(path, columns=["id"]).column("id"), pa.scalar(id_))
        row = pc.index(is_it, pa.scalar(True)).as_py()
        if row < 0:
            continue
        written = pq.read_table(path, columns=["shard", "tokens"])
        shard = written.column("shard")[row].as_py()
        first = pc.index(written.column("shard"), pa.scalar(shard)).as_py()
        return Place(split, shard, row - first, written.column("tokens")[row].as_py(), pc.sum(is_it).as_py())
    return None
