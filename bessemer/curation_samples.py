"""Documents that the report of ``curate`` shows: both sides of each limit, what surrounds masks, and look-alikes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from bessemer.config.curate import CurateParams
from bessemer.corpus import CorpusPaths
from bessemer.curation import Narrow, ShardStats
from bessemer.filters.pii.kinds import Pii
from bessemer.filters.pii.redaction import redact
from bessemer.filters.rules import Reason
from bessemer.reporting.report import Histogram, Sample, SamplePair, Scalar, histogram
from bessemer.shards import read_manifest, read_shard

SAMPLE_CHARACTERS = 600
_CONTEXT_CHARACTERS = 120
_NARROW = 0.2


def ledger_view(paths: CorpusPaths) -> duckdb.DuckDBPyConnection:
    """A connection with the view ``ledger``, which also has ``shard``, the name of each row's shard."""
    connection = duckdb.connect()
    files = [str(paths.ledger / f"{shard.name}.parquet") for shard in read_manifest(paths.ledger).shards if shard.rows]
    if files:
        connection.read_parquet(files, filename=True).create_view("files")
        connection.execute("CREATE VIEW ledger AS SELECT *, parse_filename(filename, true) AS shard FROM files")
    else:
        connection.execute(
            "CREATE TABLE ledger AS SELECT '' AS id, '' AS source, '' AS reason, 0.0 AS value, "
            "0.0 AS threshold, '' AS evidence_id, '' AS language, '' AS shard WHERE false"
        )
    return connection


class Texts:
    """Texts of single documents for the report: masked as in the corpus, with the parts that ``curate`` takes out."""

    def __init__(self, paths: CorpusPaths, params: CurateParams) -> None:
        self._paths, self._params = paths, params

    def read(self, wanted: Mapping[str, Iterable[str]]) -> dict[str, str]:
        """Text by id.

        Args:
            wanted: shard to ids.
        """
        texts: dict[str, str] = {}
        for shard, ids in sorted(wanted.items()):
            table = read_shard(self._paths.documents, shard, ["id", "text"])
            table = table.filter(pc.is_in(table.column("id"), value_set=pa.array(sorted(set(ids)), pa.string())))
            masked = redact(table.column("text"), self._params.pii).text
            texts |= {str(id_): str(text) for id_, text in zip(table.column("id"), masked, strict=True)}
        return texts

    def locate(self, ids: Iterable[str]) -> dict[str, tuple[str, str, str | None]]:
        """Shard, source and language by id."""
        wanted = sorted(set(ids))
        if not wanted:
            return {}
        rows = ledger_view(self._paths).execute(
            "SELECT id, shard, source, language FROM ledger WHERE id IN (SELECT unnest(?)) ORDER BY id", [wanted]
        )
        return {row[0]: (row[1], row[2], row[3]) for row in rows.fetchall()}

    def of(self, ids: Iterable[str]) -> dict[str, str]:
        """Text by id, wherever the documents lie."""
        wanted: dict[str, list[str]] = defaultdict(list)
        for id_, (shard, _, _) in self.locate(ids).items():
            wanted[shard].append(id_)
        return self.read(wanted)


_NEAREST = """
    SELECT id, source, reason, value, threshold, evidence_id, language, shard FROM ledger WHERE reason IS NOT NULL
    QUALIFY row_number() OVER (
        PARTITION BY reason ORDER BY abs(value - threshold) / greatest(abs(threshold), 1e-9) NULLS LAST, id
    ) <= ?
    ORDER BY reason, abs(value - threshold) / greatest(abs(threshold), 1e-9) NULLS LAST, id
"""


def dropped_samples(paths: CorpusPaths, params: CurateParams, texts: Texts) -> list[Sample]:
    """For each reason the documents that broke the limit most narrowly: where a limit is wrong, it shows here first."""
    rows = ledger_view(paths).execute(_NEAREST, [params.samples]).fetchall() if params.samples else []
    wanted: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        wanted[row[7]].append(row[0])
    found = texts.read(wanted)
    samples = []
    for id_, source, reason, value, threshold, evidence, language, _ in rows:
        facts: dict[str, Scalar] = {"language": language or ""}
        if value is not None:
            facts["value"] = round(value, 6)
        if threshold is not None:
            facts["threshold"] = threshold
        if evidence is not None:
            facts["evidence"] = evidence
        samples.append(_sample(f"dropped: {reason}", id_, source, found[id_][:SAMPLE_CHARACTERS], facts))
    return samples


def narrow_samples(stats: Sequence[ShardStats], params: CurateParams, texts: Texts) -> list[Sample]:
    """For each limit the kept documents that met it most narrowly, if they are within a fifth of it."""
    by_reason: dict[str, list[Narrow]] = defaultdict(list)
    for shard in stats:
        for item in shard.narrow:
            by_reason[item.reason].append(item)
    chosen = [
        item
        for reason in Reason
        for item in sorted(by_reason.get(reason.value, []), key=lambda item: (item.margin, item.id))[: params.samples]
        if item.margin <= _NARROW
    ]
    places, found = texts.locate(item.id for item in chosen), texts.of(item.id for item in chosen)
    return [
        _sample(
            f"kept, near {item.reason}",
            item.id,
            places[item.id][1],
            found[item.id][:SAMPLE_CHARACTERS],
            {"language": places[item.id][2] or "", "value": round(item.value, 6), "threshold": item.threshold},
        )
        for item in chosen
    ]


def redaction_samples(stats: Sequence[ShardStats], params: CurateParams, texts: Texts) -> list[Sample]:
    """What surrounds the first mask of some documents; what was masked is not shown."""
    ids = sorted(id_ for shard in stats for id_ in shard.redacted)[: params.samples]
    places, found = texts.locate(ids), texts.of(ids)
    samples = []
    for id_ in ids:
        text = found[id_]
        at = min((place for kind in Pii if (place := text.find(kind.mask)) >= 0), default=0)  # a cut may join a number
        around = text[max(0, at - _CONTEXT_CHARACTERS) : at + _CONTEXT_CHARACTERS]
        samples.append(_sample("redacted", id_, places[id_][1], around, {"language": places[id_][2] or ""}))
    return samples


def cut_samples(stats: Sequence[ShardStats], params: CurateParams) -> list[Sample]:
    """The lines, paragraphs and evaluation text that were cut out of some documents."""
    found = sorted((item for shard in stats for item in shard.cut), key=lambda item: item.id)[: params.samples]
    return [_sample("cut", item.id, item.source, item.text, {"bytes": item.bytes}) for item in found]


def _sample(group: str, id_: str, source: str, text: str, facts: dict[str, Scalar]) -> Sample:
    return Sample(group=group, id=id_, source=source, text=text, facts=facts)


def near_duplicate_pairs(paths: CorpusPaths, params: CurateParams, texts: Texts) -> list[SamplePair]:
    """Near duplicates beside their survivors, least similar first."""
    rows = (
        ledger_view(paths)
        .execute(
            "SELECT id, evidence_id, value FROM ledger WHERE reason = ? ORDER BY value, id LIMIT ?",
            [Reason.NEAR_DUPLICATE.value, params.samples],
        )
        .fetchall()
    )
    found = texts.of(id_ for row in rows for id_ in row[:2])
    return [
        SamplePair(
            id_a=dropped,
            id_b=survivor,
            text_a=found[dropped][:SAMPLE_CHARACTERS],
            text_b=found[survivor][:SAMPLE_CHARACTERS],
            similarity=round(similarity, 6),
        )
        for dropped, survivor, similarity in rows
    ]


def similarities(paths: CorpusPaths, params: CurateParams) -> list[Histogram]:
    """Histogram of how similar near duplicates are to their survivors; none without any."""
    values = (
        ledger_view(paths)
        .execute("SELECT value FROM ledger WHERE reason = ? ORDER BY value", [Reason.NEAR_DUPLICATE.value])
        .fetchnumpy()["value"]
    )
    if not len(values):
        return []
    return [
        histogram(
            "near_duplicate_similarity",
            values,
            title="Near duplicates by similarity to their survivor",
            unit="Jaccard",
            bins=20,
            threshold=params.duplicates.threshold,
        )
    ]
