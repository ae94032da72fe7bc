"""What there is to say about duplicates."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bessemer.config.dedup import DedupParams
from bessemer.dedup.commonest_parts import commonest_parts
from bessemer.dedup.corpus import Corpus, texts_of
from bessemer.dedup.distinct import distinct
from bessemer.dedup.duplicates import Duplicates
from bessemer.dedup.exact import ExactGroups
from bessemer.dedup.lsh import Banding
from bessemer.dedup.near import Near
from bessemer.dedup.parts import RepeatedParts
from bessemer.reporting.report import Count, Histogram, SamplePair, Series, StageReport, Table, histogram
from bessemer.text.ngrams import mix

SAMPLE_CHARACTERS = 600
_PARTS_SHOWN = 20


def report_duplicates(
    params: DedupParams,
    found: Duplicates,
    repeated: RepeatedParts | None,
    *,
    documents: Path,
    parts: Path,
    made_from: dict[str, str],
    workers: int,
) -> StageReport:
    """Group sizes, similarities, what the index can be expected to find, repeated parts, and pairs to look at.

    Args:
        params: of the stage.
        found: exact groups and verified pairs.
        repeated: counts of repeated parts; None if none were looked for.
        documents: shard directory of the documents.
        parts: shard directory of repeated parts, read only if they were looked for.
        made_from: digests of the inputs.
        workers: cores to use.
    """
    corpus, groups, near = found.corpus, found.groups, found.near
    partners = np.bincount(near.pairs.ravel(), minlength=len(corpus))
    copies = int((groups.sizes - 1).sum())
    return StageReport(
        stage="dedup",
        title="Duplicates",
        summary=(
            f"{copies:,} of {len(corpus):,} documents are copies of another; {len(near.pairs):,} pairs of the "
            f"rest are similar to at least {params.floor:g}, over {int((partners > 0).sum()):,} documents."
        ),
        counts=[
            Count(label="documents", documents=len(corpus), bytes=found.bytes),
            Count(label="distinct after normalisation", documents=len(groups.representative)),
            Count(
                label="distinct and without a near duplicate",
                documents=len(groups.representative) - int((partners > 0).sum()),
            ),
        ],
        metrics=_metrics(params, corpus, groups, near) | _part_metrics(repeated),
        histograms=_histograms(params, groups, near, partners),
        series=[_recall(near.banding)],
        tables=[_index_table(near, params), *_part_tables(repeated, documents, parts)],
        pairs=_sample_pairs(params, corpus, near, documents, workers),
        provenance=made_from,
    )


def _metrics(params: DedupParams, corpus: Corpus, groups: ExactGroups, near: Near) -> dict[str, int | float | str]:
    return {
        "documents": len(corpus),
        "exact_groups": int((groups.sizes > 1).sum()),
        "exact_copies": int((groups.sizes - 1).sum()),
        "candidate_pairs": near.candidates,
        "verified_pairs": len(near.pairs),
        "documents_in_verified_pairs": len(distinct(near.pairs.ravel())),
        "capped_buckets": near.buckets.capped,
        "bands": near.banding.bands,
        "rows": near.banding.rows,
        "recall_at_floor": round(near.banding.recall(params.floor), 6),
        "recall_at_0_8": round(near.banding.recall(0.8), 6),
    }


def _part_metrics(repeated: RepeatedParts | None) -> dict[str, int | float | str]:
    return {} if repeated is None else dict(vars(repeated))


def _histograms(params: DedupParams, groups: ExactGroups, near: Near, partners: NDArray[np.int64]) -> list[Histogram]:
    return [
        histogram(
            "group_size",
            groups.sizes[groups.sizes > 1],
            title="Documents in an exact group",
            unit="documents",
            log_y=True,
        ),
        histogram(
            "similarity",
            near.similarity,
            title="True similarity of verified pairs",
            unit="Jaccard",
            bins=[round(0.02 * step, 2) for step in range(51)],
            threshold=params.floor,
        ),
        histogram(
            "partners", partners[partners > 0], title="Near duplicates of a document", unit="documents", log_y=True
        ),
    ]


def _recall(banding: Banding) -> Series:
    rows: list[list[float | None]] = [[step / 50, round(banding.recall(step / 50), 6)] for step in range(51)]
    title = f"Pairs that {banding.bands} bands of {banding.rows} rows find"
    return Series(name="recall", title=title, x="similarity", y=["expected recall"], rows=rows)


def _index_table(near: Near, params: DedupParams) -> Table:
    rows: list[list[int | float | str | None]] = [
        ["bands of rows", f"{near.banding.bands} of {near.banding.rows}"],
        ["buckets with at least two documents", near.buckets.several],
        ["largest bucket", near.buckets.largest],
        [f"buckets with more than {params.bucket_cap}", near.buckets.capped],
        ["pairs in those buckets that were not compared", near.buckets.left_out],
        ["candidate pairs", near.candidates],
        ["verified pairs", len(near.pairs)],
    ]
    note = "A bucket with more documents than dedup.bucket_cap is compared with its first ones only."
    return Table(name="index", title="The index", columns=["", "value"], rows=rows, note=note)


def _part_tables(repeated: RepeatedParts | None, documents: Path, parts: Path) -> list[Table]:
    if repeated is None:
        return []
    rows: list[list[int | float | str | None]] = [
        [count, text] for count, text in commonest_parts(documents, parts, _PARTS_SHOWN)
    ]
    note = (
        f"{repeated.repeated_parts:,} of {repeated.parts:,} are in several documents: "
        f"{repeated.repeated_part_bytes:,} of {repeated.part_bytes:,} bytes. curate decides which documents keep them."
    )
    return [Table(name="parts", title="Commonest repeated parts", columns=["times", "part"], rows=rows, note=note)]


def _sample_pairs(params: DedupParams, corpus: Corpus, near: Near, documents: Path, workers: int) -> list[SamplePair]:
    """Pairs chosen by a keyed hash of their ids."""
    first, second = corpus.ids[near.pairs[:, 0]], corpus.ids[near.pairs[:, 1]]
    keys = mix(mix(first[:, 0] + np.uint64(params.seed)) ^ first[:, 1]) ^ mix(mix(second[:, 0]) ^ second[:, 1])
    chosen = np.sort(np.argsort(keys, kind="stable")[: params.samples]).tolist()
    rows = np.unique(near.pairs[chosen])
    texts = dict(zip(rows.tolist(), texts_of(documents, corpus, rows, workers), strict=True))
    return [
        SamplePair(
            id_a=corpus.id(near.pairs[place, 0]),
            id_b=corpus.id(near.pairs[place, 1]),
            text_a=texts[int(near.pairs[place, 0])][:SAMPLE_CHARACTERS],
            text_b=texts[int(near.pairs[place, 1])][:SAMPLE_CHARACTERS],
            similarity=round(float(near.similarity[place]), 4),
        )
        for place in chosen
    ]
