"""A release: the finished model in a folder of its own, with a card that says where it is from and what it is worth."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from bessemer.errors import DataError, GateFailed
from bessemer.licences import licence_shares
from bessemer.reporting.amounts import assumed_power
from bessemer.reporting.card import Release, release_card
from bessemer.reporting.report import StageReport, read_report
from bessemer.reporting.spent import Spent, spent_on
from bessemer.shards import MANIFEST, directory_digest
from bessemer.sources import LOCK, read_lock
from flows.commit import CommitState, commit_state
from flows.lineage import Lineage, trace
from flows.recorded import Recorded, content_digest
from flows.release_folder import FACTS, replace_release

MODEL = "models/pretrain"
RELEASE = Path("models/release")
TRAIN, CURATED = Path("data/tokens/train"), Path("data/curated")
SCORES, GATE = "reports/evaluate/metrics.json", "reports/model_gate/summary.json"
FORMAT = 1


def export_command(root: Path, target: Path, console: Console, *, despite_gate: bool) -> int:
    """``bessemer export``.

    Raises:
        ConfigError: the target is a folder with something else in it.
        DataError: the line has not run to its end, or what lies here is not what it has made.
        GateFailed: the model has not passed its gate, and nobody said that it need not.
    """
    export(root, target, despite_gate=despite_gate)
    console.print(f"{_shown(root, target)}: model, tokenizer, card and {FACTS}", markup=False, soft_wrap=True)
    return 0


def export(root: Path, target: Path, *, despite_gate: bool = False) -> None:
    """Write a release of the model that lies in ``models/pretrain``. The same inputs give the same bytes.

    Args:
        root: of the checkout.
        target: folder of the release; one that an earlier export has made is replaced as a whole.
        despite_gate: export a model that has not passed its gate, and say so on the card.

    Raises:
        ConfigError: as for :func:`export_command`.
        DataError: as for :func:`export_command`.
        GateFailed: as for :func:`export_command`.
    """
    recorded = Recorded(root)
    model = recorded.require("pretrain", MODEL)
    recorded.require("evaluate", SCORES)
    if recorded.input("evaluate", MODEL) != model:
        raise DataError(f"the scores in {SCORES} are those of another model; `bessemer run evaluate` makes them anew.")
    gate = _gate(recorded, despite_gate=despite_gate)
    lineage = trace(MODEL, root)
    stages = [*(made.stage for made in lineage.made_by), "evaluate", "model_gate"]
    reports = _reports(recorded, stages)
    _require_texts(root, reports)
    spent = spent_on(root, stages)
    judged = trace(SCORES if gate else GATE, root)
    state = commit_state(root, judged)
    release = _release(root, target, lineage, reports, state, spent, gate)
    files = {
        path.name: path for path in sorted((root / MODEL).iterdir()) if path.is_file() and path.name != "README.md"
    }
    facts = _facts(judged, reports, state, spent, gate, files)
    replace_release(target, files, release_card(release), facts)


def _gate(recorded: Recorded, *, despite_gate: bool) -> str:
    """Empty where the gate has let this model through, else one sentence for the card.

    A gate that fails leaves its report, but no entry in dvc.lock: what that has is of an earlier model.
    """
    passed = recorded.input("model_gate", SCORES) == recorded.output("evaluate", SCORES) is not None
    report = _report(recorded.root, "model_gate")
    if passed and report is not None and content_digest(recorded.root / GATE) == recorded.output("model_gate", GATE):
        return ""
    way_out = "`bessemer export --despite-gate` exports it all the same and says so on the card."
    if report is not None and report.failed:
        first = report.failed[0]
        sentence = f"{first.metric} is {first.value:g}, the bound is {first.op} {first.threshold:g}: {first.reason}"
        if not despite_gate:
            raise GateFailed(f"the model has not passed its gate, since {sentence}; {way_out}")
        return f"This model has not passed its gate: {sentence}."
    if not despite_gate:
        raise DataError(f"model_gate has not judged this model; `bessemer run` does. Or {way_out}")
    return "No gate has judged this model."


def _reports(recorded: Recorded, stages: list[str]) -> dict[str, StageReport]:
    """Reports of the stages, each as the stage has left it. The gate's is taken as it is, since it may have failed."""
    reports: dict[str, StageReport] = {}
    for stage in stages:
        if stage != "model_gate":
            recorded.require(stage, f"reports/{stage}/summary.json")
        report = _report(recorded.root, stage)
        if report is not None:
            reports[stage] = report
    return reports


def _report(root: Path, stage: str) -> StageReport | None:
    try:
        return read_report(root / "reports" / stage)
    except (OSError, ValueError):
        return None


def _require_texts(root: Path, reports: Mapping[str, StageReport]) -> None:
    """The texts that licences are counted on are those that the model was trained on."""
    for folder, stage, name in ((TRAIN, "pretrain", "tokens_train"), (CURATED, "shard", "curated")):
        if not (root / folder / MANIFEST).exists():
            raise DataError(f"{folder} is not there, and the card needs its licences; `dvc checkout` brings it back.")
        if directory_digest(root / folder) != reports[stage].provenance.get(name):
            raise DataError(f"{folder} is not what {stage} has read; `dvc checkout {folder}` brings that back.")


def _release(
    root: Path,
    target: Path,
    lineage: Lineage,
    reports: Mapping[str, StageReport],
    state: CommitState,
    spent: list[Spent],
    gate: str,
) -> Release:
    made = {made.stage: made for made in lineage.made_by}
    parameters = {key: value for one in lineage.made_by for key, value in one.parameters.items()}
    outputs = {path: digest for one in lineage.made_by for path, digest in one.outputs.items()}
    results = {path: digest for path, digest in outputs.items() if not path.startswith("reports/")}
    return Release(
        folder=_shown(root, target),
        files=sorted(path.name for path in (root / MODEL).iterdir() if path.is_file()),
        config=json.loads((root / MODEL / "config.json").read_bytes()),
        reports=reports,
        licences=licence_shares(root / CURATED, root / TRAIN / "documents.parquet"),
        spent=spent,
        power=assumed_power(root),
        gate=gate,
        commit=state.commit,
        changed=state.changed,
        compared=state.compared,
        differing=state.differing,
        sources=lineage.sources,
        data_sets=_data_sets(root),
        parameters=parameters,
        packages=made["pretrain"].packages,
        made=results,
    )


def _data_sets(root: Path) -> list[str]:
    if not (root / LOCK).exists():
        return []
    return [source.huggingface.repository for source in read_lock(root / LOCK).sources if source.huggingface]


def _facts(
    lineage: Lineage,
    reports: Mapping[str, StageReport],
    state: CommitState,
    spent: list[Spent],
    gate: str,
    files: Mapping[str, Path],
) -> dict[str, Any]:
    """``release.json``: what the card says, for programs, and what is too long for a card."""
    return {
        "format": FORMAT,
        "commit": state.commit,
        "uncommitted": list(state.changed),
        "differing": list(state.differing),
        "gate": gate or "passed",
        "scores": dict(reports["evaluate"].metrics),
        "spent": [asdict(item) for item in spent],
        "files": {name: _sha256(path) for name, path in files.items()},
        "lineage": lineage.as_json(),
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _shown(root: Path, target: Path) -> str:
    """The folder as the card names it: below the checkout by its path there, elsewhere by its name alone."""
    absolute, base = target.resolve(), root.resolve()
    return absolute.relative_to(base).as_posix() if absolute.is_relative_to(base) else absolute.name
