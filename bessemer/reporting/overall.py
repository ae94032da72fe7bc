"""The page of a run: what ran, what came out, where documents were lost, what it cost, what the model was made from.

It joins the reports of the stages with the records of the run. States and edges come in as plain data, so the page can
be made without DVC and without Prefect.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bessemer.reporting.answers import came_in, lost, reached
from bessemer.reporting.charts import series_charts
from bessemer.reporting.corpus import corpus_funnel, losses
from bessemer.reporting.cost import RunCost, cost_context, run_cost
from bessemer.reporting.graph import Node, draw
from bessemer.reporting.history import changed_metrics, read_json, remember_metrics
from bessemer.reporting.html import (
    PAGE,
    Shown,
    check_lines,
    drops,
    funnel,
    metric_facts,
    sample_groups,
    status,
)
from bessemer.reporting.in_run import copy_stage_page
from bessemer.reporting.numbers import count, duration, percent
from bessemer.reporting.page import environment, identity
from bessemer.reporting.report import StageReport
from bessemer.reporting.scores import headline, score_lines
from bessemer.reporting.states import JoinedStage, StageState, join
from bessemer.shards import write_bytes

_SECTIONS = (
    ("in", "came_in", "What came in"),
    ("lost", "lost", "What was lost"),
    ("reached", "reached", "What the model has reached"),
    ("cost", "cost", "What it cost"),
    ("line", "stages", "How it ran"),
    ("changed", "changed", "What changed"),
    ("losses", "losses", "Every reason"),
    ("training", "training", "Training"),
    ("scores", "scores", "Scores"),
    ("generations", "generations", "What it writes"),
    ("lineage", "lineage", "Made from"),
)
"""Anchor, the part of the context without which the section is left out, and title, in order."""

_SHOWN = Shown(rows=40, samples=6, pairs=0, characters=600)


def render_overall_page(root: Path, run: str, stages: Sequence[StageState], edges: Sequence[tuple[str, str]]) -> Path:
    """Write ``.runs/<run>/html/index.html`` and, beside it, the page of every stage that has a result.

    Args:
        root: of the checkout; ``reports/<stage>/summary.json`` and ``.runs/<run>/*.json`` are read where they exist.
        run: its name.
        stages: in the order of the line.
        edges: pairs of stage names (from, to).
    """
    folder = root / ".runs" / run
    joined = [join(root, run, stage) for stage in stages]
    cost = run_cost(root, run, joined)
    for stage in joined:
        copy_stage_page(root, run, stage, cost)
    remember_metrics(folder, {name: report.metrics for name, report in _reports(joined).items()})
    context = _context(root, run, joined, edges, cost)
    page = environment().get_template("overall.html").render(context)
    write_bytes(folder / "html" / PAGE, page.encode())
    return folder / "html" / PAGE


def _reports(joined: Sequence[JoinedStage]) -> dict[str, StageReport]:
    return {stage.name: stage.report for stage in joined if stage.report is not None}


def _context(
    root: Path, run: str, joined: Sequence[JoinedStage], edges: Sequence[tuple[str, str]], cost: RunCost
) -> dict[str, Any]:
    facts = read_json(root / ".runs" / run / "run.json")
    reports = _reports(joined)
    pretrain, evaluate = reports.get("pretrain"), reports.get("evaluate")
    lines = [_stage_line(stage) for stage in joined]
    context: dict[str, Any] = {
        "identity": identity(run.encode()),
        "run": run,
        "status": _status(joined),
        "lead": _lead(joined, facts),
        "head": _head(joined, facts, reports),
        "came_in": came_in(reports),
        "lost": lost(reports),
        "reached": reached(reports),
        "cost": cost_context(cost, joined, facts.get("wall_s")),
        "graph": draw([_node(stage) for stage in joined], edges),
        "stages": lines,
        "failures": [
            {"name": stage.name, "link": stage.link, "why": _why(stage)} for stage in joined if stage.tone == "bad"
        ],
        "notices": [notice for stage in joined for notice in _notices(stage)],
        "links": {stage.name: stage.link for stage in joined},
        "corpus": funnel(corpus_funnel(reports)),
        "losses": drops(losses(reports)),
        "training": [chart for series in (pretrain.series if pretrain else []) for chart in series_charts(series)],
        "training_numbers": metric_facts(pretrain.metrics) if pretrain else [],
        "scores": score_lines(evaluate),
        "generations": sample_groups(evaluate.samples, _SHOWN) if evaluate else [],
        "changed": changed_metrics(root, run),
        "lineage": _lineage(reports, facts),
        "rows": _SHOWN.rows,
    }
    return {**context, "contents": [(name, title) for name, key, title in _SECTIONS if context[key]]}


def _status(joined: Sequence[JoinedStage]) -> dict[str, str]:
    stopped = [stage for stage in joined if stage.tone == "bad"]
    if stopped:
        return {"tone": "bad", "text": f"Stopped at {stopped[0].name}: {stopped[0].word}"}
    if any(stage.tone == "warn" for stage in joined):
        return {"tone": "warn", "text": "Cancelled"}
    checks = [check for stage in joined if stage.report is not None for check in stage.report.checks]
    return status(checks)


def _lead(joined: Sequence[JoinedStage], facts: dict[str, Any]) -> str:
    counts: dict[str, int] = {}
    for stage in joined:
        counts[stage.word] = counts.get(stage.word, 0) + 1
    took = f" in {duration(float(facts['wall_s']))}" if facts.get("wall_s") else ""
    if len(counts) == 1 and len(joined) > 1:
        (word,) = counts
        return f"All {len(joined)} stages {'ran' if word == 'ran' else f'were {word}'}{took}."
    parts = ", ".join(f"{number} {word}" for word, number in counts.items())
    return f"{len(joined)} stage{'' if len(joined) == 1 else 's'}{took}: {parts}."


def _head(
    joined: Sequence[JoinedStage], facts: dict[str, Any], reports: dict[str, StageReport]
) -> list[dict[str, str]]:
    """The numbers that a reader looks for first."""
    head: list[dict[str, str]] = []
    if (score := headline(reports.get("evaluate"))) is not None:
        head.append(score)
    curate = reports.get("curate")
    if curate and len(curate.counts) > 1 and curate.counts[0].documents and curate.counts[-1].documents is not None:
        first, last = curate.counts[0].documents, curate.counts[-1].documents
        note = f"{percent(last / first)} of {count(first)} ingested"
        head.append({"label": "Documents in the corpus", "value": count(last), "note": note})
    shard = reports.get("shard")
    tokens = shard.metrics.get("train_tokens") if shard else None
    if isinstance(tokens, int):
        head.append({"label": "Tokens to train on", "value": count(tokens), "note": ""})
    taken = [stage.seconds for stage in joined if stage.seconds]
    if facts.get("wall_s") or taken:
        seconds = float(facts.get("wall_s") or sum(taken))
        note = f"{len(taken)} of {len(joined)} stages worked"
        head.append({"label": "Time of this run", "value": duration(seconds), "note": note})
    return head


def _node(stage: JoinedStage) -> Node:
    note = f"{stage.word} · {duration(stage.seconds)}" if stage.seconds else stage.word
    return Node(stage.name, note, stage.tone, stage.link)


def _stage_line(stage: JoinedStage) -> dict[str, Any]:
    checks = stage.report.checks if stage.report is not None else []
    return {
        "name": stage.name,
        "link": stage.link,
        "tone": stage.tone,
        "state": stage.word,
        "checks": status(checks) if checks else None,
        "summary": stage.report.summary if stage.report is not None else "",
        "why": _why(stage),
    }


def _why(stage: JoinedStage) -> str:
    return stage.state.why or str(stage.record.get("error") or "")


def _notices(stage: JoinedStage) -> list[dict[str, str]]:
    """Checks that did not hold, each in a sentence."""
    broken = [check for check in stage.report.checks if not check.passed] if stage.report is not None else []
    return [
        {
            "stage": stage.name,
            "link": stage.link,
            "tone": line["tone"],
            "text": f"{line['metric']} {line['value']}, should be {line['bound']}: {line['reason'].rstrip('.')}.",
        }
        for line in check_lines(broken)
    ]


def _lineage(reports: dict[str, StageReport], facts: dict[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """The commit, and the digests that each report names: result, and its inputs with their digests."""
    lines = []
    if facts.get("commit"):
        changes = [("with", "uncommitted changes")] if facts.get("dirty") else []
        lines.append(("Code", [("commit", str(facts["commit"])), *changes]))
    lines += [(report.title, sorted(report.provenance.items())) for report in reports.values() if report.provenance]
    return lines
