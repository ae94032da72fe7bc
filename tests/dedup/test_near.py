"""Near duplicates, against the truth: all pairs of a cut of the sample, compared with Python's sets of word tuples."""

import functools
import io
import itertools
import json
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import zstandard

from bessemer.config.dedup import DedupParams
from bessemer.dedup import comparison
from bessemer.dedup.comparison_plan import plan_comparisons
from bessemer.dedup.corpus import Corpus
from bessemer.dedup.duplicates import find_duplicates
from bessemer.dedup.near import Near
from bessemer.documents import DOCUMENT_SCHEMA, document_id
from bessemer.shards import read_manifest, write_manifest, write_shard
from bessemer.text.words import split
from tests.dedup.documents import context, find, write_documents

SAMPLE = Path(__file__).parents[2] / "data/sample/jsonl/reference-00000.jsonl.zst"
PARAMS = DedupParams()


def found_among(root: Path, texts: list[str], per_shard: int = 100) -> tuple[Corpus, Near]:
    found = find(root, texts, per_shard=per_shard)
    return found.corpus, found.near


def shingles(text: str, n: int) -> set[tuple[str, ...]]:
    words = split(text)
    if 0 < len(words) < n:
        return {tuple(words)}
    return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}


def all_pairs(texts: list[str], n: int, floor: float) -> dict[tuple[int, int], float]:
    """Every pair of texts that are not the same and are similar to at least ``floor``, by an inverted index."""
    sets = [shingles(text, n) for text in texts]
    holders: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, own in enumerate(sets):
        for shingle in own:
            holders[shingle].append(number)
    shared = Counter(pair for numbers in holders.values() for pair in itertools.combinations(numbers, 2))
    similar = {(i, j): count / (len(sets[i]) + len(sets[j]) - count) for (i, j), count in shared.items()}
    return {pair: value for pair, value in similar.items() if value >= floor}


@pytest.fixture(scope="module")
def licences() -> list[str]:
    """Licence texts of the sample: families of near-identical documents; copies left out."""
    with SAMPLE.open("rb") as file:
        lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), encoding="utf-8")
        texts = [json.loads(line)["text"] for line in lines]
    distinct = {" ".join(text.casefold().split()): text for text in texts if len(text) < 12_000}
    return list(distinct.values())


def test_pairs_of_the_sample_are_found_and_none_is_made_up(licences: list[str], tmp_path: Path) -> None:
    truth = all_pairs(licences, PARAMS.shingle_words, PARAMS.floor)
    corpus, near = found_among(tmp_path, licences)
    number = {document_id("s", str(place)): place for place in range(len(licences))}
    found = {}
    for (a, b), similarity in zip(near.pairs, near.similarity, strict=True):
        assert corpus.id(a) < corpus.id(b)
        i, j = sorted((number[corpus.id(a)], number[corpus.id(b)]))
        found[i, j] = float(similarity)

    assert len(truth) > 100
    assert found.keys() <= truth.keys()
    assert all(truth[pair] == pytest.approx(value) for pair, value in found.items())
    for low, high in ((0.6, 0.7), (0.7, 0.8), (0.8, 1.01)):
        wanted = [pair for pair, value in truth.items() if low <= value < high]
        expected = sum(near.banding.recall(truth[pair]) for pair in wanted)
        deviation = np.sqrt(sum(near.banding.recall(truth[p]) * (1 - near.banding.recall(truth[p])) for p in wanted))
        recall = sum(pair in found for pair in wanted)
        assert recall >= expected - 5 * deviation - 1, (
            f"{low}–{high}: {recall} of {len(wanted)}, expected {expected:.1f}"
        )
    assert all(pair in found for pair, value in truth.items() if value >= 0.8)


def test_pairs_are_sorted_by_ids_and_do_not_depend_on_shards(licences: list[str], tmp_path: Path) -> None:
    answers = []
    for per_shard, texts in ((7, licences[:120]), (500, licences[:120])):
        corpus, near = found_among(tmp_path / str(per_shard), texts, per_shard=per_shard)
        names = [(corpus.id(a), corpus.id(b)) for a, b in near.pairs]
        assert names == sorted(names)
        answers.append((names, near.similarity.tolist()))
    assert answers[0] == answers[1]


def test_texts_that_fill_many_tasks_give_the_pairs_that_are_found_at_once(
    licences: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus, at_once = found_among(tmp_path / "one", licences[:120], per_shard=50)
    monkeypatch.setattr(comparison, "AT_ONCE", 0)
    monkeypatch.setattr(comparison, "plan_comparisons", functools.partial(plan_comparisons, limit=2_000))
    many_corpus, by_task = found_among(tmp_path / "many", licences[:120], per_shard=50)
    assert len(list((tmp_path / "many").rglob("task-*.arrow"))) > 1
    assert not list((tmp_path / "one").rglob("task-*.arrow"))
    assert by_task.similarity.tolist() == at_once.similarity.tolist()
    names = [[(c.id(a), c.id(b)) for a, b in near.pairs] for c, near in ((corpus, at_once), (many_corpus, by_task))]
    assert names[0] == names[1]
    assert len(names[0]) > 20


def test_one_inserted_word_in_a_long_document_is_still_a_near_duplicate(tmp_path: Path) -> None:
    words = [f"word{n}" for n in range(1000)]
    changed = [*words[:500], "inserted", *words[500:]]
    _, near = found_among(tmp_path, [" ".join(words), " ".join(changed), " ".join(words[::-1])])
    assert near.similarity.tolist() == pytest.approx([(996 - 4) / (996 + 5)])


def test_short_documents_are_compared_whole(tmp_path: Path) -> None:
    corpus, near = found_among(tmp_path, ["Thank you!", "thank, you", "Thank me!", "!!!", "...", "a b c d e"])
    assert len(near.pairs) == 1
    assert {corpus.id(row) for row in near.pairs[0]} == {document_id("s", "0"), document_id("s", "1")}
    assert near.similarity.tolist() == [1.0]


def test_copies_take_part_once(tmp_path: Path) -> None:
    text = " ".join(f"w{n}" for n in range(50))
    corpus, near = found_among(tmp_path, [text, text.upper(), f"{text} more", text])
    assert len(near.pairs) == 1
    copies = min(document_id("s", str(n)) for n in (0, 1, 3))
    assert {corpus.id(row) for row in near.pairs[0]} == {copies, document_id("s", "2")}


def test_a_shard_without_documents_and_a_corpus_without_shards(tmp_path: Path) -> None:
    texts = ["a short text that is here twice, but for its end, which is not"] * 2 + [""]
    write_documents(tmp_path / "documents", texts, per_shard=2)
    manifest = read_manifest(tmp_path / "documents")
    empty = write_shard(tmp_path / "documents", "empty", pa.table(DOCUMENT_SCHEMA.empty_table()))
    write_manifest(tmp_path / "documents", [*manifest.shards, empty], {})
    found = find_duplicates(tmp_path / "documents", PARAMS, context(tmp_path, PARAMS))
    assert (found.corpus.shards, found.corpus.starts.tolist()) == (["empty", "s-0000000", "s-0000002"], [0, 0, 2, 3])
    assert found.groups.sizes.tolist() == [2, 1]
    nothing, pairs = found_among(tmp_path / "nothing", [])
    assert (len(nothing), len(pairs.pairs), nothing.starts.tolist()) == (0, 0, [0])
