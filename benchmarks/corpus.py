"""A corpus of any size made from the sample, for measuring deduplication: deterministic by size and seed.

    python -m benchmarks.corpus OUT [--gigabytes 1] [--seed 0]

70 % of its documents are recombined from the sample's sentences, as long as the sample's documents are; 30 % are
copies of such a document with 1-30 % of the words edited. OUT is a folder of Parquet documents with a manifest, as
`ingest` writes it, or one file if it ends with .jsonl. `meta` of a copy names its original and the share of words
edited. At the end it says how many recombined documents happen to resemble another one.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.edits import edited
from benchmarks.sentences import Sentences, sample_texts, sentences_of
from bessemer.documents import DOCUMENT_SCHEMA, document_id
from bessemer.errors import BessemerError
from bessemer.shards import ShardInfo, write_manifest, write_shard
from bessemer.text.words import split

SOURCE = "recombined"
COPIES = 0.3
LEAST_EDITS, MOST_EDITS = 0.01, 0.3
SHARD_BYTES = 24_000_000


@dataclass(frozen=True)
class Plan:
    """What every document consists of; texts are made one at a time.

    Attributes:
        sentences: int32, sentences of the recombined documents, concatenated.
        offsets: shape (recombined + 1,), int64.
        order: shape (documents,), int64: number of the recombined document that a document is, or is a copy of.
        edits: shape (documents,), float64: share of words to edit; 0 is the recombined document itself.
        seed: of the edits.
    """

    sentences: NDArray[np.int32]
    offsets: NDArray[np.int64]
    order: NDArray[np.int64]
    edits: NDArray[np.float64]
    seed: int

    def sentences_of(self, recombined: int) -> NDArray[np.int32]:
        """The sentences of one recombined document."""
        return self.sentences[self.offsets[recombined] : self.offsets[recombined + 1]]


@dataclass(frozen=True)
class Document:
    """A row to be: its number in the corpus, UTF-8 text, and for a copy its original's number and share of edits."""

    number: int
    text: bytes
    original: int
    edits: float


def plan(pool: Sentences, lengths: NDArray[np.int64], size: int, seed: int) -> Plan:
    """Choose the sentences of every document.

    Args:
        pool: sentences to draw from, each as likely as another.
        lengths: UTF-8 bytes of the documents whose distribution the recombined ones take.
        size: UTF-8 bytes of the corpus, kept within about a percent.
        seed: of all choices.
    """
    rng = np.random.default_rng([seed, 0])
    recombined = max(2, round((1 - COPIES) * size / float(lengths.mean())))
    targets = np.cumsum(rng.choice(lengths, recombined))
    targets = np.rint(targets * ((1 - COPIES) * size / targets[-1])).astype(np.int64)
    sizes = np.array([len(text) for text in pool.texts], np.int64)
    draws = int(targets[-1] / float(sizes.mean()) * 1.1) + 1000
    sentences = rng.integers(len(sizes), size=draws, dtype=np.int32)
    written = np.cumsum(sizes[sentences])
    ends = np.unique(np.searchsorted(written, targets) + 1)
    offsets = np.concatenate(([0], ends[ends <= draws]))
    count = len(offsets) - 1
    sentences = _without_twins(sentences[: offsets[-1]], offsets, np.diff(pool.offsets), rng)
    copies = rng.integers(count, size=round(count * COPIES / (1 - COPIES)))
    order = np.concatenate([np.arange(count), copies])
    edits = np.concatenate([np.zeros(count), rng.uniform(LEAST_EDITS, MOST_EDITS, len(copies))])
    shuffled = rng.permutation(len(order))
    return Plan(sentences, offsets, order[shuffled], edits[shuffled], seed)


def _without_twins(
    sentences: NDArray[np.int32], offsets: NDArray[np.int64], words: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int32]:
    """Draw again a sentence that makes up half of a short document where it does so in an earlier one.

    Otherwise documents of a sentence or two would resemble each other by chance, the more of them the larger a corpus.
    """
    sentences = sentences.copy()
    owner = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    for _ in range(20):
        weight = words[sentences]
        half = np.flatnonzero(2 * weight >= np.add.reduceat(weight, offsets[:-1])[owner])
        _, first = np.unique(sentences[half], return_index=True)
        again = np.delete(half, first)
        if not len(again):
            break
        sentences[again] = rng.integers(len(words), size=len(again))
    return sentences


def documents_of(pool: Sentences, planned: Plan) -> Iterator[Document]:
    """The documents in their order."""
    rng = np.random.default_rng([planned.seed, 1])
    place = np.empty(len(planned.offsets) - 1, np.int64)
    originals = planned.edits == 0
    place[planned.order[originals]] = np.flatnonzero(originals)
    for number, (recombined, rate) in enumerate(zip(planned.order.tolist(), planned.edits.tolist(), strict=True)):
        chosen = planned.sentences_of(recombined)
        if rate:
            text = pool.join(edited(pool.words_of(chosen), rate, pool.words, rng))
        else:
            text = b"".join(map(pool.texts.__getitem__, chosen.tolist()))
        yield Document(number, text.strip(), int(place[recombined]), rate)


def resembling(pool: Sentences, planned: Plan, sample: int = 1000, threshold: float = 0.7) -> float:
    """Share of recombined documents that resemble another one, by Jaccard similarity of 5-word shingles, of a sample.

    Only documents with a sentence in common are compared: without one they share next to no shingle.
    """
    rng = np.random.default_rng([planned.seed, 2])
    count = len(planned.offsets) - 1
    owner = np.repeat(np.arange(count), np.diff(planned.offsets))
    by_sentence = np.argsort(planned.sentences, kind="stable")
    ordered = planned.sentences[by_sentence]
    near = 0
    chosen = rng.choice(count, min(sample, count), replace=False).tolist()
    for one in chosen:
        own = np.unique(planned.sentences_of(one))
        starts, ends = np.searchsorted(ordered, own), np.searchsorted(ordered, own, "right")
        weight = np.repeat(np.diff(pool.offsets)[own], ends - starts)
        sharing = np.concatenate([owner[by_sentence[s:e]] for s, e in zip(starts, ends, strict=True)])
        shared = np.bincount(sharing, weight)
        partners = np.flatnonzero(shared >= 0.5 * np.diff(pool.offsets)[own].sum())
        shingles = _shingles(pool, planned, one)
        near += any(_jaccard(shingles, _shingles(pool, planned, int(p))) >= threshold for p in partners if p != one)
    return near / len(chosen)


def _shingles(pool: Sentences, planned: Plan, recombined: int) -> set[tuple[str, ...]]:
    text = b"".join(map(pool.texts.__getitem__, planned.sentences_of(recombined).tolist()))
    words = split(text.decode())
    return {tuple(words[i : i + 5]) for i in range(max(1, len(words) - 4))}


def _jaccard(a: set[tuple[str, ...]], b: set[tuple[str, ...]]) -> float:
    return len(a & b) / len(a | b)


def write_documents(documents: Iterator[Document], folder: Path, shard_bytes: int = SHARD_BYTES) -> None:
    """Write a folder of documents as `ingest` does."""
    infos: list[ShardInfo] = []
    waiting: list[Document] = []
    size = 0
    for document in documents:
        waiting.append(document)
        size += len(document.text)
        if size >= shard_bytes:
            infos.append(_write_shard(folder, len(infos), waiting))
            waiting, size = [], 0
    if waiting:
        infos.append(_write_shard(folder, len(infos), waiting))
    write_manifest(folder, infos, {"made_by": "benchmarks.corpus"})


def _write_shard(folder: Path, number: int, documents: list[Document]) -> ShardInfo:
    rows = len(documents)
    columns = [
        pa.array([document_id(SOURCE, str(document.number)) for document in documents], pa.string()),
        pa.array([document.text for document in documents], pa.large_binary()).cast(pa.large_string()),
        pa.array([SOURCE] * rows, pa.string()),
        *[pa.nulls(rows, pa.string())] * 3,
        pa.array(list(map(_meta, documents)), pa.string()),
    ]
    return write_shard(folder, f"{SOURCE}-{number:05d}", pa.Table.from_arrays(columns, schema=DOCUMENT_SCHEMA))


def _meta(document: Document) -> str:
    if not document.edits:
        return "{}"
    return json.dumps({"copy_of": document_id(SOURCE, str(document.original)), "edited": round(document.edits, 4)})


def write_jsonl(documents: Iterator[Document], path: Path) -> None:
    """Write one JSON object a line: id, text, meta."""
    with path.open("w", encoding="utf-8") as file:
        for document in documents:
            row = {"id": document_id(SOURCE, str(document.number)), "text": document.text.decode()}
            file.write(json.dumps(row | {"meta": json.loads(_meta(document))}, ensure_ascii=False) + "\n")


def lengths_of(texts: Sequence[str]) -> NDArray[np.int64]:
    """UTF-8 bytes of each text."""
    return np.array([len(text.encode("utf-8", "replace")) for text in texts], np.int64)


def main() -> None:
    """Make the corpus asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder to make, or a file that ends with .jsonl")
    parser.add_argument("--gigabytes", type=float, default=1.0, help="UTF-8 text in 10^9 bytes")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    started = time.perf_counter()
    try:
        texts = sample_texts()
    except BessemerError as error:
        sys.exit(f"benchmarks.corpus: {error}")
    pool = sentences_of(texts)
    planned = plan(pool, lengths_of(texts), round(asked.gigabytes * 1e9), asked.seed)
    write = write_jsonl if asked.out.suffix == ".jsonl" else write_documents
    write(documents_of(pool, planned), asked.out)
    print(
        f"{len(planned.order):,} documents in {time.perf_counter() - started:.0f} s; "
        f"{resembling(pool, planned):.2%} of the recombined ones resemble another at 0.7 (1,000 looked at)"
    )


if __name__ == "__main__":
    main()
