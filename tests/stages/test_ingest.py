"""The stage: laws of counting, the same bytes for any workers, one file's cost for one file, honest ends."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from bessemer.config.ingest import IngestParams
from bessemer.config.runtime import Runtime
from bessemer.config.sources import SourcesParams
from bessemer.documents import DOCUMENT_SCHEMA
from bessemer.errors import ConfigError, DataError
from bessemer.ingestion.job import QUARANTINE_SCHEMA
from bessemer.reporting.report import StageReport
from bessemer.shards import directory_digest, read_directory, read_manifest, shard_names, verify
from bessemer.sources import lock_sources, write_lock
from bessemer.stage import RunRecord, StageContext
from stages import layout
from stages.ingest import main
from tests.readers import hostile

SAMPLE = Path(__file__).resolve().parents[2] / "data/sample"
CHECKOUT = Path(__file__).resolve().parents[2]
Sources = list[dict[str, Any]]


def ingest(root: Path, sources: Sources, workers: int = 1, **params: Any) -> tuple[StageReport, RunRecord]:
    """Lock and run the stage in this process."""
    section = SourcesParams.model_validate(sources)
    write_lock(lock_sources(section.root, root, None), root / layout.SOURCES_LOCK)
    return run(root, sources, workers, **params)


def run(root: Path, sources: Sources, workers: int = 1, **params: Any) -> tuple[StageReport, RunRecord]:
    for directory in (layout.DOCUMENTS, layout.QUARANTINE):
        shutil.rmtree(root / directory, ignore_errors=True)
    record = RunRecord(run="test", stage="ingest")
    sections = {
        "ingest": IngestParams.model_validate(params),
        "sources": SourcesParams.model_validate(sources),
    }
    runtime = Runtime(workers=workers, cache_dir=Path(".cache"))
    return main(StageContext("ingest", sections, runtime, root, record, "stages.ingest")), record


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Sources of every format, with good and bad records."""
    raw = tmp_path / "raw"
    for folder in ("json", "web", "texts", "pages", "tables"):
        (raw / folder).mkdir(parents=True)
    (raw / "json/good.jsonl").write_bytes(hostile.json_lines(3000))
    hostile.truncated_gzip(raw / "json/cut.jsonl.gz", hostile.json_lines(3000))
    hostile.one_long_line(raw / "json/long.jsonl", 3_000_000)
    (raw / "json/empty.jsonl").write_bytes(b"")
    members = hostile.gzip_members([hostile.warc_record("warcinfo", "", b"x: y"), *hostile.archive(300)])
    members[7] = members[7][:40] + bytes(20) + members[7][60:]
    (raw / "web/a.warc.gz").write_bytes(b"".join(members))
    for number in range(30):
        (raw / f"texts/{number}.txt").write_text(f"Text {number}.\n\n" + "A paragraph of words.\n\n" * 400)
        (raw / f"pages/{number}.html").write_bytes(hostile.page(number))
    hostile.gzip_bomb(raw / "texts/bomb.txt.gz")
    hostile.parquet_with_invalid_utf8(raw / "tables/a.parquet")
    return tmp_path


SOURCES: Sources = [{"name": name, "path": f"raw/{name}"} for name in ("json", "web", "texts", "pages", "tables")]
PARAMS: dict[str, Any] = {
    "max_bad_fraction": 0.5,
    "max_record_bytes": 1_000_000,
    "small_file_bytes": 20_000,
    "split_bytes": 4000,
    "shard_records": 700,
}


def test_every_record_is_parsed_quarantined_or_a_stated_skip(mixed: Path) -> None:
    report, _ = ingest(mixed, SOURCES, **PARAMS)
    metrics = report.metrics
    assert metrics["records_read"] == (
        metrics["records_parsed"] + metrics["records_quarantined"] + metrics["records_skipped"]
    )
    documents = read_directory(mixed / layout.DOCUMENTS)
    quarantine = read_directory(mixed / layout.QUARANTINE)
    assert documents.schema.equals(DOCUMENT_SCHEMA)
    assert quarantine.schema.equals(QUARANTINE_SCHEMA)
    assert documents.num_rows == metrics["documents"]
    assert sum(len(text.encode()) for text in documents["text"].to_pylist()) == metrics["text_bytes"]
    assert sum(quarantine["records"].to_pylist()) == metrics["records_quarantined"]
    assert len(set(documents["id"].to_pylist())) == documents.num_rows
    reasons = {(row["source"], row["file"], row["reason"]): row["records"] for row in quarantine.to_pylist()}
    assert set(reasons) == {
        ("json", "cut.jsonl.gz", "truncated"),
        ("json", "long.jsonl", "too_large"),
        ("json", "empty.jsonl", "empty_file"),
        ("web", "a.warc.gz", "corrupt"),
        ("texts", "bomb.txt.gz", "expansion"),
        ("texts", "bomb.txt.gz", "too_large"),
        ("tables", "a.parquet", "encoding"),
    }
    by_source = {row[0]: row for row in report.tables[0].rows}
    assert by_source["web"][3:6] == [301, 1, 1]
    assert by_source["pages"][3:7] == [30, 0, 0, 30]
    assert [row[1] for row in next(t for t in report.tables if t.name == "damaged_files").rows] == [
        "cut.jsonl.gz",
        "empty.jsonl",
        "bomb.txt.gz",
    ]
    verify(mixed / layout.DOCUMENTS)
    verify(mixed / layout.QUARANTINE)


def test_the_bytes_do_not_depend_on_workers_or_place(mixed: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    first, _ = ingest(mixed, SOURCES, workers=1, **PARAMS)
    digests = [directory_digest(mixed / directory) for directory in (layout.DOCUMENTS, layout.QUARANTINE)]
    other = tmp_path_factory.mktemp("other") / "checkout"
    shutil.copytree(mixed / "raw", other / "raw")
    second, _ = ingest(other, list(reversed(SOURCES)), workers=2, **PARAMS)
    assert [directory_digest(other / directory) for directory in (layout.DOCUMENTS, layout.QUARANTINE)] == digests
    assert second == first
    assert max(shard.rows for shard in read_manifest(other / layout.DOCUMENTS).shards) <= 700


def test_a_new_file_costs_its_own_job_and_moves_no_id(mixed: Path) -> None:
    ingest(mixed, SOURCES, **PARAMS)
    before = set(read_directory(mixed / layout.DOCUMENTS, ["id"])["id"].to_pylist())
    names = set(shard_names(mixed / layout.DOCUMENTS))
    _, record = run(mixed, SOURCES, **PARAMS | {"max_bad_fraction": 0.9})
    assert record.jobs["reading"]["cached"] == record.jobs["reading"]["total"]
    (mixed / "raw/json/new.jsonl").write_bytes(hostile.json_lines(900))
    (mixed / "raw/extra.txt").write_text("One more text.")
    extra = [*SOURCES, {"name": "extra", "path": "raw/extra.txt"}]
    _, record = ingest(mixed, extra, **PARAMS)
    assert record.jobs["reading"]["total"] - record.jobs["reading"]["cached"] == 2
    assert before < set(read_directory(mixed / layout.DOCUMENTS, ["id"])["id"].to_pylist())
    assert names < set(shard_names(mixed / layout.DOCUMENTS))


def test_samples_are_of_every_source_and_chosen_by_seed(mixed: Path) -> None:
    report, _ = ingest(mixed, SOURCES, **PARAMS, samples=2)
    assert sorted(sample.group for sample in report.samples) == sorted([s["name"] for s in SOURCES] * 2)
    other, _ = run(mixed, SOURCES, **PARAMS, samples=2, seed=1)
    assert [s.id for s in other.samples] != [s.id for s in report.samples]
    assert all(len(sample.text) <= 600 for sample in report.samples)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_page_that_takes_too_long_costs_itself_only(tmp_path: Path, workers: int) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    for number in range(9):
        (raw / f"{number}.html").write_bytes(hostile.page(number))
    (raw / "slow.html").write_text("<p>before</p>" + ("<div>" * 1900 + "x" + "</div>" * 1900) * 40)
    sources: Sources = [{"name": "pages", "path": "raw"}]
    changes: dict[str, Any] = {"max_record_seconds": 0.4, "max_bad_fraction": 0.2, "buckets": 2}
    report, _ = ingest(tmp_path, sources, workers, **changes)
    (row,) = read_directory(tmp_path / layout.QUARANTINE).to_pylist()
    assert (row["file"], row["reason"]) == ("slow.html", "fatal")
    assert row["detail"] == "resiliparse: the page took too long"
    assert read_directory(tmp_path / layout.DOCUMENTS).num_rows == 9
    assert not report.failed
    found = directory_digest(tmp_path / layout.DOCUMENTS), directory_digest(tmp_path / layout.QUARANTINE)
    shutil.rmtree(tmp_path / ".cache")
    ingest(tmp_path, sources, 3 - workers, **changes)
    assert found == (directory_digest(tmp_path / layout.DOCUMENTS), directory_digest(tmp_path / layout.QUARANTINE))


def test_too_much_bad_input_ends_the_stage_after_the_report(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(hostile.json_lines(98) + b"broken\n" * 2)
    with pytest.raises(DataError, match=r"^source s: 2 of 100 records are unreadable \(2 %, mostly malformed\)"):
        ingest(tmp_path, [{"name": "s", "path": "a.jsonl"}])
    summary = json.loads((tmp_path / "reports/ingest/summary.json").read_text())
    assert summary["metrics"]["records_quarantined"] == 2
    assert read_directory(tmp_path / layout.QUARANTINE).num_rows == 1 + 1
    report, _ = run(tmp_path, [{"name": "s", "path": "a.jsonl"}], max_bad_fraction=0.02)
    assert report.metrics["documents"] == 98


def test_a_changed_file_and_an_old_lock_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(hostile.json_lines(10))
    sources: Sources = [{"name": "s", "path": "a.jsonl"}]
    ingest(tmp_path, sources)
    (tmp_path / "a.jsonl").write_bytes(hostile.json_lines(11))
    shutil.rmtree(tmp_path / ".cache")
    with pytest.raises(DataError, match=r"a.jsonl is not the file .* `bessemer sources lock`"):
        run(tmp_path, sources)
    with pytest.raises(ConfigError, match="the source t is not in it"):
        run(tmp_path, [*sources, {"name": "t", "path": "b.jsonl"}])


def test_a_corpus_without_a_document_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"text": ""}\n')
    with pytest.raises(DataError, match="hold no document"):
        ingest(tmp_path, [{"name": "s", "path": "a.jsonl"}])


def test_as_a_process_it_ends_with_four_and_one_sentence(tmp_path: Path) -> None:
    pq.write_table(pa.table({"body": ["x"]}), tmp_path / "a.parquet")
    sources = [{"name": "s", "path": "a.parquet"}]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"sources": sources, "ingest": {}}))
    section = SourcesParams.model_validate(sources)
    write_lock(lock_sources(section.root, tmp_path, None), tmp_path / layout.SOURCES_LOCK)
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(
        [sys.executable, "-m", "stages.ingest"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4
    assert done.stderr.splitlines() == [
        "bessemer: ingest: a.parquet has no column text; its columns are body; "
        "name the one with the text in columns.text of the source."
    ]


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/sample").symlink_to(SAMPLE)
    return tmp_path


def test_no_page_of_the_sample_is_garbled(sample: Path) -> None:
    ingest(sample, [{"name": "docs", "path": "data/sample/warc"}])
    rows = read_directory(sample / layout.DOCUMENTS).to_pylist()
    assert len(rows) == 515
    scripts = {
        "/ko/": ("가", "힣"),
        "/ja/": ("ぁ", "ヿ"),
        "/zh-cn/": ("一", "鿿"),
        "/ru/": ("а", "я"),
        "/tr/": ("ğ", "ş"),
    }
    shares: dict[str, list[float]] = {script: [] for script in scripts}
    for row in rows:
        assert "\ufffd" not in row["text"], row["url"]
        assert not any(garbage in row["text"] for garbage in ("Ã¼", "Ã¤", "Ã©", "â€", "ï»¿")), row["url"]
        for script, (low, high) in scripts.items():
            if script in row["url"]:
                shares[script].append(sum(low <= character <= high for character in row["text"]) / len(row["text"]))
    assert sum(json.loads(row["meta"])["charset"] == "cp949" for row in rows) == 22
    assert min(shares["/ko/"]) > 0.25
    assert min(shares["/ja/"]) > 0.2
    assert sorted(shares["/zh-cn/"])[1] > 0.2
    assert min(shares["/ru/"]) > 0.1
    assert min(shares["/tr/"]) > 0
