"""The stages evaluate and model_gate on a model folder that is not Bessemer's, and texts of a few kilobytes."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import yaml

from bessemer.config.evaluate import ClozeParams, EvaluateParams, GenerationParams, ModelGateParams, ReferenceSet
from bessemer.config.gates import GateCheck
from bessemer.config.runtime import Runtime
from bessemer.errors import ConfigError
from bessemer.reporting.report import StageReport, write_report
from bessemer.stage import RunRecord, StageContext
from stages import evaluate, layout, model_gate
from tests.evaluation.languages import folder_of, gpt2

ROOT = Path(__file__).resolve().parents[2]
SENTENCE = "The green ship sailed over the wide and silent sea towards an island called {}. "
WORDS = ["Golden", "hollow", "tender", "narrow", "bitter", "modern"]
PARAMS = EvaluateParams(
    references=[
        ReferenceSet(name="english", path="english.jsonl"),
        ReferenceSet(name="languages", path="languages.jsonl", group_field="language"),
    ],
    cloze=ClozeParams(items=6, context_words=8),
    generation=GenerationParams(prompts=["It was", "In the"], new_tokens=8),
)


def write_inputs(root: Path) -> None:
    """A small GPT-2, two reference files, and validation documents."""
    folder_of(gpt2(), root / layout.MODEL)
    text = "".join(SENTENCE.format(word) for word in WORDS)
    english = [{"id": "a", "text": text}, {"id": "b", "text": text[::-1]}]
    languages = [{"text": "Größe", "language": "de"}, {"text": "forêt", "language": "fr"}]
    for name, records in (("english", english), ("languages", languages)):
        (root / f"{name}.jsonl").write_text("\n".join(json.dumps(record) for record in records))
    (root / layout.TOKENS_VAL).mkdir(parents=True)
    rows = [
        {"id": str(number), "text": word * 5, "source": source, "language": "en", "tokens": 30}
        for number, (word, source) in enumerate(zip(WORDS, ["prose", "verse"] * 3, strict=True))
    ]
    pq.write_table(pa.Table.from_pylist(rows), root / layout.TOKENS_VAL / "documents.parquet")


def run(root: Path, name: str, params: Any) -> StageReport:
    context = StageContext(name, {name: params}, Runtime(), root, RunRecord("test", name), module=f"stages.{name}")
    report: StageReport = {"evaluate": evaluate.main, "model_gate": model_gate.main}[name](context)
    write_report(report, root / layout.REPORTS / name)
    return report


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, StageReport]:
    root = tmp_path_factory.mktemp("evaluate")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    write_inputs(root)
    report = run(root, "evaluate", PARAMS)
    torch.set_num_threads(threads)
    return root, report


def test_every_set_of_texts_has_its_bits_and_those_of_xz(evaluated: tuple[Path, StageReport]) -> None:
    metrics = evaluated[1].metrics
    for name in ("reference_english", "reference_languages", "validation"):
        assert math.isfinite(float(metrics[f"{name}_bits_per_byte"]))
        assert float(metrics[f"{name}_xz_bits_per_byte"]) > 0
    assert metrics["context_tokens"] == 64
    assert 0.0 <= float(metrics["cloze_accuracy"]) <= 1.0


def test_tables_split_the_same_bytes_by_language_and_source(evaluated: tuple[Path, StageReport]) -> None:
    tables = {table.name: table for table in evaluated[1].tables}
    assert {row[0] for row in tables["reference_languages_by_language"].rows} == {"de", "fr"}
    overview = {row[0]: row[2] for row in tables["bits_per_byte"].rows}
    assert sum(int(row[1] or 0) for row in tables["validation_by_source"].rows) == overview["validation"]
    assert "at most 64 tokens" in tables["bits_per_byte"].note


def test_generations_and_asked_words_can_be_read(evaluated: tuple[Path, StageReport]) -> None:
    samples = evaluated[1].samples
    assert [sample.facts["prompt"] for sample in samples if sample.group == "generations"] == ["It was", "In the"]
    assert all(sample.facts["answer"] for sample in samples if sample.group == "last words")


def test_scored_again_the_report_has_the_same_bytes(evaluated: tuple[Path, StageReport]) -> None:
    folder = evaluated[0] / layout.REPORTS / "evaluate"
    before = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert run(evaluated[0], "evaluate", PARAMS) == evaluated[1]
    assert {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert {"summary.json", "metrics.json"} <= set(before)


@pytest.mark.parametrize(("bound", "opens"), [(100.0, True), (0.1, False)])
def test_the_gate_opens_for_a_good_enough_model_with_a_token_that_never_changes(
    evaluated: tuple[Path, StageReport], tmp_path: Path, bound: float, opens: bool
) -> None:
    write_report(evaluated[1], tmp_path / layout.REPORTS / "evaluate")
    (tmp_path / "models").mkdir()
    (tmp_path / layout.BASELINE).write_text('{"metrics": {}}')
    bits = GateCheck(metric="evaluate.reference_english_bits_per_byte", op="<=", bound=bound, reason="for the test")
    report = run(tmp_path, "model_gate", ModelGateParams(checks=[bits]))
    token = tmp_path / layout.GATES / "model.json"
    assert bool(report.failed) != opens
    assert token.exists() == opens
    assert not opens or json.loads(token.read_bytes()) == {"gate": "open"}


def test_a_model_that_is_worse_than_the_pinned_baseline_does_not_pass(
    evaluated: tuple[Path, StageReport], tmp_path: Path
) -> None:
    write_report(evaluated[1], tmp_path / layout.REPORTS / "evaluate")
    (tmp_path / "models").mkdir()
    name = "reference_english_bits_per_byte"
    value = float(evaluated[1].metrics[name])
    for pinned, passes in ((value, True), (value / 1.02, False)):
        (tmp_path / layout.BASELINE).write_text(json.dumps({"metrics": {name: pinned}}))
        assert bool(run(tmp_path, "model_gate", ModelGateParams(checks=[])).failed) != passes


def test_the_process_of_the_gate_ends_with_exit_code_3_after_its_report(
    evaluated: tuple[Path, StageReport], tmp_path: Path
) -> None:
    write_report(evaluated[1], tmp_path / layout.REPORTS / "evaluate")
    (tmp_path / "models").mkdir()
    name = "reference_english_bits_per_byte"
    (tmp_path / layout.BASELINE).write_text(json.dumps({"metrics": {name: 0.5}}))
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"model_gate": {"checks": []}}))
    done = subprocess.run(
        [sys.executable, "-m", "stages.model_gate"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert f"evaluate.{name}" in done.stderr
    report = json.loads((tmp_path / layout.REPORTS / "model_gate/summary.json").read_bytes())
    assert [check["passed"] for check in report["checks"]] == [False]
    assert not (tmp_path / layout.GATES / "model.json").exists()


def test_a_reference_that_is_not_there_is_named(evaluated: tuple[Path, StageReport]) -> None:
    missing = PARAMS.model_copy(update={"references": [ReferenceSet(name="english", path="gone.jsonl")]})
    with pytest.raises(ConfigError, match=r"gone\.jsonl is no file"):
        run(evaluated[0], "evaluate", missing)
