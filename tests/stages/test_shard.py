"""The stages tokenizer and shard on small corpora, and validation kept out of training on the whole of Moby-Dick."""

import collections
import functools
import gzip
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from bessemer.config.runtime import Runtime
from bessemer.config.shard import ShardParams
from bessemer.config.tokenizer import TokenizerParams
from bessemer.documents import CURATED_SCHEMA, document_id
from bessemer.errors import ConfigError, DataError, TryAgain
from bessemer.extract.split import split_text
from bessemer.reporting.report import StageReport
from bessemer.shards import file_digest, read_directory, verify, write_manifest, write_shard
from bessemer.stage import RunRecord, StageContext
from bessemer.text.normalize import text_hash
from bessemer.tokenizer.encode import load_encoder, tokenizer_digest
from bessemer.tokens.directory import DOCUMENTS, verify_tokens
from bessemer.tokens.loader import TokenStream
from bessemer.tokens.order import validation_mask
from stages import layout, shard, tokenizer

SAMPLE = Path(__file__).resolve().parents[2] / "data/sample"
Texts = dict[str, str]


@functools.cache
def scripture() -> Texts:
    table = pq.read_table(SAMPLE / "parquet/multilingual-00000.parquet", columns=["text"])
    texts = [text for text in table.column("text").to_pylist() if text.isascii()][:180]
    return {document_id("scripture", str(number)): text for number, text in enumerate(texts)}


@functools.cache
def moby_dick() -> tuple[Texts, str]:
    """The whole book in parts of 20 kB, every fourth chapter once more by itself, and the whole book as one text."""
    with gzip.open(SAMPLE / "txt/moby_dick.txt.gz", "rt", encoding="utf-8") as file:
        book = file.read()
    texts = {document_id("books", str(number)): part.strip() for number, part in enumerate(split_text(book, 20_000))}
    with (SAMPLE / "jsonl/prose-00000.jsonl.zst").open("rb") as raw:
        for line in io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(raw), encoding="utf-8"):
            row = json.loads(line)
            if row["source"] == "moby-dick":
                texts[document_id("prose", row["id"])] = row["text"]
    return texts, book


def lay(
    root: Path,
    shards: dict[str, Texts],
    pairs: list[tuple[str, str, float]] | None = None,
    weights: dict[str, float] | None = None,
) -> None:
    """The curated corpus and what dedup says about it."""
    everything = {name: text for texts in shards.values() for name, text in texts.items()}
    curated, infos = root / layout.CURATED, []
    for shard_name, texts in shards.items():
        columns: dict[str, Any] = {name: [None] * len(texts) for name in CURATED_SCHEMA.names}
        columns |= {"id": list(texts), "text": list(texts.values()), "source": [shard_name] * len(texts)}
        columns |= {"meta": ["{}"] * len(texts), "language": ["en"] * len(texts)}
        columns |= {name: [0] * len(texts) for name in ("cut_bytes", "removed_bytes", "added_bytes")}
        columns |= {"family": [1] * len(texts), "weight": [(weights or {}).get(name, 1.0) for name in texts]}
        infos.append(write_shard(curated, shard_name, pa.table(columns, schema=CURATED_SCHEMA)))
    write_manifest(curated, infos, {})
    hashes = {name: text_hash(text) for name, text in everything.items()}
    sizes = {value: list(hashes.values()).count(value) for value in hashes.values()}
    exact = {"id": list(hashes), "group": list(hashes.values()), "group_size": [sizes[h] for h in hashes.values()]}
    table = pa.table(exact).set_column(2, "group_size", pa.array(exact["group_size"], pa.int32()))
    write_manifest(root / layout.DEDUP_EXACT, [write_shard(root / layout.DEDUP_EXACT, "all", table)], {})
    names = ["id_a", "id_b", "similarity"]
    columns = {name: [pair[place] for pair in pairs or []] for place, name in enumerate(names)}
    schema = pa.schema([("id_a", pa.string()), ("id_b", pa.string()), ("similarity", pa.float32())])
    directory = root / layout.DEDUP_PAIRS
    write_manifest(directory, [write_shard(directory, "pairs-00000", pa.table(columns, schema=schema))], {})


def context(root: Path, name: str, params: Any, workers: int = 1) -> StageContext:
    runtime = Runtime(workers=workers, cache_dir=Path(".cache"))
    return StageContext(name, {name: params}, runtime, root, RunRecord("test", name), f"stages.{name}")


def run_tokenizer(root: Path, workers: int = 1, **params: Any) -> StageReport:
    shutil.rmtree(root / layout.TOKENIZER, ignore_errors=True)
    settings = {"vocab_size": 700} if "from" not in params else {}
    return tokenizer.main(context(root, "tokenizer", TokenizerParams.model_validate(settings | params), workers))


def run_shard(root: Path, workers: int = 1, **params: Any) -> tuple[StageReport, RunRecord]:
    shutil.rmtree(root / layout.TOKENS, ignore_errors=True)
    settings = {"validation_fraction": 0.1, "shards": 3} | params
    stage = context(root, "shard", ShardParams.model_validate(settings), workers)
    return shard.main(stage), stage.record


def digests(root: Path) -> dict[str, str]:
    """Every file that the two stages wrote."""
    paths = [path for folder in (layout.TOKENIZER, layout.TOKENS) for path in (root / folder).rglob("*")]
    return {path.relative_to(root).as_posix(): file_digest(path) for path in sorted(paths) if path.is_file()}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    texts = list(scripture().items())
    lay(tmp_path, {"first": dict(texts[:70]), "second": dict(texts[70:140]), "none": {}})
    return tmp_path


def documents(root: Path, split: Path) -> pa.Table:
    return pq.read_table(root / split / DOCUMENTS)


def test_one_and_two_workers_write_the_same_bytes(small: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    shutil.copytree(small / "data", other / "data")
    reports = []
    for root, workers in ((small, 1), (other, 2)):
        reports.append((run_tokenizer(root, workers), run_shard(root, workers)[0]))
    assert digests(small) == digests(other)
    assert reports[0] == reports[1]
    assert not (small / shard.SCRATCH).exists()
    assert not (small / tokenizer.SCRATCH).exists()


def test_every_curated_document_is_in_one_split_or_in_the_ledger(small: Path) -> None:
    run_tokenizer(small)
    report, _ = run_shard(small)
    parts = [
        set(documents(small, split).column("id").to_pylist()) for split in (layout.TOKENS_TRAIN, layout.TOKENS_VAL)
    ]
    ledger = read_directory(small / layout.TOKENS_LEDGER)
    parts.append(set(ledger.column("id").to_pylist()))
    curated = read_directory(small / layout.CURATED)
    assert sum(map(len, parts)) == curated.num_rows == len(set().union(*parts))
    assert not report.failed
    assert report.counts[1].documents == len(parts[0])
    verify(small / layout.TOKENS_LEDGER)


def test_weights_become_copies_and_a_document_without_any_is_in_the_ledger(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    texts = dict(list(scripture().items())[:140])
    held_out = validation_mask(list(texts), 0, 0.1)
    ids = list(texts)
    weights = {name: [2.0, 0.0, 2.5, 0.25][place % 4] for place, name in enumerate(ids)}
    lay(tmp_path, {"first": texts}, weights=weights)
    run_tokenizer(tmp_path)
    report, _ = run_shard(tmp_path)
    assert not report.failed
    counts = collections.Counter(documents(tmp_path, layout.TOKENS_TRAIN).column("id").to_pylist())
    ledger = {row["id"]: row for row in read_directory(tmp_path / layout.TOKENS_LEDGER).to_pylist()}
    removed = {name for name, row in ledger.items() if row["reason"] != "sampled_out"}
    for name, out in zip(ids, held_out.tolist(), strict=True):
        if out or name in removed:
            assert name not in counts
            continue
        assert counts[name] in {0.0: (0,), 2.0: (2,), 2.5: (2, 3), 0.25: (0, 1)}[weights[name]]
        assert (counts[name] == 0) == (name in ledger)
        assert name not in ledger or ledger[name]["value"] == weights[name]
    assert {counts[name] for name in ids if weights[name] == 2.5} >= {2, 3}
    assert documents(tmp_path, layout.TOKENS_VAL).num_rows == held_out.sum()
    assert report.metrics["train_repeats"] == counts.total() - len(counts)
    assert report.metrics["sampled_out_documents"] == len(ledger) - len(removed) > 0

    other = tmp_path_factory.mktemp("unweighted")
    lay(other, {"first": texts})
    shutil.copytree(tmp_path / layout.TOKENIZER, other / layout.TOKENIZER)
    run_shard(other)
    assert documents(other, layout.TOKENS_VAL).equals(documents(tmp_path, layout.TOKENS_VAL))


def test_the_tokens_decode_to_the_documents_each_ended_once(small: Path) -> None:
    run_tokenizer(small)
    run_shard(small)
    encoder = load_encoder(small / layout.TOKENIZER)
    texts = scripture()
    for split in (layout.TOKENS_TRAIN, layout.TOKENS_VAL):
        manifest = verify_tokens(small / split)
        stream = TokenStream(small / split)
        starts = [*stream.starts(0, stream.documents).tolist(), stream.total_tokens]
        rows = documents(small, split)
        for number, name in enumerate(rows.column("id").to_pylist()):
            tokens = stream.slice(starts[number], starts[number + 1] - starts[number])
            assert tokens[-1] == manifest.eos_id == 2
            assert (tokens[:-1] != 2).all()
            assert encoder.decode(tokens[:-1]) == texts[name]
            assert rows.column("tokens")[number].as_py() == len(tokens)
        assert manifest.dtype == "uint16"


def test_a_new_shard_encodes_only_itself_when_the_tokenizer_is_pinned(small: Path) -> None:
    run_tokenizer(small)
    pinned = small / "pinned"
    shutil.copytree(small / layout.TOKENIZER, pinned)
    choice = {"from": {"path": "pinned", "digest": tokenizer_digest(pinned)}}
    run_tokenizer(small, **choice)
    run_shard(small)
    before = {name: value for name, value in documents(small, layout.TOKENS_TRAIN).to_pydict().items() if name == "id"}
    texts = list(scripture().items())
    lay(small, {"first": dict(texts[:70]), "second": dict(texts[70:140]), "none": {}, "third": dict(texts[140:])})
    run_tokenizer(small, **choice)
    _, record = run_shard(small)
    assert record.jobs["encode"] == {"total": 4, "cached": 3}
    after = documents(small, layout.TOKENS_TRAIN).column("id").to_pylist()
    stayed = set(after)
    assert [name for name in after if name in set(before["id"])] == [name for name in before["id"] if name in stayed]


def test_a_changed_threshold_encodes_and_measures_nothing(small: Path) -> None:
    run_tokenizer(small)
    run_shard(small)
    _, record = run_shard(small, max_validation_overlap=0.5, shards=2)
    assert [record.jobs[label]["cached"] for label in ("encode", "overlap")] == [3, 3]


def test_ended_between_jobs_it_continues_to_the_same_bytes(
    small: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_tokenizer(small)
    other = tmp_path_factory.mktemp("other")
    shutil.copytree(small / "data", other / "data")
    shutil.copytree(small / "models", other / "models")
    run_shard(other)

    def ended(*_: object, **__: object) -> None:
        raise TryAgain("ended")

    with monkeypatch.context() as patch:
        patch.setattr(shard, "assemble_validation", ended)
        with pytest.raises(TryAgain):
            run_shard(small)
    _, record = run_shard(small)
    assert record.jobs["encode"]["cached"] == 3
    assert digests(small) == digests(other)


def test_near_duplicates_and_exact_copies_of_validation_leave_training(tmp_path: Path) -> None:
    texts = dict(list(scripture().items())[:80])
    lay(tmp_path, {"first": texts})
    run_tokenizer(tmp_path)
    run_shard(tmp_path)
    held_out = documents(tmp_path, layout.TOKENS_VAL).column("id").to_pylist()[0]
    training = documents(tmp_path, layout.TOKENS_TRAIN).column("id").to_pylist()[:2]
    twin = next(
        name
        for number in range(1000)
        for name in [document_id("twin", str(number))]
        if not validation_mask([name], 0, 0.1)[0]
    )
    lay(
        tmp_path,
        {"first": texts, "second": {twin: texts[held_out].upper()}},
        [(held_out, training[0], 0.7), (training[1], held_out, 0.3)],
    )
    run_tokenizer(tmp_path)
    report, _ = run_shard(tmp_path, max_validation_overlap=1.0)
    rows = {row["id"]: row for row in read_directory(tmp_path / layout.TOKENS_LEDGER).to_pylist()}
    assert set(rows) == {training[0], twin}
    assert rows[training[0]]["evidence_id"] == rows[twin]["evidence_id"] == held_out
    assert (round(rows[training[0]]["value"], 4), rows[twin]["value"]) == (0.7, 1.0)
    assert {row["reason"] for row in rows.values()} == {"validation_near_duplicate"}
    assert report.metrics["validation_near_duplicate_documents"] == 2


def test_a_corpus_without_documents_or_without_validation_ends_with_a_sentence(tmp_path: Path) -> None:
    lay(tmp_path, {"none": {}})
    with pytest.raises(DataError, match="no documents"):
        run_tokenizer(tmp_path)
    lay(tmp_path, {"first": dict(list(scripture().items())[:40])})
    run_tokenizer(tmp_path)
    with pytest.raises(DataError, match="validation_fraction"):
        run_shard(tmp_path, validation_fraction=1e-9)
    with pytest.raises(ConfigError, match="neither"):
        run_tokenizer(tmp_path, **{"from": {"path": "nowhere", "digest": "0" * 32}})


def test_the_tokenizer_says_what_it_does_to_each_source(small: Path) -> None:
    report = run_tokenizer(small)
    assert report.metrics["round_trip_share"] == 1.0
    assert report.metrics["vocab_size"] == 700
    tables = {table.name: table for table in report.tables}
    assert [row[0] for row in tables["sources"].rows] == ["first", "second"]
    assert {sample.source for sample in report.samples} == {"first", "second"}
    assert sum(report.histograms[0].counts) == 700 - 4 - 256


def thirteen_grams(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"[a-z0-9]+", text.lower())
    return {tuple(words[start : start + 13]) for start in range(len(words) - 12)}


@pytest.mark.parametrize("seed", range(4))
def test_no_chapter_of_moby_dick_crosses_from_validation_into_training(tmp_path: Path, seed: int) -> None:
    """A quarter is held out: chapters, and parts of the book that hold chapters. Judged by sets of word tuples.

    Of no chapter of the book may more than a twentieth of the 13-grams be in both splits.
    """
    texts, book = moby_dick()
    lay(tmp_path, {"moby": texts})
    run_tokenizer(tmp_path)
    run_shard(tmp_path, seed=seed, validation_fraction=0.25)
    splits = []
    for split in (layout.TOKENS_VAL, layout.TOKENS_TRAIN):
        names = documents(tmp_path, split).column("id").to_pylist()
        splits.append(set().union(*(thirteen_grams(texts[name]) for name in names)))
    chapters = [part for part in re.split(r"(?m)^(?=CHAPTER \d+\.)", book) if part]
    assert len(chapters) == 135
    crossing = {}
    for chapter in chapters:
        grams = thirteen_grams(chapter)
        crossing[chapter[:40]] = len(grams & splits[0] & splits[1]) / len(grams)
    assert max(crossing.values()) <= 0.05, sorted(crossing.items(), key=lambda item: -item[1])[:5]
    assert len(splits[1]) > 50_000
