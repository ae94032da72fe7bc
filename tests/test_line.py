"""One real `dvc repro` on a cut of the sample, and what a user can do with what comes out."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.checkout import STAGES, Checkout


@pytest.fixture
def line(finished_line: Path) -> Checkout:
    return Checkout(finished_line)


def table(folder: Path) -> pa.Table:
    return pa.concat_tables([pq.read_table(path) for path in sorted(folder.glob("*.parquet"))])


def text_bytes(texts: pa.Table) -> int:
    return pc.sum(pc.binary_length(pc.cast(texts["text"], pa.large_binary()))).as_py()


def test_every_stage_ran_and_left_its_report_and_its_page(line: Checkout) -> None:
    for stage in STAGES:
        assert line.record(stage)["exit_code"] == 0
        assert json.loads((line.folder / "reports" / stage / "summary.json").read_text())["stage"] == stage
        assert (line.folder / "reports" / stage / "index.html").exists()


def test_no_document_is_lost_and_no_byte_is_unaccounted_for(line: Checkout) -> None:
    documents, ledger = table(line.folder / "data/documents"), table(line.folder / "data/ledger")
    curated = table(line.folder / "data/curated")
    assert ledger["id"].to_pylist() == documents["id"].to_pylist()
    kept = ledger.filter(pc.equal(ledger["fate"], "kept"))
    dropped = ledger.filter(pc.equal(ledger["fate"], "dropped"))
    assert kept.num_rows + dropped.num_rows == documents.num_rows
    assert kept["id"].to_pylist() == curated["id"].to_pylist()
    assert dropped["reason"].null_count == 0
    cut, removed, added = (pc.sum(curated[name]).as_py() for name in ("cut_bytes", "removed_bytes", "added_bytes"))
    assert cut == 0
    assert text_bytes(documents) == pc.sum(dropped["bytes"]).as_py() + removed + text_bytes(curated) - added


def test_every_record_read_is_a_document_or_in_quarantine_or_a_stated_skip(line: Checkout) -> None:
    metrics = line.metrics("ingest")
    assert metrics["records_read"] == sum(
        metrics[name] for name in ("records_parsed", "records_quarantined", "records_skipped")
    )
    records = {
        json.loads(meta)["locator"].rpartition("#")[0] or json.loads(meta)["locator"]
        for meta in table(line.folder / "data/documents")["meta"].to_pylist()
    }
    assert len(records) <= metrics["documents"]


def test_every_kept_document_is_in_the_tokens_or_left_them_for_validation(line: Checkout) -> None:
    tokens = line.folder / "data/tokens"
    ids = [pq.read_table(tokens / split / "documents.parquet")["id"].to_pylist() for split in ("train", "val")]
    left = table(tokens / "ledger")["id"].to_pylist()
    curated = table(line.folder / "data/curated")["id"].to_pylist()
    assert sorted([*ids[0], *ids[1], *left]) == sorted(curated)
    assert not set(ids[0]) & set(ids[1])


def test_the_model_opens_without_our_code_and_writes(line: Checkout) -> None:
    script = (
        "import sys, torch\n"
        "from transformers import AutoModelForCausalLM, AutoTokenizer\n"
        "model = AutoModelForCausalLM.from_pretrained(sys.argv[1])\n"
        "tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])\n"
        "prompt = tokenizer('In the beginning', return_tensors='pt', add_special_tokens=False)\n"
        "out = model.generate(**prompt, max_new_tokens=8, do_sample=False)\n"
        "assert not any(name.split('.')[0] in ('bessemer', 'stages') for name in sys.modules)\n"
        "print(type(model).__name__, out.shape[1] - prompt.input_ids.shape[1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", script, str(line.folder / "models/pretrain")],
        capture_output=True,
        text=True,
        check=True,
    )
    name, count = done.stdout.split()
    assert name == "Qwen3ForCausalLM"
    assert 1 <= int(count) <= 8


def test_a_second_run_runs_nothing(line: Checkout) -> None:
    before = {stage: line.record(stage)["finished"] for stage in STAGES}
    done = line.bessemer("run")
    assert {stage: line.record(stage)["finished"] for stage in STAGES} == before
    assert done.returncode == 0


def test_a_kept_and_a_dropped_document_are_explained(line: Checkout) -> None:
    ledger = table(line.folder / "data/ledger")
    for fate in ("kept", "dropped"):
        row = ledger.filter(pc.equal(ledger["fate"], fate)).slice(0, 1).to_pylist()[0]
        said = line.bessemer("explain", row["id"]).stdout
        assert row["id"] in said
        assert fate in said
        if row["reason"]:
            assert row["reason"].replace("_", " ") in said.replace("_", " ")


def test_an_unknown_document_is_one_sentence(line: Checkout) -> None:
    done = line.bessemer("explain", "0" * 32, check=False)
    assert done.returncode in (2, 4)
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_finished_model_is_exported_with_commit_scores_and_cost(line: Checkout, tmp_path: Path) -> None:
    line.bessemer("export", "--to", str(tmp_path / "release"))
    card = (tmp_path / "release/README.md").read_text()
    assert f"at commit `{line.git('rev-parse', 'HEAD').strip()}`" in card
    assert f"{line.metrics('evaluate')['reference_english_bits_per_byte']:.3f} bits for each byte" in card
    assert "not known" not in card.partition("## Cost")[2].partition("## Made from")[0]
    for source in ("devils_dictionary", "multilingual-00000", "help-00000"):
        assert source in card.replace("\\", "")
    weights = "model.safetensors"
    assert (tmp_path / "release" / weights).read_bytes() == (line.folder / "models/pretrain" / weights).read_bytes()


def test_the_commit_and_the_newest_run_of_the_same_line_differ_in_no_score(line: Checkout, tmp_path: Path) -> None:
    line.bessemer("run")
    said = line.bessemer("compare", "HEAD", "latest", "--out", str(tmp_path / "page.html")).stdout
    assert "The parameters are the same; the scores are the same." in " ".join(said.split())
    assert (tmp_path / "page.html").stat().st_size < 1_000_000
