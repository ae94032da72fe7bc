"""The YAML head of a release's card, as the Hugging Face Hub reads it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bessemer.licences import LicenceShare
from bessemer.reporting.report import StageReport

LANGUAGE_SHARE = 0.01
"""A language is named where it has this share of the training tokens: less is no language that the model knows."""

SCORED = "bits_per_byte"
"""Name of the table of ``evaluate`` with a row for each set of texts."""

_CODE = re.compile(r"[a-z]{2,3}")
_INTERVAL = re.compile(r"([\d.]+) to ([\d.]+)")
_LICENCES = {
    name.lower(): name.lower()
    for name in ("Apache-2.0", "MIT", "MPL-2.0", "CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-SA-3.0", "ODC-BY")
}
"""Licences of text that the Hub has a name for."""


def metadata(
    config: Mapping[str, Any],
    reports: Mapping[str, StageReport],
    licences: Sequence[LicenceShare],
    data_sets: Sequence[str],
) -> dict[str, Any]:
    """The head, in the order in which it is written."""
    family = str(config["model_type"])
    number = int(reports["pretrain"].metrics["parameters"])
    head: dict[str, Any] = {
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "language": languages(reports),
        **_licence(licences),
        "tags": ["bessemer", "base-model", family],
        "model-index": [{"name": f"bessemer-{family}-{number}", "results": _results(reports["evaluate"])}],
    }
    if data_sets:
        head["datasets"] = sorted(set(data_sets))
    return head


def languages(reports: Mapping[str, StageReport]) -> list[str]:
    """Codes of the languages with at least :data:`LANGUAGE_SHARE` of the training tokens, largest first."""
    shares = language_shares(reports)
    return [code for code, share in shares if share >= LANGUAGE_SHARE and _CODE.fullmatch(code)]


def language_shares(reports: Mapping[str, StageReport]) -> list[tuple[str, float]]:
    """Code and share of the training tokens of every language, largest first."""
    table = next((table for table in reports["shard"].tables if table.name == "languages"), None)
    if table is None:
        return []
    place = table.columns.index("train tokens")
    tokens = {str(row[0]): float(row[place] or 0) for row in table.rows}
    total = sum(tokens.values()) or 1.0
    return sorted(((code, number / total) for code, number in tokens.items()), key=lambda item: (-item[1], item[0]))


def interval_of(text: object) -> tuple[float, float] | None:
    """Both ends of an interval that a table writes as ``1.411 to 1.649``."""
    found = _INTERVAL.fullmatch(str(text))
    return (float(found.group(1)), float(found.group(2))) if found else None


def _licence(licences: Sequence[LicenceShare]) -> dict[str, str]:
    """One licence where all text has the same and the Hub knows it; else none that could be named in a word."""
    names = {share.licence for share in licences}
    known = _LICENCES.get(str(next(iter(names))).lower()) if len(names) == 1 else None
    if known is not None:
        return {"license": known}
    return {"license": "other", "license_name": "licences-of-the-training-text-see-card"}


def _results(report: StageReport) -> list[dict[str, Any]]:
    table = next((table for table in report.tables if table.name == SCORED), None)
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows] if table else []
    results = [_result(str(row["text"]), _bits(row)) for row in rows]
    if "cloze_accuracy" in report.metrics:
        accuracy = {"type": "accuracy", "name": "Accuracy", "value": report.metrics["cloze_accuracy"]}
        results.append(_result("last word of held-out passages", accuracy))
    return results


def _bits(row: Mapping[str, Any]) -> dict[str, Any]:
    metric: dict[str, Any] = {"type": "bits_per_byte", "name": "Bits per byte", "value": row["bits per byte"]}
    interval = interval_of(row.get("95 % interval"))
    if interval is not None:
        metric["args"] = {"interval_95": list(interval)}
    return metric


def _result(texts: str, metric: Mapping[str, Any]) -> dict[str, Any]:
    kind = "-".join(re.findall(r"[a-z0-9]+", texts.lower())) or "texts"
    return {
        "task": {"type": "text-generation", "name": "Language modelling"},
        "dataset": {"type": kind, "name": texts},
        "metrics": [dict(metric)],
    }
