"""The stage over every format in every compression, whole and broken: the law of records, whatever the workers."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bessemer.shards import directory_digest, read_directory
from stages import layout
from tests.readers import real_files
from tests.stages.test_ingest import ingest

SOURCES: list[dict[str, Any]] = [{"name": kind, "path": f"raw/{kind}"} for kind in ("whole", "broken")]
PARAMS: dict[str, Any] = {
    "max_bad_fraction": 1.0,
    "max_record_bytes": 1 << 20,
    "small_file_bytes": 10_000,
    "buckets": 4,
}
WITHOUT_END = ("rows.jsonl", "docs.warc", "help.wet", "book.txt", "book.md", "page.html")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("checkout")
    for folder in ("whole", "broken"):
        (root / "raw" / folder).mkdir(parents=True)
    for name, (data, _) in real_files.whole_files().items():
        (root / "raw/whole" / name).write_bytes(data)
        middle = len(data) // 2
        for kind, broken in {
            "cut": data[:middle],
            "flip": data[:middle] + bytes([data[middle] ^ 0x10]) + data[middle + 1 :],
            "empty": b"",
            "false": b"Nothing that the name says.",
        }.items():
            (root / "raw/broken" / f"{kind}-{name}").write_bytes(broken)
    return root


def test_the_law_of_records_holds_for_every_format_and_every_way_to_break_it(checkout: Path) -> None:
    report, _ = ingest(checkout, SOURCES, **PARAMS)
    metrics = report.metrics
    parts = ("records_parsed", "records_quarantined", "records_skipped")
    assert metrics["records_read"] == sum(int(metrics[part]) for part in parts)
    quarantine = read_directory(checkout / layout.QUARANTINE).to_pylist()
    assert sum(row["records"] for row in quarantine) == metrics["records_quarantined"]
    documents = read_directory(checkout / layout.DOCUMENTS).to_pylist()
    assert len({row["id"] for row in documents}) == len(documents) == metrics["documents"]

    assert [row for row in quarantine if row["source"] == "whole"] == []
    by_source = {row[0]: row for row in report.tables[0].rows}
    whole = real_files.whole_files()
    assert by_source["whole"][3] == sum(count for _, count in whole.values())

    named = Counter(row["file"] for row in quarantine)
    ended = {str(row[1]) for table in report.tables if table.name == "damaged_files" for row in table.rows}
    for name in whole:
        assert named[f"empty-{name}"] == 1
        if name not in ("book.txt", "book.md", "page.html"):
            assert named[f"false-{name}"] >= 1
        if name not in WITHOUT_END:
            assert named[f"cut-{name}"] >= 1
            assert f"cut-{name}" in ended or len(ended) == 100  # the report lists a hundred files


def test_documents_of_a_whole_file_are_the_same_in_every_compression(checkout: Path) -> None:
    ingest(checkout, SOURCES, **PARAMS)
    texts: dict[str, dict[str, list[str]]] = {}
    names = list(real_files.whole_files())
    for row in read_directory(checkout / layout.DOCUMENTS).to_pylist():
        if row["source"] == "whole":
            locator = json.loads(row["meta"])["locator"]
            file = max((name for name in names if locator.startswith(name)), key=len)
            name = next(name for name in real_files.FORMATS if file.startswith(name))
            texts.setdefault(name, {}).setdefault(file, []).append(row["text"])
    assert set(texts) == set(real_files.FORMATS)
    for files in texts.values():
        assert len(files) in (1, len(real_files.COMPRESSIONS))
        assert len({tuple(sorted(found)) for found in files.values()}) == 1


def test_one_worker_and_two_write_the_same_bytes_of_a_folder_of_all_formats(checkout: Path) -> None:
    digests = []
    for workers in (1, 2):
        ingest(checkout, SOURCES, workers=workers, **PARAMS)
        digests.append([directory_digest(checkout / directory) for directory in (layout.DOCUMENTS, layout.QUARANTINE)])
    assert digests[0] == digests[1]
