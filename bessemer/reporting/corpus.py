"""The corpus along the whole line: from raw records to trained tokens, and every loss with its reason."""

from collections.abc import Mapping, Sequence
from typing import Any

from bessemer.reporting.numbers import byte_size, narrow_count, percent
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


def short_funnel(reports: Mapping[str, StageReport]) -> list[dict[str, Any]]:
    """From what was read to what the model has read, in a few steps, with bars of text.

    A bar is the text of a step beside the largest; that of the tokens read is their share of the tokens to train on.
    """
    ingest, curate, shard, pretrain = (reports[name].counts if name in reports else [] for name in FLOW)
    raw = [line.model_copy(update={"documents": None}) for line in ingest[:1] if line.bytes]
    found = {
        "Documents found": ingest[-1:],
        "Kept by the rules": curate[-1:],
        "To train on": [line for line in shard if line.label == "train"],
        "Read in training": pretrain[-1:],
    }
    steps = [(label, lines[0]) for label, lines in found.items() if lines]
    largest = max((line.bytes or 0 for _, line in steps), default=0) or 1
    shown: list[dict[str, Any]] = [
        {"label": "Raw files", "note": "as stored, mostly compressed", "cells": _cells(line), "width": 0.0, "share": ""}
        for line in raw
    ]
    for place, (label, line) in enumerate(steps):
        width, note = 100 * (line.bytes or 0) / largest, ""
        before = steps[place - 1][1].tokens if place else None
        if line.bytes is None and line.tokens and before:
            width = shown[-1]["width"] * min(1.0, line.tokens / before)
            some = line.tokens < before
            note = f"{percent(line.tokens / before)} of the tokens, each once" if some else "some or all more than once"
        shown.append(
            {"label": label, "note": note, "cells": _cells(line), "width": width, "share": percent(width / 100)}
        )
    return shown


def _cells(line: Count) -> list[str]:
    written = ((line.documents, narrow_count), (line.bytes, byte_size), (line.tokens, narrow_count))
    return ["" if value is None else write(value) for value, write in written]


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
