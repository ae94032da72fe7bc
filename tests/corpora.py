"""Small corpora in the formats that stages agree on, with numbers set by hand, so that every fate is known before."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import xxhash
import yaml

from bessemer.config.curate import CurateParams
from bessemer.config.runtime import Runtime
from bessemer.documents import DOCUMENT_SCHEMA
from bessemer.filters.signals import SIGNALS
from bessemer.reporting.report import StageReport
from bessemer.shards import ShardInfo, directory_digest, write_manifest, write_shard
from bessemer.stage import RunRecord, StageContext
from stages import curate, layout

GOOD = {"words": 500, "characters": 2500, "mean_word_length": 4.5, "alphabetic_word_fraction": 0.98, "stop_words": 8}
"""Signals of an ordinary English text; all others are 0."""

PAIR_SCHEMA = pa.schema({"id_a": pa.string(), "id_b": pa.string(), "similarity": pa.float32()})


def document(number: int, text: str = "", **changes: Any) -> dict[str, Any]:
    """A document and its numbers; ``changes`` are columns of any sidecar or of the document itself."""
    return {"id": f"{number:032x}", "text": text or f"Text number {number}.", "source": "novels", **changes}


def write_corpus(
    root: Path,
    shards: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    pairs: Sequence[tuple[int, int, float]] = (),
    cut: float | None = 0.5,
) -> None:
    """Write documents, all sidecars, pairs and the calibration below ``root``."""
    sizes: dict[str, int] = {}
    for rows in shards.values():
        for row in rows:
            sizes[_group(row)] = sizes.get(_group(row), 0) + 1
    partners = Counter(f"{number:032x}" for a, b, _ in pairs for number in (a, b))
    infos: dict[Path, list[ShardInfo]] = {directory: [] for directory in _tables([], sizes, partners)}
    for name, rows in shards.items():
        for directory, table in _tables(rows, sizes, partners).items():
            infos[directory].append(write_shard(root / directory, name, table))
    write_manifest(root / layout.DOCUMENTS, infos.pop(layout.DOCUMENTS), {})
    made_from = {"documents": directory_digest(root / layout.DOCUMENTS)}
    for directory, written in infos.items():
        write_manifest(root / directory, written, made_from)
    stored = sorted((f"{a:032x}", f"{b:032x}", similarity) for a, b, similarity in pairs)
    columns = {name: [row[place] for row in stored] for place, name in enumerate(PAIR_SCHEMA.names)}
    table = pa.table(columns, schema=PAIR_SCHEMA)
    write_manifest(root / layout.DEDUP_PAIRS, [write_shard(root / layout.DEDUP_PAIRS, "pairs", table)], {})
    (root / layout.CLASSIFIER).mkdir(parents=True, exist_ok=True)
    (root / layout.CLASSIFIER / "calibration.json").write_text(json.dumps({"cut": cut}))


def _group(row: Mapping[str, Any]) -> str:
    return xxhash.xxh3_128_hexdigest(str(row["group"]).encode()) if "group" in row else str(row["id"])


def _tables(
    rows: Sequence[Mapping[str, Any]], sizes: Mapping[str, int], partners: Counter[str]
) -> dict[Path, pa.Table]:
    documents = [{"meta": json.dumps({"locator": f"{row['id'][-4:]}.txt:1"}), **row} for row in rows]
    groups = [_group(row) for row in rows]
    ids = pa.array([row["id"] for row in rows], pa.string())

    def column(name: str, kind: pa.DataType, default: Any) -> pa.Array:
        return pa.array([row.get(name, default) for row in rows], kind)

    signals = {name: column(name, signal.type, GOOD.get(name, 0)) for name, signal in SIGNALS.items()}
    return {
        layout.DOCUMENTS: pa.Table.from_pylist(documents, schema=DOCUMENT_SCHEMA),
        layout.LANGUAGE: pa.table(
            {
                "id": ids,
                "language": column("language", pa.string(), "en"),
                "score": column("score", pa.float32(), 0.9),
                "language_share": column("language_share", pa.float32(), None),
            }
        ),
        layout.QUALITY: pa.table({"id": ids, **signals, "classifier": column("classifier", pa.float32(), 0.8)}),
        layout.DEDUP_EXACT: pa.table(
            {
                "id": ids,
                "group": pa.array(groups, pa.string()),
                "group_size": pa.array([sizes[group] for group in groups], pa.int32()),
                "words": column("words", pa.int32(), GOOD["words"]),
                "near_duplicates": pa.array([partners[row["id"]] for row in rows], pa.int32()),
            }
        ),
        layout.CONTAMINATION: pa.table(
            {
                "id": ids,
                "evaluation": column("evaluation", pa.string(), None),
                "overlap": column("overlap", pa.float32(), 0),
                "hits": column("hits", pa.int32(), 0),
                "reverse_overlap": column("reverse_overlap", pa.float32(), 0),
                "reverse_evaluation": column("reverse_evaluation", pa.string(), None),
                "spans": column("spans", pa.list_(pa.int64()), []),
                "clean_words": column("clean_words", pa.int32(), None),
            }
        ),
    }


def run_curate(
    root: Path, changes: Mapping[str, Any] | None = None, *, workers: int = 1
) -> tuple[StageReport, RunRecord]:
    """Run ``curate`` in this process with a section of parameters, which is also written to params.yaml."""
    section = dict(changes or {})
    (root / "params.yaml").write_text(yaml.safe_dump({"curate": section}))
    record = RunRecord(run="test", stage="curate")
    runtime = Runtime(workers=workers, cache_dir=Path(".cache"))
    params = CurateParams.model_validate(section)
    return curate.main(StageContext("curate", {"curate": params}, runtime, root, record, "stages.curate")), record
