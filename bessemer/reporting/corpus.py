"""The corpus along the whole line: from raw records to trained tokens, and every loss with its reason."""

from collections.abc import Mapping, Sequence

from bessemer.reporting.report import Count, Drop, StageReport

FLOW = ("ingest", "curate", "shard", "pretrain")
"""Stages through which text passes and may leave; the others only measure."""


SMALL_STEP = 0.01
_ASIDE = frozenset({"validation"})


def corpus_funnel(reports: Mapping[str, StageReport]) -> list[Count]:
    """The counts of the stages of :data:`FLOW` one after the other.

    Left out are a line that repeats the one before, what left the stage on the way (a later line is larger), steps
    that take less than :data:`SMALL_STEP` of what came into their stage, text that is held out, and the size of records
    as stored, which is not text.
    """
    lines: list[Count] = []
    for name in FLOW:
        for line in _levels(reports[name].counts) if name in reports else ():
            if not lines or _differs(lines[-1], line):
                lines.append(line)
            elif line.tokens is not None and lines[-1].tokens is None:
                lines[-1] = lines[-1].model_copy(update={"tokens": line.tokens})
    return lines


def _levels(counts: Sequence[Count]) -> list[Count]:
    passing = [
        line if line.documents is not None else line.model_copy(update={"bytes": None})
        for line in counts
        if line.label not in _ASIDE
    ]
    levels = [
        line for place, line in enumerate(passing) if not any(_larger(after, line) for after in passing[place + 1 :])
    ]
    shown = levels[:1]
    for line in levels[1:-1]:
        before, first = shown[-1].documents, levels[0].documents
        if line.documents is None or not before or not first or before - line.documents >= SMALL_STEP * first:
            shown.append(line)
    return shown + levels[1:][-1:]


def _larger(after: Count, line: Count) -> bool:
    pairs = [(getattr(after, unit), getattr(line, unit)) for unit in ("records", "documents", "tokens")]
    return any(one is not None and two is not None and one > two for one, two in pairs)


def _differs(before: Count, after: Count) -> bool:
    pairs = [(getattr(before, unit), getattr(after, unit)) for unit in ("documents", "bytes", "tokens")]
    known = [(one, two) for one, two in pairs if one is not None and two is not None]
    return not known or any(one != two for one, two in known)


def losses(reports: Mapping[str, StageReport]) -> list[Drop]:
    """Drops of all stages of :data:`FLOW`; a reason that two stages have is added up."""
    found: dict[str, Drop] = {}
    for name in FLOW:
        for drop in reports[name].drops if name in reports else ():
            before = found.get(drop.reason, Drop(reason=drop.reason, documents=0, bytes=0))
            found[drop.reason] = Drop(
                reason=drop.reason, documents=before.documents + drop.documents, bytes=before.bytes + drop.bytes
            )
    return list(found.values())
