"""The page of a stage as it stands beside the page of a run: the same, with what the run knows of the stage.

``reports/<stage>/index.html`` follows from the report alone. Why the stage ran, what it took and what has moved since
the last good run depend on the history of the checkout, and are put into a copy.
"""

from pathlib import Path
from typing import Any

from bessemer.reporting.cost import RunCost, cost_line
from bessemer.reporting.history import METRICS, made_by, moved, previous_run, read_json
from bessemer.reporting.html import PAGE, is_current, render_stage_page, stage_page
from bessemer.reporting.kept import lies_here
from bessemer.reporting.numbers import quantity, words
from bessemer.reporting.page import environment
from bessemer.reporting.report import StageReport
from bessemer.reporting.states import JoinedStage
from bessemer.shards import write_bytes

LINK, NAVIGATION, SECTION = "<!-- run-link -->", "<!-- run-navigation -->", "<!-- run-section -->"
"""Where the page of a stage has room for its run."""

_NOTES = 12
_MOVED = 30
_NOTE_CHARACTERS = 120


def copy_stage_page(root: Path, run: str, stage: JoinedStage, cost: RunCost) -> Path | None:
    """Write ``.runs/<run>/html/<stage>.html``, from a page made anew if the one that lies here is another's; its path.

    None, and no page, for a stage without a report that the run vouches for.
    """
    if stage.report is None:
        return None
    directory = root / "reports" / stage.name
    source = directory / PAGE
    if not is_current(source, stage.report) and lies_here(root, stage.report):
        render_stage_page(stage.report, directory)
    parts = environment().get_template("in_run.html").make_module(_context(root, run, stage, stage.report, cost))
    page = source.read_text(encoding="utf-8") if is_current(source, stage.report) else stage_page(stage.report)
    for place, part in ((LINK, "link"), (NAVIGATION, "navigation"), (SECTION, "section")):
        page = page.replace(place, str(getattr(parts, part)()), 1)
    target = root / ".runs" / run / "html" / f"{stage.name}.html"
    write_bytes(target, page.encode())
    return target


def _context(root: Path, run: str, stage: JoinedStage, report: StageReport, cost: RunCost) -> dict[str, Any]:
    before = previous_run(root, run, stage.name)
    metrics = read_json(root / ".runs" / before / METRICS).get(stage.name, {}) if before is not None else {}
    return {
        "run": run,
        "tone": stage.tone,
        "state": stage.word,
        "reason": reason(root, run, stage),
        "facts": _facts(stage, cost),
        "before": before,
        "moved": moved(metrics, report.metrics),
        "rows": _MOVED,
        "log": f".runs/{run}/{stage.name}.log" if stage.record else "",
    }


def reason(root: Path, run: str, stage: JoinedStage) -> str:
    """Why the stage ran in this run; where it was up to date, why it ran the last time."""
    if stage.tone == "good":
        return f"It ran because {stage.state.why}." if stage.state.why else "It ran."
    if stage.tone != "kept":
        return stage.state.why or str(stage.record.get("error") or "")
    what = "Nothing that it reads has changed"
    if stage.state.state == "restored":
        because = f" because {stage.state.why}" if stage.state.why else ""
        what = f"It was to run{because}, but its result was known from before"
    made = made_by(root, run, stage.name)
    if made is None:
        return f"{what}."
    why = f", because {made[1]}" if made[1] else ""
    return f"{what}; it last ran in run {made[0]}{why}."


def _facts(stage: JoinedStage, cost: RunCost) -> list[dict[str, str]]:
    """What the stage took and noted in this run; nothing where it did not work."""
    if stage.name not in cost.spent:
        return []
    line = cost_line(cost, stage)
    labels = {"wall": "Time", "cpu": "Processor time", "gpu": "GPU time", "energy": "Energy", "memory": "Most memory"}
    labels |= {"stored": "On disk", "jobs": "Jobs from the cache"}
    facts = [{"label": label, "value": str(line[key]), "note": ""} for key, label in labels.items() if line[key] != "–"]
    notes = [(key, value) for key, value in (stage.record.get("notes") or {}).items() if _plain(value)]
    facts += [
        {"label": _label(key), "value": quantity(key, value)[:_NOTE_CHARACTERS], "note": ""}
        for key, value in notes[:_NOTES]
    ]
    return facts


def _plain(value: object) -> bool:
    """Whether a note is one value that is short enough to stand beside others."""
    return isinstance(value, int | float) or (isinstance(value, str) and "/" not in value)


def _label(key: str) -> str:
    """A note's name without the unit that its value carries."""
    return words(key.removesuffix("_per_s").removesuffix("_per_second"))
