"""Lines or paragraphs that several documents have, over the whole corpus.

What is compared are 64-bit hashes, in ranges: memory is bounded by a range, and by 8 bytes for each distinct part that
several documents have.
Source: Wenzek et al. 2020, *CCNet*, which cuts lines by the first 64 bits of a hash likewise.
"""

import dataclasses
import functools
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from bessemer.cache import cache_key, open_cache
from bessemer.config.dedup import DedupParams
from bessemer.dedup.candidates import KEYS_PER_TASK, in_range
from bessemer.dedup.corpus import Corpus, read_columns
from bessemer.dedup.distinct import distinct
from bessemer.dedup.exact import ExactGroups
from bessemer.engine import Job, OutputWriter, Stats, finish_directory, map_jobs
from bessemer.stage import StageContext
from bessemer.text.buffers import TextBuffer
from bessemer.text.parts import Unit, parts_of

PARTS, REPEATED = "parts", "repeated"


@dataclass(frozen=True)
class RepeatedParts:
    """How many lines or paragraphs a corpus has, how many of these several documents have, and the bytes of both."""

    parts: int
    repeated_parts: int
    part_bytes: int
    repeated_part_bytes: int


def find_repeated_parts(
    params: DedupParams,
    corpus: Corpus,
    groups: ExactGroups,
    *,
    documents: Path,
    directory: Path,
    made_from: dict[str, str],
    stage: StageContext,
) -> RepeatedParts | None:
    """Write where in each document parts are that other documents have too; None if ``dedup.parts`` is null.

    Identical documents count as one, or all their parts would be repeated. The shards have columns ``row`` (of the
    document in its shard), ``start``, ``end`` (bytes of the text), ``words``, ``hash``, and ``document_bytes`` (of the
    whole text).

    Args:
        params: of the stage.
        corpus: all documents.
        groups: of identical ones.
        documents: their shard directory.
        directory: is written; relative to the root.
        made_from: digests of the inputs.
        stage: gives workers and the shard cache.
    """
    if params.parts is None:
        shutil.rmtree(stage.root / directory, ignore_errors=True)  # of an earlier run, for DVC does not run this one
        return None
    own = DedupParams(parts=params.parts, part_words=params.part_words)
    stage = dataclasses.replace(stage, sections={stage.name: own})
    scratch = open_cache(stage.root / stage.runtime.cache_dir, stage.runtime.cache_max_gb).workspace()
    try:
        found = map_jobs(
            functools.partial(find_parts, documents, params.parts, params.part_words),
            _a_shard_each(corpus, {}),
            outputs={PARTS: scratch / PARTS},
            stage=stage,
            label="parts",
            threads=True,
            link=True,
        )
        count = sum(result.stats["parts"] for result in found)
        repeated = _repeated_hashes(count, corpus, groups, stage, scratch)
        marked = map_jobs(
            functools.partial(mark_repeated, scratch / PARTS, repeated),
            _a_shard_each(corpus, {"repeated": xxhash.xxh3_128_hexdigest(repeated.tobytes())}),
            outputs={PARTS: directory},
            stage=stage,
            label="places of repeated parts",
            threads=True,
        )
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    finish_directory(marked, PARTS, stage.root / directory, made_from)
    return RepeatedParts(
        parts=count,
        repeated_parts=sum(result.stats["parts"] for result in marked),
        part_bytes=sum(result.stats["bytes"] for result in found),
        repeated_part_bytes=sum(result.stats["bytes"] for result in marked),
    )


def _a_shard_each(corpus: Corpus, inputs: dict[str, str]) -> list[Job]:
    return [
        Job(name, {"documents": digest} | inputs) for name, digest in zip(corpus.shards, corpus.digests, strict=True)
    ]


def _repeated_hashes(
    count: int, corpus: Corpus, groups: ExactGroups, stage: StageContext, scratch: Path
) -> NDArray[np.uint64]:
    """The hashes, ascending, of parts that several documents have, of ``count`` parts in all."""
    eligible = np.zeros(len(corpus), np.bool_)
    eligible[groups.representative] = True
    tasks = max(1, -(-count // KEYS_PER_TASK))
    identity = cache_key(corpus.shards, corpus.digests)
    ranges = map_jobs(
        functools.partial(find_repeated, scratch / PARTS, corpus, eligible, tasks),
        [Job(f"range-{task:05d}", {"corpus": identity}, task) for task in range(tasks)],
        outputs={REPEATED: scratch / REPEATED},
        stage=stage,
        label="repeated parts",
        threads=True,
        link=True,
    )
    found = [read_columns(scratch / REPEATED, result.job.name, ["hash"]).column("hash") for result in ranges]
    return np.concatenate([part.to_numpy() for part in found])


def find_parts(documents: Path, unit: Unit, min_words: int, job: Job, out: OutputWriter) -> Stats:
    """Write all parts of a shard; ``new`` where a document has one for the first time."""
    buffer = TextBuffer.of_column(read_columns(documents, job.name, ["text"]).column("text"))
    parts = parts_of(buffer, unit, min_words)
    new = np.zeros(len(parts.hashes), np.bool_)
    order = np.lexsort((parts.hashes, parts.documents))
    row, value = parts.documents[order], parts.hashes[order]
    new[order[:1]] = True
    new[order[1:]] = (row[1:] != row[:-1]) | (value[1:] != value[:-1])
    columns = {
        "row": parts.documents,
        "start": parts.starts,
        "end": parts.ends,
        "words": parts.words,
        "hash": parts.hashes,
        "new": new,
        "document_bytes": np.diff(buffer.offsets)[parts.documents],
    }
    out.write(PARTS, job.name, pa.table(columns), plain=["hash"])
    return {"parts": len(new), "bytes": int((parts.ends - parts.starts).sum())}


def find_repeated(
    parts: Path, corpus: Corpus, eligible: NDArray[np.bool_], tasks: int, job: Job, out: OutputWriter
) -> Stats:
    """Write the hashes, ascending, in one of ``tasks`` equal ranges that more than one eligible document has."""
    kept = [np.empty(0, np.uint64)]
    for place, shard in enumerate(corpus.shards):
        table = read_columns(parts, shard, ["row", "hash", "new"])
        values = table.column("hash").to_numpy()
        inside = in_range(values, job.payload, tasks)
        inside &= table.column("new").to_numpy() & eligible[corpus.starts[place] + table.column("row").to_numpy()]
        own = np.sort(values[inside])
        third = np.zeros(len(own), np.bool_)
        third[2:] = own[2:] == own[:-2]
        kept.append(own[~third])  # two of each tell as much as all, and a notice that all have does not fill the memory
    ordered = np.sort(np.concatenate(kept))
    again = ordered[1:][ordered[1:] == ordered[:-1]]
    out.write(REPEATED, job.name, pa.table({"hash": distinct(again)}), plain=["hash"])
    return {}


def mark_repeated(parts: Path, repeated: NDArray[np.uint64], job: Job, out: OutputWriter) -> Stats:
    """Write the parts of a shard whose hash is among the repeated ones."""
    table = read_columns(parts, job.name, ["row", "start", "end", "words", "hash", "document_bytes"])
    values = table.column("hash").to_numpy()
    places = np.searchsorted(repeated, values)
    inside = places < len(repeated)
    inside[inside] = repeated[places[inside]] == values[inside]
    chosen = table.filter(pa.array(inside))
    out.write(PARTS, job.name, chosen)
    size = chosen.column("end").to_numpy() - chosen.column("start").to_numpy()
    return {"parts": chosen.num_rows, "bytes": int(size.sum())}
