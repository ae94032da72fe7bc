"""The sidecar of languages: second languages, documents of mixed language, another model; and the report of it."""

import hashlib
from pathlib import Path

import fasttext
import pyarrow as pa
import pytest

from bessemer.config.language import LanguageModel, LanguageParams
from bessemer.documents import DOCUMENT_SCHEMA
from bessemer.engine import Job, JobResult, OutputWriter
from bessemer.errors import DataError
from bessemer.shards import read_shard, write_manifest, write_shard
from stages.language import identify_shard, report_languages

ENGLISH = "All human beings are born free and equal in dignity and rights, and should act in a spirit of brotherhood."
GERMAN = "Alle Menschen sind frei und gleich an Würde und Rechten geboren und sollen einander brüderlich begegnen."
TEXTS = [f"{ENGLISH}\n{GERMAN}\n{ENGLISH}", f"{ENGLISH}\n{ENGLISH}", GERMAN, "1 2 3"]


def write_documents(root: Path) -> None:
    rows = [{"id": f"{number:032x}", "text": text, "source": "s", "meta": "{}"} for number, text in enumerate(TEXTS)]
    shard = write_shard(root / "documents", "one", pa.Table.from_pylist(rows, DOCUMENT_SCHEMA))
    write_manifest(root / "documents", [shard], {})


def sidecar(root: Path, params: LanguageParams) -> pa.Table:
    write_documents(root)
    identify_shard(root, root / "documents", params, Job("one", {}), OutputWriter(root / "out"))
    return read_shard(root / "out" / "language", "one")


def test_a_document_in_two_languages_is_marked_with_its_share(tmp_path: Path) -> None:
    table = sidecar(tmp_path, LanguageParams(second_from=0.01))
    assert table.column("language")[:3].to_pylist() == ["en", "en", "de"]
    assert table.column("second_language")[0].as_py() == "de"
    assert table.column("mixed").to_pylist() == [True, False, False, False]
    own = 2 * len(ENGLISH)
    assert table.column("language_share")[0].as_py() == pytest.approx(own / (own + len(GERMAN)), rel=1e-6)
    assert table.column("language_share")[2].as_py() is None


def test_paragraphs_are_looked_at_only_where_a_second_language_is_likely(tmp_path: Path) -> None:
    table = sidecar(tmp_path, LanguageParams(second_from=1.0))
    assert table.column("language_share").null_count == len(TEXTS)
    assert not any(table.column("mixed").to_pylist())


def test_the_share_that_makes_a_document_mixed_is_a_parameter(tmp_path: Path) -> None:
    assert not any(sidecar(tmp_path, LanguageParams(second_from=0.01, mixed_share=0.5)).column("mixed").to_pylist())


def test_another_model_is_taken_if_it_is_the_pinned_one(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text(f"__label__xxx {ENGLISH}\n__label__yyy {GERMAN}\n" * 50)
    model = fasttext.train_supervised(str(tmp_path / "train.txt"), epoch=25, thread=1, bucket=1000, verbose=0)
    model.save_model(str(tmp_path / "own.bin"))
    digest = hashlib.sha256((tmp_path / "own.bin").read_bytes()).hexdigest()
    params = LanguageParams(model=LanguageModel(path="own.bin", sha256=digest))
    assert sidecar(tmp_path, params).column("language")[1:3].to_pylist() == ["xxx", "yyy"]
    with pytest.raises(DataError, match="SHA-256"):
        sidecar(tmp_path, LanguageParams(model=LanguageModel(path="own.bin", sha256="0" * 64)))


def test_the_report_counts_and_shows_documents_of_mixed_language(tmp_path: Path) -> None:
    params = LanguageParams(second_from=0.01)
    write_documents(tmp_path)
    out = OutputWriter(tmp_path / "out")
    stats = identify_shard(tmp_path, tmp_path / "documents", params, Job("one", {}), out)
    write_manifest(tmp_path / "out/language", out.shards["language"], {})
    made = [JobResult(Job("one", {}), out.shards, stats, cached=False)]
    report = report_languages(made, tmp_path / "documents", tmp_path / "out/language", {})
    assert report.metrics["mixed_documents"] == 1
    assert [row[-1] for row in report.tables[0].rows] == [1, 0]
    shown = [sample for sample in report.samples if sample.group == "of mixed language"]
    assert [sample.facts["second language"] for sample in shown] == ["de"]
