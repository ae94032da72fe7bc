"""Documents of tests, and what deduplication finds among them."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from bessemer.config.dedup import DedupParams
from bessemer.config.runtime import Runtime
from bessemer.dedup.duplicates import Duplicates, find_duplicates
from bessemer.documents import DOCUMENT_SCHEMA, document_id
from bessemer.shards import write_manifest, write_shard
from bessemer.stage import RunRecord, StageContext


def write_documents(directory: Path, texts: Sequence[str], per_shard: int = 100) -> None:
    """A shard directory; document n is named by its place."""
    infos = []
    for start in range(0, len(texts), per_shard):
        rows = [
            {"id": document_id("s", str(start + n)), "text": text, "source": "s", "meta": "{}"}
            for n, text in enumerate(texts[start : start + per_shard])
        ]
        table = pa.Table.from_pylist(rows, schema=DOCUMENT_SCHEMA)
        infos.append(write_shard(directory, f"s-{start:07d}", table, durable=False))
    write_manifest(directory, infos, {})


def context(root: Path, params: DedupParams, workers: int = 2) -> StageContext:
    """The stage as it runs in ``root``."""
    return StageContext(
        name="dedup",
        sections={"dedup": params},
        runtime=Runtime(workers=workers),
        root=root,
        record=RunRecord(run="test", stage="dedup"),
        module="stages.dedup",
    )


def find(
    root: Path, texts: Sequence[str], params: DedupParams | None = None, per_shard: int = 100, workers: int = 2
) -> Duplicates:
    """What deduplication finds among ``texts``."""
    params = params or DedupParams()
    write_documents(root / "documents", texts, per_shard)
    return find_duplicates(root / "documents", params, context(root, params, workers))


def found_pairs(found: Duplicates, texts: Sequence[str]) -> dict[tuple[int, int], float]:
    """Verified pairs as places in ``texts``, with their similarities."""
    places = {document_id("s", str(place)): place for place in range(len(texts))}
    pairs = [tuple(sorted(places[found.corpus.id(row)] for row in pair)) for pair in found.near.pairs]
    return {(a, b): value for (a, b), value in zip(pairs, found.near.similarity.tolist(), strict=True)}
