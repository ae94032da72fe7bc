"""The corpus that deduplication is measured on is what it says."""

import json
import random
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.corpus import COPIES, Plan, documents_of, lengths_of, plan, resembling, write_documents, write_jsonl
from benchmarks.sentences import LONGEST, Sentences, sentences_of
from benchmarks.truth import all_pairs
from bessemer.documents import DOCUMENT_SCHEMA
from bessemer.shards import read_directory, verify
from bessemer.text.words import split

SIZE = 400_000


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """300 documents of 2 to 30 sentences of 5 to 20 words of an invented language, some in Japanese."""
    rng = random.Random(5)
    words = ["".join(rng.choices("aeioklmnprst", k=rng.randint(2, 9))) for _ in range(4000)]
    spaced = [" ".join(rng.choices(words, k=rng.randint(5, 20))) + rng.choice([". ", "!\n", "? "]) for _ in range(8000)]
    japanese = ["".join(rng.choices("日本語文章山川田中東西南北", k=rng.randint(5, 20))) + "。" for _ in range(500)]
    pools = [spaced] * 9 + [japanese]
    return ["".join(rng.choices(rng.choice(pools), k=rng.randint(2, 30))) for _ in range(300)]


@pytest.fixture(scope="module")
def recombined(texts: list[str]) -> tuple[Sentences, Plan]:
    return recombine(texts, seed=1)


def recombine(texts: list[str], seed: int) -> tuple[Sentences, Plan]:
    pool = sentences_of(texts)
    return pool, plan(pool, lengths_of(texts), SIZE, seed)


def test_the_same_seed_makes_the_same_bytes(texts: list[str], tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_documents(documents_of(*recombine(texts, seed)), tmp_path / name, shard_bytes=150_000)
    first, again, other = ((tmp_path / name / "_manifest.json").read_bytes() for name in "abc")
    assert first == again != other
    verify(tmp_path / "a")


def test_rows_are_documents_of_the_project(recombined: tuple[Sentences, Plan], tmp_path: Path) -> None:
    write_documents(documents_of(*recombined), tmp_path / "documents", shard_bytes=150_000)
    table = read_directory(tmp_path / "documents")
    assert table.schema.names == DOCUMENT_SCHEMA.names
    ids = table.column("id").to_pylist()
    assert len(set(ids)) == len(ids)
    originals = {meta["copy_of"] for meta in map(json.loads, table.column("meta").to_pylist()) if meta}
    assert originals <= set(ids)
    write_jsonl(documents_of(*recombined), tmp_path / "documents.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "documents.jsonl").read_text().splitlines()]
    assert [line["text"] for line in lines] == table.column("text").to_pylist()


def test_the_size_and_the_share_of_copies_are_as_asked(recombined: tuple[Sentences, Plan]) -> None:
    documents = list(documents_of(*recombined))
    assert sum(len(document.text) for document in documents) == pytest.approx(SIZE, rel=0.1)
    assert sum(document.edits > 0 for document in documents) / len(documents) == pytest.approx(COPIES, abs=0.01)


def test_recombined_documents_resemble_no_other_and_copies_their_originals(
    recombined: tuple[Sentences, Plan],
) -> None:
    documents = list(documents_of(*recombined))
    pairs = all_pairs([document.text.decode() for document in documents], 5, 0.7)
    copies = {(document.original, document.number): document.edits for document in documents if document.edits}
    found = {(int(a), int(b)) for a, b in zip(pairs.first, pairs.second, strict=True)}
    long = {document.number for document in documents if len(split(document.text.decode())) > 150}
    lightly = [tuple(sorted(pair)) for pair, edits in copies.items() if edits < 0.02 and pair[1] in long]
    assert lightly
    assert found >= set(lightly)
    recombined_only = [pair for pair in found if not documents[pair[0]].edits and not documents[pair[1]].edits]
    assert len(recombined_only) < 0.01 * len(documents)
    assert resembling(*recombined) < 0.01


def test_sentences_are_distinct_short_and_spell_the_text(texts: list[str]) -> None:
    pool = sentences_of(texts)
    assert max(Counter(pool.texts).values()) == 1
    assert all(pool.join(pool.words[a:b]) == text for a, b, text in zip(pool.offsets, pool.offsets[1:], pool.texts))  # noqa: B905
    assert max(pool.offsets[1:] - pool.offsets[:-1]) <= LONGEST
    written = "".join("".join(text.split()) for text in texts)
    assert all("".join(text.decode().split()) in written for text in pool.texts[:200])
