"""What a run cost, in words: time, processor and GPU hours, energy, memory, disk, and what the caches saved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bessemer.config.energy import EnergyRuntime
from bessemer.reporting.amounts import TWICE, Cost, assumed, assumed_power, cost_of, together
from bessemer.reporting.history import earlier_record
from bessemer.reporting.numbers import byte_size, count, duration, energy, hours, percent
from bessemer.reporting.states import JoinedStage
from bessemer.reporting.storage import beside, stage_bytes

Fact = dict[str, str]
REUSED = frozenset({"cached", "restored"})


@dataclass(frozen=True)
class RunCost:
    """The cost of a run by stage.

    Attributes:
        spent: of the stages that worked in this run.
        before: of those that were up to date or restored, what they took when they last worked, if that is known.
        stored: bytes of the outputs that each stage has.
        kept: bytes beside the outputs, by what they are for.
        power: what is assumed where energy was not measured.
    """

    spent: Mapping[str, Cost]
    before: Mapping[str, Cost]
    stored: Mapping[str, int]
    kept: Mapping[str, int]
    power: EnergyRuntime

    @property
    def now(self) -> Cost:
        """Of this run."""
        return together(self.spent.values())

    @property
    def whole(self) -> Cost:
        """Of the result: every stage when it last worked, whichever run that was in."""
        return together({**self.spent, **self.before}.values())


def run_cost(root: Path, run: str, stages: Sequence[JoinedStage]) -> RunCost:
    """Add up the records of a run and, for stages that did not work in it, of the runs before."""
    power = assumed_power(root)
    spent = {stage.name: cost_of(stage.record, power, stage.seconds) for stage in stages if stage.seconds is not None}
    reused = [stage.name for stage in stages if stage.state.state in REUSED]
    before = {name: cost_of(record, power) for name in reused if (record := earlier_record(root, run, name))}
    sizes = stage_bytes(root / ".runs" / run) or stage_bytes(root)
    stored = {stage.name: sizes[stage.name] for stage in stages if stage.report is not None and stage.name in sizes}
    return RunCost(spent, before, stored, beside(root), power)


def cost_context(cost: RunCost, stages: Sequence[JoinedStage], wall_s: float | None) -> dict[str, Any]:
    """The cost as the page shows it: a sentence, facts, and a line for each stage.

    Args:
        cost: of the run.
        stages: in the order of the line.
        wall_s: seconds from the beginning of the run to its end, where they are known.
    """
    return {
        "sentence": cost_sentence(cost, stages, wall_s),
        "facts": cost_facts(cost, stages, wall_s),
        "lines": [cost_line(cost, stage) for stage in stages],
        "gpu": cost.now.gpu_s > 0,
    }


def cost_sentence(cost: RunCost, stages: Sequence[JoinedStage], wall_s: float | None) -> str:
    """The answer to what the run cost."""
    now, disk = cost.now, sum(cost.stored.values())
    stored = f" Its results take {byte_size(disk)} on disk." if disk else ""
    again = f" Making all of it once took {duration(cost.whole.wall_s)}." if cost.whole.wall_s else ""
    if not cost.spent:
        reused = bool(stages) and all(stage.state.state in REUSED for stage in stages)
        none = "This run cost nothing: every stage was up to date." if reused else "No stage worked in this run."
        return f"{none}{again if reused else ''}{stored}"
    took = f"This run took {duration(wall_s or now.wall_s)}"
    if not now.cpu_s and not now.gpu_s:
        restored = all(stage.state.state in REUSED for stage in stages)
        return f"{took}: {'no stage had to work' if restored else 'what it used is not known'}.{stored}"
    machine = f"{hours(now.cpu_s)} of processor time"
    machine += f", {hours(now.gpu_s)} of GPU time" if now.gpu_s else ", no GPU"
    about = "at most " if now.at_most else "about " if now.estimated_j else ""
    used = f", and {about}{energy(now.energy_j)} of energy" if now.energy_j else ""
    return f"{took}: {machine}{used}.{stored}"


def cost_facts(cost: RunCost, stages: Sequence[JoinedStage], wall_s: float | None) -> list[Fact]:
    """The whole run as facts: hours, energy, memory, disk, what was saved, and the machines."""
    now = cost.now
    facts = [
        _fact("Time", duration(wall_s or now.wall_s), "from beginning to end"),
        _fact("CPU hours", hours(now.cpu_s) if now.cpu_s else "–", "time that cores computed" if now.cpu_s else ""),
        _fact("GPU hours", hours(now.gpu_s) if now.gpu_s else "none", "time that GPUs were held" if now.gpu_s else ""),
        _fact("Energy", _energy(now), _energy_note(now, cost.power)),
    ]
    peaks = [(int(stage.record.get("peak_memory_bytes") or 0), stage.name) for stage in stages]
    peak, where = max(peaks, default=(0, ""))
    if peak:
        facts.append(_fact("Most memory", byte_size(peak), f"largest process, in {where}"))
    if cost.stored:
        note = ", ".join(f"{byte_size(size)} {name}" for name, size in cost.kept.items())
        facts.append(
            _fact("Results on disk", byte_size(sum(cost.stored.values())), f"beside them {note}" if note else "")
        )
    reused = [stage.name for stage in stages if stage.state.state in REUSED]
    if reused:
        saved = sum(cost.before[name].wall_s for name in reused if name in cost.before)
        note = f"{len(reused)} {'stage was' if len(reused) == 1 else 'stages were'} up to date"
        facts.append(_fact("Saved", duration(saved), f"{note}, by their last run"))
    hosts = sorted({str(stage.record["host"]) for stage in stages if stage.record.get("host")})
    pythons = sorted({str(stage.record["python"]) for stage in stages if stage.record.get("python")})
    if hosts:
        facts.append(_fact("Machine", ", ".join(hosts), f"Python {', '.join(pythons)}" if pythons else ""))
    return facts


def cost_line(cost: RunCost, stage: JoinedStage) -> dict[str, str | float]:
    """One stage as cells, with its share of the run's time; ``before`` is its last time where it did not work."""
    spent = cost.spent.get(stage.name)
    jobs = (stage.record.get("jobs") or {}).values()
    cached, total = (sum(int(label.get(key, 0)) for label in jobs) for key in ("cached", "total"))
    memory = stage.record.get("peak_memory_bytes")
    before = cost.before.get(stage.name, Cost()).wall_s
    longest = max((other.wall_s for other in cost.spent.values()), default=0.0)
    return {
        "name": stage.name,
        "link": stage.link,
        "wall": duration(spent.wall_s) if spent else f"last time {duration(before)}" if before else "–",
        "idle": spent is None,
        "width": 100 * spent.wall_s / longest if spent and longest else 0.0,
        "share": percent(spent.wall_s / cost.now.wall_s) if spent and cost.now.wall_s else "",
        "cpu": duration(spent.cpu_s) if spent and spent.cpu_s else "–",
        "gpu": duration(spent.gpu_s) if spent and spent.gpu_s else "–",
        "energy": _energy(spent) if spent else "–",
        "memory": byte_size(memory) if memory and spent else "–",
        "stored": byte_size(cost.stored[stage.name]) if stage.name in cost.stored else "–",
        "jobs": f"{count(cached)} of {count(total)}" if total else "–",
    }


def _fact(label: str, value: str, note: str) -> Fact:
    return {"label": label, "value": value, "note": note}


def _energy(cost: Cost) -> str:
    if not cost.energy_j:
        return "–"
    text = energy(cost.energy_j)
    sign = "≤" if cost.at_most else "≈" if cost.estimated_j else ""
    return f"{sign}\u00a0{text}" if sign and not text.startswith("<") else text


def _energy_note(cost: Cost, power: EnergyRuntime) -> str:
    if not cost.estimated_j:
        note = "measured by the processors' own counters" if cost.energy_j else ""
    else:
        measured = "; the rest is measured" if cost.energy_j > cost.estimated_j else ""
        note = f"estimated with {assumed(cost, power)}{measured}"
    return f"{note}; {TWICE}" if cost.at_most else note
