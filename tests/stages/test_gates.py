"""Gates: open with the same token whatever the numbers, shut with the report written, clear about misspelt names."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from scipy.stats import binomtest

from bessemer.config.gates import CorpusGateParams, GateCheck
from bessemer.config.runtime import Runtime
from bessemer.errors import ConfigError, DataError
from bessemer.gates import evaluate_gate, read_metrics, wilson_interval
from bessemer.reporting.html import check_lines
from bessemer.reporting.report import StageReport
from bessemer.stage import RunRecord, StageContext
from stages import corpus_gate, layout

ROOT = Path(__file__).resolve().parents[2]
TOKEN = layout.GATES / "corpus.json"


def bound(metric: str, op: str, value: float, severity: str = "error") -> GateCheck:
    return GateCheck.model_validate(
        {"metric": metric, "op": op, "bound": value, "severity": severity, "reason": "it must be so"}
    )


def write_metrics(root: Path, **metrics: dict[str, Any]) -> None:
    for stage in corpus_gate.STAGES:
        path = root / layout.REPORTS / stage / "metrics.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(metrics.get(stage, {})))


def run(root: Path, *checks: GateCheck) -> StageReport:
    params = CorpusGateParams(checks=list(checks))
    record = RunRecord(run="test", stage="corpus_gate")
    context = StageContext("corpus_gate", {"corpus_gate": params}, Runtime(), root, record, "stages.corpus_gate")
    return corpus_gate.main(context)


def test_the_token_of_an_open_gate_is_the_same_whatever_the_numbers(tmp_path: Path) -> None:
    tokens = set()
    for kept in (100, 10**9):
        write_metrics(tmp_path, curate={"documents_kept": kept})
        report = run(tmp_path, bound("curate.documents_kept", ">=", 100))
        assert report.checks[0].value == kept
        tokens.add((tmp_path / TOKEN).read_bytes())
    run(tmp_path, bound("curate.documents_kept", ">=", 5))
    assert tokens == {(tmp_path / TOKEN).read_bytes()}


def test_a_broken_bound_writes_no_token_and_a_warning_does(tmp_path: Path) -> None:
    write_metrics(tmp_path, curate={"documents_kept": 99}, shard={"train_tokens": 5})
    report = run(tmp_path, bound("curate.documents_kept", ">=", 100), bound("shard.train_tokens", ">", 4))
    assert [check.passed for check in report.checks] == [False, True]
    assert [check.metric for check in report.failed] == ["curate.documents_kept"]
    assert not (tmp_path / TOKEN).exists()
    report = run(tmp_path, bound("curate.documents_kept", ">=", 100, "warn"))
    assert not report.failed
    assert "curate.documents_kept is 99, not >= 100" in report.summary
    assert (tmp_path / TOKEN).exists()


@pytest.mark.parametrize(
    ("op", "value", "passed"),
    [
        ("<=", 5, [True, True, False]),
        (">=", 5, [False, True, True]),
        ("<", 5, [True, False, False]),
        (">", 5, [False, False, True]),
        ("==", 5, [False, True, False]),
    ],
)
def test_each_operator_at_its_bound(op: str, value: float, passed: list[bool]) -> None:
    found = [evaluate_gate([bound("a.x", op, value)], {"a.x": number}, "corpus_gate")[0].passed for number in (4, 5, 6)]
    assert found == passed


def test_not_a_number_passes_nothing() -> None:
    for op in ("<=", ">=", "<", ">", "=="):
        assert not evaluate_gate([bound("a.x", op, 5)], {"a.x": float("nan")}, "corpus_gate")[0].passed


@pytest.mark.parametrize(
    ("metric", "sentence"),
    [
        ("curate.documents_kep", "did you mean curate.documents_kept"),
        ("curate.title", "is not a number"),
        ("zebra.q", "known: curate.documents_kept"),
    ],
)
def test_a_metric_that_does_not_exist_names_the_nearest(metric: str, sentence: str, tmp_path: Path) -> None:
    write_metrics(tmp_path, curate={"documents_kept": 1, "title": "Curation"})
    with pytest.raises(ConfigError, match=sentence):
        run(tmp_path, bound(metric, ">=", 0))


def test_a_stage_without_metrics_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="run the stage shard"):
        read_metrics(tmp_path, ["shard"])
    (tmp_path / "shard").mkdir()
    (tmp_path / "shard" / "metrics.json").write_text("{")
    with pytest.raises(DataError, match="not JSON"):
        read_metrics(tmp_path, ["shard"])


def test_one_metric_is_not_bounded_twice_in_the_same_direction() -> None:
    with pytest.raises(ValueError, match="given twice"):
        CorpusGateParams(checks=[bound("a.x", ">=", 1), bound("a.x", ">=", 2)])
    assert CorpusGateParams(checks=[bound("a.x", ">=", 1), bound("a.x", "<=", 2)])


def check_stage(root: Path, params: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    return subprocess.run(
        [sys.executable, "-m", "stages.check"],
        cwd=root,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def test_check_stops_at_an_unknown_key_with_the_nearest_one_and_exit_code_2(tmp_path: Path) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    good = check_stage(tmp_path, params)
    assert good.returncode == 0, good.stderr
    assert (tmp_path / layout.GATES / "check.json").exists()

    params["curate"]["length"]["min_word"] = 5
    done = check_stage(tmp_path, params)
    assert done.returncode == 2
    assert "curate.length.min_word is not a parameter; did you mean min_words?" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(("hits", "size"), [(0, 10), (9, 200), (50, 100), (199, 200), (1, 1)])
def test_the_interval_of_a_sampled_share_is_wilsons(hits: int, size: int) -> None:
    expected = binomtest(hits, size).proportion_ci(method="wilson")
    assert wilson_interval(hits / size, size) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_a_bound_on_a_sampled_share_is_broken_only_beyond_its_interval(tmp_path: Path) -> None:
    write_metrics(tmp_path, language={"right": 0.9, "looked_at": 50, "none": 0})
    passed = {}
    for least in (0.9, 0.95, 0.99):
        item = bound("language.right", ">=", least).model_dump() | {"sampled": "language.looked_at"}
        report = run(tmp_path, GateCheck.model_validate(item))
        passed[least] = report.checks[0].passed
    assert passed == {0.9: True, 0.95: True, 0.99: False}, "50 items tell 0.9 from 0.99, not from 0.95"
    assert report.checks[0].low == pytest.approx(0.7864, abs=1e-4)
    assert report.checks[0].high == pytest.approx(0.9565, abs=1e-4)
    assert "(0.786 to 0.957)" in check_lines(report.checks)[0]["value"]
    nothing = bound("language.right", ">=", 0.9).model_dump() | {"sampled": "language.none"}
    with pytest.raises(ConfigError, match=r"language\.right is no share of language\.none"):
        run(tmp_path, GateCheck.model_validate(nothing))
