"""The first screens of the page of a run: what came in, what was lost, what the model reached.

Each begins with the answer. Only what the reports say is there; a screen whose stage has none is left out.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bessemer.reporting.charts import histogram_chart, series_charts
from bessemer.reporting.corpus import losses, short_funnel
from bessemer.reporting.families import by_family
from bessemer.reporting.grid import cut
from bessemer.reporting.languages import language_name
from bessemer.reporting.numbers import byte_size, count, decimal, narrow_count, percent, words
from bessemer.reporting.report import Count, Scalar, StageReport
from bessemer.reporting.scores import scored_texts

_ROWS = 8
_FAMILIES = 6
_LABEL = 24
"""Characters of a name in a list; a longer one would break the line and the screen."""

_CURVES = 2

Reports = Mapping[str, StageReport]
Row = Mapping[str, Scalar | None]


def came_in(reports: Reports) -> dict[str, Any] | None:
    """What was read: documents and text by source and by language, and how long documents are."""
    ingest, language = reports.get("ingest"), reports.get("language")
    last = _last(ingest)
    if ingest is None or last is None:
        return None
    sources, languages = rows_of(ingest, "sources"), rows_of(language, "languages")
    documents, text = last.documents or 0, last.bytes or 0
    sentence = f"{byte_size(text)} of text came in: {_documents(documents)}"
    sentence += f" from {len(sources)} sources" if len(sources) > 1 else ""
    main = max(languages, key=lambda row: _number(row, "bytes"), default=None)
    if main is not None and text:
        share = percent(_number(main, "bytes") / text)
        sentence += f" in {len(languages)} language{'' if len(languages) == 1 else 's'}"
        sentence += f", {share} of it {language_name(str(main['language']))}"
    lengths = [histogram_chart(one) for one in ingest.histograms[:1]]
    return {
        "sentence": f"{sentence}.",
        "facts": _reading_facts(ingest),
        "sources": _bars(sources, "source", ("documents", "text bytes"), "text bytes"),
        "languages": _bars(languages, "language", ("documents", "bytes"), "bytes", name=language_name),
        "charts": lengths,
    }


def lost(reports: Reports) -> dict[str, Any] | None:
    """What left on the way, why, and from which sources."""
    dropped = losses(reports)
    first = _last(reports.get("ingest"))
    documents = first.documents if first is not None else None
    if not documents:
        return None
    gone = sum(drop.documents for drop in dropped)
    families = by_family(dropped)
    sentence = f"{count(gone)} of {_documents(documents)} ({percent(gone / documents)}) were left out"
    if families:
        share = families[0].documents / gone
        most = "most of them" if share > 1 / 2 else "the largest part of them"
        sentence += f", {most} ({percent(share)}) {families[0].family.because}"
    sources = rows_of(reports.get("curate"), "sources")
    return {
        "sentence": f"{sentence}." if gone else "No document was left out.",
        "funnel": short_funnel(reports),
        "families": [
            {
                "label": loss.family.title,
                "note": loss.family.meaning,
                "cells": [narrow_count(loss.documents), byte_size(loss.bytes)],
                "width": 100 * loss.documents / families[0].documents,
                "share": percent(loss.documents / gone),
            }
            for loss in families[:_FAMILIES]
        ],
        "more": max(0, len(families) - _FAMILIES),
        "sources": [_kept(row) for row in _largest(sources, "ingested_bytes")[:_ROWS]],
    }


def reached(reports: Reports) -> dict[str, Any] | None:
    """How the model was trained and how well it predicts text that it has not seen."""
    pretrain, evaluate = reports.get("pretrain"), reports.get("evaluate")
    if pretrain is None and evaluate is None:
        return None
    texts = scored_texts(evaluate)
    charts = [chart for series in (pretrain.series if pretrain else [])[:_CURVES] for chart in series_charts(series)]
    sample = evaluate.samples[0] if evaluate and evaluate.samples else None
    return {
        **texts,
        "sentence": texts["sentence"] or (pretrain.summary if pretrain else ""),
        "facts": _training_facts(pretrain),
        "charts": charts[:_CURVES],
        "sample": sample and {"prompt": str(sample.facts.get("prompt", "")), "text": _first_lines(sample.text)},
    }


def rows_of(report: StageReport | None, name: str) -> list[Row]:
    """A table of a report as mappings from column to value; nothing where there is no such table."""
    tables = [table for table in report.tables if table.name == name] if report is not None else []
    return [dict(zip(tables[0].columns, row, strict=True)) for row in tables[0].rows] if tables else []


def _last(report: StageReport | None) -> Count | None:
    return report.counts[-1] if report is not None and report.counts else None


def _documents(number: int) -> str:
    return f"{count(number)} document{'' if number == 1 else 's'}"


def _number(row: Row, column: str) -> float:
    value = row.get(column)
    return float(value) if isinstance(value, int | float) else 0.0


def _largest(rows: Sequence[Row], column: str) -> list[Row]:
    return sorted(rows, key=lambda row: -_number(row, column))


def _bars(
    rows: Sequence[Row], label: str, columns: tuple[str, str], measure: str, name: Any = lambda text: words(str(text))
) -> dict[str, Any]:
    """The rows that have most of ``measure`` as labels, cells and bars, and how many are not shown."""
    ordered = _largest(rows, measure)
    total = sum(_number(row, measure) for row in ordered) or 1.0
    largest = _number(ordered[0], measure) if ordered else 1.0
    lines = [
        {
            "label": cut(name(str(row[label])), _LABEL),
            "note": "",
            "cells": [narrow_count(_number(row, columns[0])), byte_size(_number(row, columns[1]))],
            "width": 100 * _number(row, measure) / (largest or 1.0),
            "share": percent(_number(row, measure) / total),
        }
        for row in ordered[:_ROWS]
    ]
    return {"lines": lines, "more": max(0, len(ordered) - _ROWS)}


def _kept(row: Row) -> dict[str, Any]:
    """A source as a bar of what it kept of its text."""
    came, kept = _number(row, "ingested_bytes"), _number(row, "kept_bytes")
    share = kept / came if came else 0.0
    return {
        "label": cut(words(str(row["source"])), _LABEL),
        "note": "",
        "cells": [byte_size(came), byte_size(kept)],
        "width": 100 * share,
        "share": percent(share),
    }


def _reading_facts(ingest: StageReport) -> list[dict[str, str]]:
    named = (
        ("Records read", "records_read", count, "pages, files or rows, as stored"),
        ("No documents by nature", "records_skipped", count, "requests, headers and the like"),
        ("Set aside as unreadable", "records_quarantined", count, "kept apart, to be looked at"),
        ("Size as stored", "stored_bytes", byte_size, "mostly compressed"),
    )
    return [
        {"label": label, "value": write(value), "note": note}
        for label, key, write, note in named
        if isinstance(value := ingest.metrics.get(key), int)
    ]


def _training_facts(pretrain: StageReport | None) -> list[dict[str, str]]:
    if pretrain is None:
        return []
    named = (
        ("Size of the model", "parameters", count, "numbers that training sets"),
        ("Tokens read", "tokens", count, "pieces of words, the unit that a model reads"),
        ("Passes over the corpus", "epochs", lambda value: decimal(value, 3), "how often it read each token"),
        ("Steps", "steps", count, "corrections of its numbers"),
    )
    return [
        {"label": label, "value": write(value), "note": note}
        for label, key, write, note in named
        if isinstance(value := pretrain.metrics.get(key), int | float)
    ]


def _first_lines(text: str, characters: int = 280) -> str:
    """The beginning of a text, cut at the end of a word."""
    return text if len(text) <= characters else f"{text[:characters].rsplit(' ', 1)[0]} …"
