"""Evaluation results in plain words: what bits per byte mean, and what a general compressor needs."""

from typing import Any

from bessemer.reporting.grid import table_grid
from bessemer.reporting.html import metric_facts
from bessemer.reporting.numbers import percent, quantity, words
from bessemer.reporting.report import StageReport

ENGLISH = "reference_english_bits_per_byte"
ENGLISH_TEXTS = "reference_english"
_MODEL, _XZ = "_bits_per_byte", "_xz_bits_per_byte"
_TEXTS = {
    ENGLISH_TEXTS: ("Unseen English", "texts that are in no source"),
    "reference_languages": ("Other unseen languages", "texts that are in no source"),
    "validation": ("Documents kept aside", "of the sources, not trained on"),
}
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


def scored_texts(report: StageReport | None) -> dict[str, Any]:
    """The answer to how good the model is in one sentence, and a line for each set of texts beside the compressor."""
    pairs = _beside_xz(report)
    if not pairs:
        return {"sentence": "", "texts": []}
    name, (bits, xz) = (ENGLISH_TEXTS, pairs[ENGLISH_TEXTS]) if ENGLISH_TEXTS in pairs else next(iter(pairs.items()))
    label, _ = _TEXTS.get(name, (words(name), ""))
    sentence = f"{label} takes the model {bits:.3f} bits per byte, {_beside(bits, xz)}, a compressor"
    better = sum(model < compressor for model, compressor in pairs.values())
    if len(pairs) > 1:
        sentence += f"; it is better than xz on {better} of {len(pairs)} kinds of text"
    widest = max(max(pair) for pair in pairs.values())
    lines = []
    for name, (model, compressor) in pairs.items():
        label, note = _TEXTS.get(name, (words(name), ""))
        lines.append(
            {
                "label": label,
                "note": note,
                "model": f"{model:.3f}",
                "xz": f"{compressor:.3f}",
                "model_width": 100 * model / widest,
                "xz_width": 100 * compressor / widest,
                "verdict": _beside(model, compressor),
                "tone": "good" if model < compressor else "warn",
            }
        )
    return {"sentence": f"{sentence}.", "texts": lines}


def _beside_xz(report: StageReport | None) -> dict[str, tuple[float, float]]:
    """Bits per byte of the model and of xz, by set of texts."""
    metrics = report.metrics if report is not None else {}
    found = {}
    for key, value in metrics.items():
        name = key.removesuffix(_XZ)
        model = metrics.get(f"{name}{_MODEL}")
        if key.endswith(_XZ) and isinstance(value, int | float) and isinstance(model, int | float):
            found[name] = (float(model), float(value))
    return dict(
        sorted(found.items(), key=lambda item: list(_TEXTS).index(item[0]) if item[0] in _TEXTS else len(_TEXTS))
    )


def _beside(model: float, xz: float) -> str:
    word = "less" if model < xz else "more"
    return f"{percent(abs(1 - model / xz))} {word} than xz" if xz else ""


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
