"""The sidecar stages: the same bytes for any workers, a new shard costs one shard, rows beside the documents' rows."""

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from bessemer.config.classifier import ClassifierParams
from bessemer.config.decontaminate import DecontaminateParams, EvaluationSet
from bessemer.config.dedup import DedupParams
from bessemer.config.language import LanguageParams
from bessemer.config.quality import QualityParams
from bessemer.config.runtime import Runtime
from bessemer.documents import DOCUMENT_SCHEMA, document_id
from bessemer.errors import ConfigError, DataError
from bessemer.filters.classifier import read_calibration
from bessemer.filters.signals import SIGNALS
from bessemer.reporting.report import StageReport
from bessemer.shards import (
    ShardInfo,
    directory_digest,
    file_digest,
    read_aligned,
    read_directory,
    read_manifest,
    shard_names,
    verify,
    write_manifest,
    write_shard,
)
from bessemer.stage import RunRecord, StageContext
from bessemer.text.normalize import text_hash
from stages import classifier, decontaminate, dedup, language, layout, quality

EVALUATION = (
    "An evaluation item that nobody should have trained on, with enough words to make several long n-grams of it."
)
SIDECARS = (layout.LANGUAGE, layout.QUALITY, layout.DEDUP_EXACT, layout.DEDUP_PAIRS, layout.CONTAMINATION)
MAINS: dict[str, Callable[[StageContext], StageReport]] = {
    "language": language.main,
    "classifier": classifier.main,
    "quality": quality.main,
    "dedup": dedup.main,
    "decontaminate": decontaminate.main,
}
SECTIONS: dict[str, Any] = {
    "language": LanguageParams(),
    "classifier": ClassifierParams(positives=["novels"], negatives=["manuals"], buckets=1000, min_count=1),
    "quality": QualityParams(),
    "dedup": DedupParams(permutations=64),
    "decontaminate": DecontaminateParams(evaluations=[EvaluationSet(name="exam", path="exam.txt", format="text")]),
}


def write_documents(root: Path, *, names: tuple[str, ...] = ("a", "b", "c")) -> None:
    """Shards of novels and manuals with copies, near copies, a leak, and an empty text."""
    infos: list[ShardInfo] = []
    for shard in names:
        texts = [("novels", _novel(shard, number)) for number in range(12)]
        texts += [("manuals", _manual(shard, number)) for number in range(12)]
        texts += [("novels", "The same sentence in every shard of the corpus."), ("manuals", "...")]
        texts += [
            ("novels", f"{_novel(shard, 3)} One more sentence."),
            ("manuals", f"{_manual(shard, 1)} {EVALUATION}"),
        ]
        rows = [
            {"id": document_id(source, f"{shard}:{n}"), "text": text, "source": source, "meta": "{}"}
            for n, (source, text) in enumerate(texts)
        ]
        infos.append(write_shard(root / layout.DOCUMENTS, shard, pa.Table.from_pylist(rows, schema=DOCUMENT_SCHEMA)))
    write_manifest(root / layout.DOCUMENTS, infos, {})
    (root / "exam.txt").write_text(EVALUATION)


def _novel(shard: str, number: int) -> str:
    return " ".join(f"The old captain of ship {shard}{number} looked at wave {n} and sighed deeply." for n in range(9))


def _manual(shard: str, number: int) -> str:
    return "\n".join(f"Click the menu entry {n} to open dialog {shard}{number} and confirm" for n in range(9))


def run(root: Path, name: str, *, workers: int = 1, **changes: Any) -> tuple[StageReport, RunRecord]:
    """Run one stage in this process, as after DVC has emptied its outputs."""
    outputs = {"classifier": layout.CLASSIFIER, "dedup": layout.DEDUP, "decontaminate": layout.CONTAMINATION}
    shutil.rmtree(root / outputs.get(name, Path("data") / name), ignore_errors=True)
    record = RunRecord(run="test", stage=name)
    section = type(SECTIONS[name]).model_validate(SECTIONS[name].model_dump() | changes)
    runtime = Runtime(workers=workers, cache_dir=Path(".cache"))
    return MAINS[name](StageContext(name, {name: section}, runtime, root, record, f"stages.{name}")), record


def run_all(root: Path, workers: int = 1) -> dict[str, StageReport]:
    return {name: run(root, name, workers=workers)[0] for name in MAINS}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, StageReport]]:
    root = tmp_path_factory.mktemp("done")
    write_documents(root)
    return root, run_all(root)


def test_one_and_two_workers_write_the_same_bytes(done: tuple[Path, dict[str, StageReport]], tmp_path: Path) -> None:
    root, reports = done
    write_documents(tmp_path)
    assert run_all(tmp_path, workers=2) == reports
    for directory in SIDECARS:
        assert directory_digest(root / directory) == directory_digest(tmp_path / directory)
        verify(tmp_path / directory)
    for file in ("fold0.bin", "fold1.bin", "calibration.json"):
        assert file_digest(root / layout.CLASSIFIER / file) == file_digest(tmp_path / layout.CLASSIFIER / file)
    assert not list((tmp_path / ".scratch").rglob("*.parquet"))


def test_sidecars_lie_beside_the_documents(done: tuple[Path, dict[str, StageReport]]) -> None:
    root, _ = done
    sidecars = [root / directory for directory in SIDECARS if directory != layout.DEDUP_PAIRS]
    for name in shard_names(root / layout.DOCUMENTS):
        _, speech, numbers, exact, leaks = read_aligned(name, root / layout.DOCUMENTS, *sidecars)
        assert speech.column_names[:5] == ["id", "language", "score", "second_language", "second_score"]
        assert speech.column_names[5:] == ["language_share", "mixed"]
        assert numbers.column_names == ["id", *SIGNALS, "classifier"]
        assert exact.column_names == [
            "id",
            "group",
            "group_size",
            "words",
            "near_duplicates",
            "repeated_parts",
            "repeated_part_fraction",
        ]
        assert leaks.column_names[:6] == ["id", "evaluation", "item", "overlap", "hits", "reverse_overlap"]
        assert leaks.column_names[6:] == ["reverse_evaluation", "reverse_item", "spans", "clean_words"]


def test_numbers_are_those_of_the_texts(done: tuple[Path, dict[str, StageReport]]) -> None:
    root, reports = done
    documents = read_directory(root / layout.DOCUMENTS)
    texts = documents.column("text").to_pylist()
    exact = read_directory(root / layout.DEDUP_EXACT)
    assert exact.column("group").to_pylist() == [text_hash(text) for text in texts]
    assert exact.column("group_size").to_pylist() == [texts.count(text) for text in texts]
    pairs = read_directory(root / layout.DEDUP_PAIRS)
    in_pairs = Counter([*pairs.column("id_a").to_pylist(), *pairs.column("id_b").to_pylist()])
    assert in_pairs
    assert exact.column("near_duplicates").to_pylist() == [in_pairs[id_] for id_ in documents.column("id").to_pylist()]

    leaks = read_directory(root / layout.CONTAMINATION)
    expected = [("exam", 1.0) if EVALUATION in text else (None, 0.0) for text in texts]
    found = zip(leaks.column("evaluation").to_pylist(), leaks.column("reverse_overlap").to_pylist(), strict=True)
    assert list(found) == expected
    assert reports["decontaminate"].metrics["documents_with_hits"] == 3

    scores = read_directory(root / layout.QUALITY).column("classifier").to_pylist()
    sources = documents.column("source").to_pylist()
    long = [(score, source) for score, source, text in zip(scores, sources, texts, strict=True) if len(text) > 100]
    assert all((score > 0.5) == (source == "novels") for score, source in long)
    assert reports["classifier"].metrics["auc"] == 1.0


def test_pairs_name_representatives_and_are_sorted(done: tuple[Path, dict[str, StageReport]]) -> None:
    root, reports = done
    pairs = read_directory(root / layout.DEDUP_PAIRS).to_pylist()
    names = [(pair["id_a"], pair["id_b"]) for pair in pairs]
    assert names == sorted(names)
    assert all(a < b for a, b in names)
    assert all(0.6 <= round(pair["similarity"], 6) <= 1.0 for pair in pairs)
    longer = {frozenset((document_id("novels", f"{s}:3"), document_id("novels", f"{s}:26"))) for s in "abc"}
    assert longer <= {frozenset(pair) for pair in names}
    copies = sorted(document_id("novels", f"{shard}:24") for shard in "abc")
    assert not {name for pair in names for name in pair} & set(copies[1:])
    assert len(reports["dedup"].pairs) == min(10, len(pairs))


def test_a_new_shard_costs_one_shard(tmp_path: Path) -> None:
    write_documents(tmp_path)
    run_all(tmp_path)
    write_documents(tmp_path, names=("a", "b", "c", "d"))
    expected = {"language": "language", "quality": "signals", "dedup": "signatures", "decontaminate": "contamination"}
    for name in MAINS:
        _, record = run(tmp_path, name)
        if name in expected:
            assert record.jobs[expected[name]] == {"total": 4, "cached": 3}, name
    _, record = run(tmp_path, "dedup", samples=1, bucket_cap=3)
    assert record.jobs["signatures"] == {"total": 4, "cached": 4}
    for floor, cached in ((0.6, 0), (0.9, 4)):
        _, record = run(tmp_path, "dedup", bands=8, rows=4, floor=floor)
        assert record.jobs["signatures"] == {"total": 4, "cached": cached}
    _, record = run(tmp_path, "dedup", seed=2)
    assert record.jobs["signatures"] == {"total": 4, "cached": 0}
    (tmp_path / "exam.txt").write_text(f"{EVALUATION} Now longer.")
    _, record = run(tmp_path, "decontaminate")
    assert record.jobs["contamination"] == {"total": 4, "cached": 0}


def test_without_examples_there_is_no_classifier_and_no_score(tmp_path: Path) -> None:
    write_documents(tmp_path, names=("a",))
    run(tmp_path, "language")
    report, _ = run(tmp_path, "classifier", positives=[], negatives=[])
    assert report.metrics == {"enabled": 0}
    assert read_calibration(tmp_path / layout.CLASSIFIER).cut is None
    run(tmp_path, "quality")
    column = read_directory(tmp_path / layout.QUALITY).column("classifier")
    assert column.null_count == len(column)


def test_unusable_settings_end_in_one_sentence(tmp_path: Path) -> None:
    write_documents(tmp_path, names=("a",))
    run(tmp_path, "language")
    with pytest.raises(DataError, match=r"classifier\.positives give no document"):
        run(tmp_path, "classifier", positives=["nowhere"])
    with pytest.raises(ConfigError, match="is no file"):
        run(tmp_path, "decontaminate", evaluations=[{"name": "x", "path": "gone.jsonl"}])


def test_the_models_that_score_are_part_of_what_a_score_is(
    done: tuple[Path, dict[str, StageReport]], tmp_path: Path
) -> None:
    shutil.copytree(done[0], tmp_path, dirs_exist_ok=True)
    run(tmp_path, "classifier", epochs=2)
    _, record = run(tmp_path, "quality")
    assert record.jobs == {"signals": {"total": 3, "cached": 3}, "scores": {"total": 3, "cached": 0}}
    manifest = read_manifest(tmp_path / layout.QUALITY)
    assert set(manifest.made_from) == {"documents", "calibration.json", "fold0.bin", "fold1.bin"}


def test_boilerplate_is_told_over_all_shards_and_counts_nowhere(tmp_path: Path) -> None:
    notice = "Permission is hereby granted free of charge to any person obtaining a copy of this software and its parts"
    own = " ".join(f"question{number}" for number in range(40))
    infos = []
    for shard in ("a", "b"):
        texts = [f"{_novel(shard, number)} {notice}" for number in range(8)]
        texts += [f"{notice} {own}"] * (shard == "b")
        rows = [
            {"id": document_id("novels", f"{shard}:{n}"), "text": text, "source": "novels", "meta": "{}"}
            for n, text in enumerate(texts)
        ]
        table = pa.Table.from_pylist(rows, schema=DOCUMENT_SCHEMA)
        infos.append(write_shard(tmp_path / layout.DOCUMENTS, shard, table))
    write_manifest(tmp_path / layout.DOCUMENTS, infos, {})
    (tmp_path / "exam.txt").write_text(f"{notice} {own}")
    report, record = run(tmp_path, "decontaminate")
    found = read_directory(tmp_path / layout.CONTAMINATION)
    assert found.column("reverse_overlap").to_pylist() == [0.0] * 16 + [1.0]
    assert report.metrics["boilerplate_ngrams"] == len(notice.split()) - 12
    assert report.metrics["documents_with_hits"] == 1
    assert record.jobs["sightings"] == {"total": 2, "cached": 0}
    run(tmp_path, "decontaminate", max_documents=None)
    assert all(read_directory(tmp_path / layout.CONTAMINATION).column("hits").to_pylist())
