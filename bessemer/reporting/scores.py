"""Evaluation results in plain words: what bits per byte mean, and what a general compressor needs."""

from typing import Any

from bessemer.reporting.html import metric_facts, table_grid
from bessemer.reporting.numbers import percent, quantity
from bessemer.reporting.report import StageReport

ENGLISH = "reference_english_bits_per_byte"
_BITS_OF_A_BYTE = 8
_ROWS = 60


def _baseline(report: StageReport) -> float | None:
    """Bits per byte of the xz baseline on the English reference, whatever the order of the words in its name."""
    for name, value in sorted(report.metrics.items()):
        if "xz" in name and "english" in name and isinstance(value, int | float):
            return float(value)
    return None


def headline(report: StageReport | None) -> dict[str, str] | None:
    """The main score as label, value and note; None where the report does not have it."""
    value = report.metrics.get(ENGLISH) if report is not None else None
    if report is None or not isinstance(value, int | float):
        return None
    baseline = _baseline(report)
    note = "lower is better" if baseline is None else f"xz needs {baseline:.3f}; lower is better"
    return {"label": "English text it has not seen", "value": quantity(ENGLISH, value), "note": note}


def score_lines(report: StageReport | None) -> dict[str, Any] | None:
    """A sentence about the main score, and the tables of the evaluation; its flat metrics where it has no tables."""
    if report is None:
        return None
    sentence = ""
    value = report.metrics.get(ENGLISH)
    if isinstance(value, int | float):
        sentence = (
            f"Compressed with the model's predictions, English text that is in no source would take {value:.3f} bits "
            f"for each byte, {percent(value / _BITS_OF_A_BYTE)} of its size."
        )
        baseline = _baseline(report)
        if baseline is not None:
            word = "less" if value < baseline else "more"
            sentence += (
                f" The compressor xz needs {baseline:.3f} bits on the same bytes, so the model needs "
                f"{percent(abs(1 - value / baseline))} {word}."
            )
    tables = [table_grid(table, _ROWS) for table in report.tables]
    return {"sentence": sentence, "facts": [] if tables else metric_facts(report.metrics), "tables": tables}
