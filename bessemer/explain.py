"""Explain: what happened to a document, from the record that was read to the tokens that were written."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bessemer.config.curate import CurateParams
from bessemer.config.read import parse, read_yaml
from bessemer.corpus import CorpusPaths, read_numbers
from bessemer.errors import ConfigError, DataError
from bessemer.fates import read_cut
from bessemer.filters.rules import Policy, Reason, column_values
from bessemer.ledger import Fate
from bessemer.shards import MANIFEST, read_manifest, read_shard, require_made_from

SHOWN = 20
_PREFIX = re.compile(r"[0-9a-f]{6,32}")
_PLAIN = re.compile(r"[!#-\[\]-~ ]+")
_DUPLICATES = (Reason.EXACT_DUPLICATE, Reason.NEAR_DUPLICATE, Reason.VALIDATION_NEAR_DUPLICATE)


@dataclass(frozen=True)
class Decision:
    """A row of a ledger: who dropped the document, and why. ``reason`` is empty for a kept one."""

    stage: str
    reason: str
    value: float | None
    threshold: float | None
    evidence: str | None


@dataclass(frozen=True)
class Number:
    """A limit of the policy beside the document's number; ``asked`` is false if its language is not judged by it."""

    parameter: str
    column: str
    value: float
    breaks: str
    threshold: float
    asked: bool

    @property
    def broken(self) -> bool:
        """Whether the document breaks the limit."""
        under, over = (
            self.breaks == "<" and self.value < self.threshold,
            self.breaks == ">" and self.value > self.threshold,
        )
        return self.asked and (under or over)


@dataclass(frozen=True)
class Place:
    """Where the tokens of a document are: sequence ``sequence`` of ``<split>/<shard>.bin``."""

    split: str
    shard: str
    sequence: int
    tokens: int


@dataclass(frozen=True)
class History:
    """All that is known of one document. What later stages have not decided yet is None."""

    id: str
    source: str
    url: str | None
    locator: str | None
    shard: str
    bytes: int
    beginning: str
    language: str | None = None
    curated: Decision | None = None
    numbers: list[Number] = field(default_factory=list)
    survivor: str = ""
    duplicates: list[str] = field(default_factory=list)
    duplicate_count: int = 0
    cut: int = 0
    redacted: tuple[int, int] = (0, 0)
    removed: Decision | None = None
    place: Place | None = None

    def render(self) -> str:
        """Plain text for a terminal."""
        origin = " · ".join(part for part in (self.source, self.url, self.locator) if part)
        lines = [f"{self.id}  {origin}", f"  {self.bytes:,} bytes, language {self.language or 'not known yet'}"]
        lines.append(f"  begins: {self.beginning}")
        lines.append(f"  ingested into data/documents/{self.shard}.parquet")
        lines += [f"  {line}" for line in [*self._fate(), *self._tokens()]]
        says = "would break now" if self.curated is not None and not self.curated.reason else "breaks"
        lines += [
            f"    {says} curate.{item.parameter}: {item.column} {item.value:.6g} {item.breaks} {item.threshold:g}"
            for item in self.numbers
            if item.broken
        ]
        return "\n".join(lines)

    def _fate(self) -> list[str]:
        if self.curated is None:
            return ["not judged yet: run the stage curate"]
        if self.curated.reason:
            return [f"dropped by curate: {_because(self.curated, self.survivor)}"]
        lines = ["kept by curate"]
        if self.cut:
            lines.append(f"lines or paragraphs cut that other kept documents have: {self.cut:,} bytes")
        removed, added = self.redacted
        if removed:
            lines.append(f"personal data masked: {removed:,} bytes out, {added:,} bytes of masks in")
        if self.duplicate_count:
            more = self.duplicate_count - len(self.duplicates)
            lines.append(
                f"stands for {self.duplicate_count:,} duplicates: {', '.join(self.duplicates)}"
                + (f" and {more:,} more" if more else "")
            )
        return lines

    def _tokens(self) -> list[str]:
        if self.curated is None or self.curated.reason:
            return []
        if self.removed is not None:
            return [f"removed from training by shard: {_because(self.removed, '')}"]
        if self.place is None:
            return ["no tokens yet: run the stage shard"]
        place = self.place
        return [
            f"{place.tokens:,} tokens: sequence {place.sequence:,} of data/tokens/{place.split}/{place.shard}.bin"
            + ("" if place.split == "train" else " (validation, never trained on)")
        ]


@dataclass(frozen=True)
class Quarantined:
    """A record that could not be read."""

    id: str
    source: str
    file: str
    locator: str
    reason: str
    detail: str
    records: int
    bytes: int
    excerpt: str

    def render(self) -> str:
        """Plain text for a terminal."""
        several = f", stands for {self.records:,} records" if self.records > 1 else ""
        return "\n".join(
            [
                f"{self.id}  {self.source} · {self.locator}",
                f"  quarantined by ingest: {self.reason}: {self.detail}",
                f"  {self.bytes:,} bytes of {self.file}{several}; kept in data/quarantine",
                f"  begins: {_beginning(self.excerpt)}",
            ]
        )


@dataclass(frozen=True)
class Explanation:
    """What a query found. ``more`` counts further documents that are not shown."""

    query: str
    documents: list[History]
    quarantined: list[Quarantined]
    more: int = 0

    def render(self) -> str:
        """Plain text for a terminal."""
        parts = [item.render() for item in self.documents] + [item.render() for item in self.quarantined]
        if self.more:
            parts.append(f"… and {self.more:,} more documents match {self.query}; give an id.")
        return "\n\n".join(parts)


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
    found = _find_documents(paths, query)
    quarantined = _find_quarantined(paths, query)
    if not found and not quarantined:
        raise ConfigError(
            f"no document or quarantined record matches {query!r}; give an id (or six of its first digits), a URL, a "
            "locator such as file.warc.gz:<offset>, or the file of a quarantined record."
        )
    documents = [_history(root, paths, row) for row in found[:SHOWN]]
    return Explanation(query, documents, quarantined[:SHOWN], max(0, len(found) - SHOWN))


def _files(directory: Path) -> list[str]:
    """Files of a shard directory that have rows; none if its stage has not run."""
    if not (directory / MANIFEST).exists():
        return []
    return [str(directory / f"{shard.name}.parquet") for shard in read_manifest(directory).shards if shard.rows]


def _rows(files: Sequence[str], sql: str, parameters: Sequence[object]) -> list[tuple[Any, ...]]:
    """Result of ``sql`` over the view ``files``, whose column ``shard`` is the name of each row's file."""
    if not files:
        return []
    connection = duckdb.connect()
    connection.read_parquet(list(files), filename=True, file_row_number=True, hive_partitioning=False).create_view(
        "stored"
    )
    connection.execute("CREATE VIEW files AS SELECT *, parse_filename(filename, true) AS shard FROM stored")
    return connection.execute(sql, list(parameters)).fetchall()


def _find_documents(paths: CorpusPaths, query: str) -> list[tuple[str, str]]:
    """Id and shard of the documents that match, in the order of shards and rows: by id, else URL, else locator."""
    read_manifest(paths.documents)
    locator = "json_extract_string(meta, '$.locator')"
    searches = [
        (paths.documents, "url = $1"),
        (paths.documents, f"({locator} = $1 OR starts_with({locator}, $1 || '#'))"),
    ]
    if _PLAIN.fullmatch(query):  # such a text stands in JSON as it is, and most rows need not be parsed
        searches[1] = (paths.documents, f"contains(meta, $1) AND {searches[1][1]}")
    if _PREFIX.fullmatch(query):
        searches.insert(0, (_smallest_with_ids(paths), "starts_with(id, $1)"))
    for directory, condition in searches:
        sql = f"SELECT id, shard FROM files WHERE {condition} ORDER BY shard, file_row_number"
        if rows := _rows(_files(directory), sql, [query]):
            return [(row[0], row[1]) for row in rows]
    return []


def _smallest_with_ids(paths: CorpusPaths) -> Path:
    """A directory that has the ids of all documents: the ledger, if it is one of these documents, is read faster."""
    try:
        require_made_from(paths.ledger, paths.documents, "curate")
    except DataError:
        return paths.documents
    return paths.ledger


def _find_quarantined(paths: CorpusPaths, query: str) -> list[Quarantined]:
    columns = ", ".join(Quarantined.__dataclass_fields__)
    condition = "id = $1 OR locator = $1 OR file = $1 OR starts_with(locator, $1 || ':') OR ends_with(file, '/' || $1)"
    if _PREFIX.fullmatch(query):
        condition += " OR starts_with(id, $1)"
    rows = _rows(
        _files(paths.quarantine), f"SELECT {columns} FROM files WHERE {condition} ORDER BY file, locator, id", [query]
    )
    return [Quarantined(*row) for row in rows]


def _history(root: Path, paths: CorpusPaths, found: tuple[str, str]) -> History:
    id_, shard = found
    document = _one(read_shard(paths.documents, shard), id_)
    known: dict[str, Any] = {}
    ledger = _decision(_files(paths.ledger), id_, shard)
    if ledger is not None:
        language, decision = ledger
        known |= {"language": language, "curated": decision, "numbers": _numbers(root, paths, id_, shard)}
        if decision.reason:
            known["survivor"] = _survivor(paths, decision)
        else:
            known |= _life(paths, id_, shard)
    text = document["text"]
    locator = re.search(r'"locator":\s*"((?:[^"\\]|\\.)*)"', document["meta"])
    return History(
        id=id_,
        source=document["source"],
        url=document["url"],
        locator=locator[1] if locator else None,
        shard=shard,
        bytes=len(text.encode()),
        beginning=_beginning(text),
        **known,
    )


def _one(table: pa.Table, id_: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = table.filter(pc.equal(table.column("id"), pa.scalar(id_))).to_pylist()
    return rows[0]


def _decision(files: Sequence[str], id_: str, shard: str | None) -> tuple[str | None, Decision] | None:
    chosen = [file for file in files if shard is None or Path(file).stem == shard]
    sql = "SELECT language, fate, stage, reason, value, threshold, evidence_id FROM files WHERE id = $1"
    for language, fate, stage, reason, value, threshold, evidence in _rows(chosen, sql, [id_]):
        dropped = fate == Fate.DROPPED
        return language, Decision(stage or "", (reason or "") if dropped else "", value, threshold, evidence)
    return None


def _numbers(root: Path, paths: CorpusPaths, id_: str, shard: str) -> list[Number]:
    """The limits of params.yaml as it stands beside the document's numbers."""
    section = read_yaml(root / "params.yaml").get("curate") or {}
    policy = Policy.from_params(parse(CurateParams, section, "params.yaml", "curate"), read_cut(paths.calibration))
    table = read_numbers(paths, shard)
    row = table.filter(pc.equal(table.column("id"), pa.scalar(id_)))
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


def _survivor(paths: CorpusPaths, decision: Decision) -> str:
    """Source and address of the document that stays in a duplicate's place."""
    if decision.evidence is None or decision.reason not in _DUPLICATES:
        return ""
    sql = "SELECT source, url, json_extract_string(meta, '$.locator') FROM files WHERE id = $1"
    for row in _rows(_files(paths.documents), sql, [decision.evidence]):
        return " · ".join(part for part in row if part)
    return ""


def _life(paths: CorpusPaths, id_: str, shard: str) -> dict[str, Any]:
    """What is known of a kept document: masks, the duplicates it stands for, its tokens."""
    curated = _one(read_shard(paths.curated, shard, ["id", "cut_bytes", "removed_bytes", "added_bytes"]), id_)
    twins = _rows(_files(paths.ledger), "SELECT id FROM files WHERE evidence_id = $1 ORDER BY id", [id_])
    removed = _decision(_files(paths.tokens / "ledger"), id_, None)
    return {
        "cut": curated["cut_bytes"],
        "redacted": (curated["removed_bytes"], curated["added_bytes"]),
        "duplicates": [row[0] for row in twins[:SHOWN]],
        "duplicate_count": len(twins),
        "removed": None if removed is None else removed[1],
        "place": _place(paths, id_),
    }


def _place(paths: CorpusPaths, id_: str) -> Place | None:
    """Split, shard and number of the sequence there. Row *k* of documents.parquet is sequence *k* of all shards."""
    sql = """
        SELECT shard_name, place - first_place, tokens FROM (
            SELECT id, tokens, shard AS shard_name, file_row_number AS place,
                   min(file_row_number) OVER (PARTITION BY shard) AS first_place
            FROM read_parquet($2, file_row_number = true)
        ) WHERE id = $1
    """
    for split in ("train", "val"):
        path = paths.tokens / split / "documents.parquet"
        if path.exists():
            for shard, sequence, tokens in duckdb.connect().execute(sql, [id_, str(path)]).fetchall():
                return Place(split, shard, sequence, tokens)
    return None


def _because(decision: Decision, survivor: str) -> str:
    parts = [decision.reason]
    if decision.value is not None:
        bound = "" if decision.threshold is None else f" against {decision.threshold:g}"
        parts.append(f"{decision.value:.6g}{bound}")
    text = ", ".join(parts)
    if decision.evidence is None:
        return text
    named = f" ({survivor})" if survivor else ""
    return f"{text}; evidence {decision.evidence}{named}"


def _beginning(text: str) -> str:
    return " ".join(text.split())[:100]
