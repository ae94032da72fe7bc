"""``bessemer dedup``: any files in, pairs out, under the names that the files give; errors in one sentence."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.dedup.test_hard_cases import prose

ROOT = Path(__file__).parents[2]
OWN = " ".join(prose(1, 200))
NEAR = f"{OWN} and more"
OTHER = " ".join(prose(2, 200))


def dedup(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flows.cli", "dedup", *arguments]
    return subprocess.run(
        command, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )


def pairs_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_documents_of_several_formats_are_compared_with_each_other(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"name": ["first", "copy", "none"], "text": [OWN, OWN.upper(), None]}), tmp_path / "a.parquet"
    )
    with gzip.open(tmp_path / "b.jsonl.gz", "wt") as file:
        file.writelines(json.dumps({"text": text}) + "\n" for text in (OTHER, NEAR))
    done = dedup(tmp_path, "a.parquet", "b.jsonl.gz", "--id-column", "name", "--out", "pairs.jsonl", "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["documents"], summary["exact_copies"], summary["verified_pairs"]) == (4, 1, 1)
    exact, near = pairs_of(tmp_path / "pairs.jsonl")
    assert ({exact["a"], exact["b"]}, exact["similarity"], exact["kind"]) == ({"first", "copy"}, 1.0, "exact")
    assert near["kind"] == "near"
    assert near["similarity"] == pytest.approx(196 / 198)
    assert {near["a"], near["b"]} & {"first", "copy"}
    assert {near["a"], near["b"]} & {"b.jsonl.gz:2"}


def test_pairs_are_the_same_whatever_the_order_of_files_and_the_format_of_the_answer(tmp_path: Path) -> None:
    for name, text in (("a", OWN), ("b", NEAR), ("c", OTHER)):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"text": text}) + "\n")
    assert dedup(tmp_path, "a.jsonl", "b.jsonl", "c.jsonl", "--out", "one.jsonl").returncode == 0
    assert dedup(tmp_path, "c.jsonl", "b.jsonl", "a.jsonl", "--out", "two.parquet", "--workers", "1").returncode == 0
    assert pairs_of(tmp_path / "one.jsonl") == pq.read_table(tmp_path / "two.parquet").to_pylist() != []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--out", "p.jsonl"), 2, "name at least one"),
        (("missing.jsonl", "--out", "p.jsonl"), 2, "does not exist"),
        (("a.jsonl", "--out", "p.csv"), 2, ".parquet or .jsonl"),
        (("a.jsonl", "--out", "p.jsonl", "--floor", "1.5"), 2, "floor"),
        (("a.unknown", "--out", "p.jsonl"), 2, "no reader knows"),
        (("a.parquet", "--out", "p.jsonl"), 4, "has no column text; its columns are body"),
        (("empty.jsonl", "--out", "p.jsonl"), 4, "no document with a text"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    arguments: tuple[str, ...], code: int, said: str, tmp_path: Path
) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": OWN}) + "\n")
    (tmp_path / "a.unknown").write_text("x")
    (tmp_path / "empty.jsonl").write_text("")
    pq.write_table(pa.table({"body": ["x"]}), tmp_path / "a.parquet")
    done = dedup(tmp_path, *arguments)
    assert done.returncode == code, done.stderr
    assert said in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr
