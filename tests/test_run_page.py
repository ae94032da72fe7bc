"""A changed rule, a stage that fails and a shut gate: what the plan, the run and its page say of every stage."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.checkout import STAGES, Checkout
from tests.test_served import copy

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]


def newest(checkout: Checkout) -> tuple[dict[str, Any], str]:
    """Facts and page of the newest run."""
    folder = max((checkout.folder / ".runs").glob("*/run.json"), key=lambda path: path.stat().st_mtime).parent
    facts: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return facts, (folder / "html/index.html").read_text()


def test_one_changed_rule_is_named_by_plan_why_and_the_page_and_what_comes_before_is_cached(
    finished_line: Path, tmp_path: Path
) -> None:
    checkout = copy(finished_line, tmp_path / "checkout")
    checkout.change({"curate": {"length": {"min_words": 50}}})
    checkout.bessemer("run", "curate")
    checkout.change({"curate": {"length": {"min_words": 80}}})
    change = "curate.length.min_words changed from 50 to 80"
    assert change in checkout.bessemer("plan").stdout
    assert f"curate will run because {change}" in checkout.bessemer("why", "curate").stdout
    checkout.bessemer("run", "curate")
    facts, page = newest(checkout)
    outcomes = {result["stage"]: result["outcome"] for result in facts["stages"]}
    ran = {"check": "ran", "curate": "ran"}
    assert outcomes == {name: ran.get(name, "cached") for name in STAGES[: STAGES.index("curate") + 1]}
    assert {result["stage"]: result["message"] for result in facts["stages"]}["curate"] == change
    assert change in page
    assert f"ran it because {change}" in checkout.bessemer("why", "curate").stdout


def test_a_stage_that_fails_skips_what_needs_it_the_others_finish_and_the_page_says_so(
    finished_line: Path, tmp_path: Path
) -> None:
    checkout = copy(finished_line, tmp_path / "checkout")
    checkout.change({"dedup": {"samples": 9}, "decontaminate": {"samples": 9}})
    (checkout.folder / "bessemer/filters/data/lid.176.ftz").write_bytes(b"no model")
    done = checkout.bessemer("run", check=False)
    assert done.returncode == 4
    facts, page = newest(checkout)
    assert facts["exit_code"] == 4
    results = {result["stage"]: result for result in facts["stages"]}
    outcomes = {name: (result["outcome"], result["exit_code"]) for name, result in results.items()}
    finished = {"check": "ran", "ingest": "cached", "dedup": "ran", "decontaminate": "ran"}
    expected = {name: (finished.get(name, "skipped"), 0) for name in STAGES}
    assert outcomes == {**expected, "language": ("failed", 4)}
    said = results["language"]["message"]
    assert said.endswith("restore it from version control.")
    assert said in page
    skipped = [name for name, (outcome, _) in outcomes.items() if outcome == "skipped"]
    assert {results[name]["message"] for name in skipped} == {"needs language, which failed"}
    assert page.count("Needs language, which failed") == len(skipped)


def test_a_shut_gate_skips_what_needs_it_with_its_code_and_the_page_says_so(
    finished_line: Path, tmp_path: Path
) -> None:
    checkout = copy(finished_line, tmp_path / "checkout")
    bound = {"metric": "curate.documents_kept", "op": ">=", "bound": 1e9, "severity": "error", "reason": "too small"}
    checkout.change({"corpus_gate": {"checks": [bound]}, "pretrain": {"seed": 9}})
    done = checkout.bessemer("run", check=False)
    assert done.returncode == 3
    facts, page = newest(checkout)
    results = {result["stage"]: result for result in facts["stages"]}
    assert facts["exit_code"] == 3
    assert results["corpus_gate"]["outcome"] == "gate_failed"
    for name in ("pretrain", "evaluate", "model_gate"):
        assert (results[name]["outcome"], results[name]["exit_code"]) == ("skipped", 0)
        assert results[name]["message"] == "needs corpus_gate, which did not pass"
    assert page.count("Needs corpus_gate, which did not pass") == 3
