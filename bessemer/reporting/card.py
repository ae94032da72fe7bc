"""The card of a release: what the model is, how good, what it cost, what it was made from, and what it is not for.

Made from the reports of the stages and plain facts; the same facts give the same text. Words that come from data are
escaped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from bessemer.config.energy import EnergyRuntime
from bessemer.licences import LicenceShare
from bessemer.reporting.amounts import TWICE, Cost, assumed, together
from bessemer.reporting.card_metadata import metadata
from bessemer.reporting.card_scores import scores, writing
from bessemer.reporting.card_text import limits, training_text
from bessemer.reporting.card_use import loading
from bessemer.reporting.markdown import markdown_table
from bessemer.reporting.numbers import byte_size, count, duration, energy, hours
from bessemer.reporting.report import StageReport
from bessemer.reporting.spent import Spent
from bessemer.reporting.untrusted import markdown_text

LISTED = 100
"""Files and packages that the card lists; all of them are in release.json."""

SHOWN_PARAMETERS = ("curate", "tokenizer", "shard", "pretrain")
"""Sections of params.yaml that the card shows; all of them are in release.json."""


@dataclass(frozen=True)
class Release:
    """All that a card says.

    Attributes:
        folder: where the release lies, as its user would write it.
        files: names of the files beside the card.
        config: ``config.json`` of the model.
        reports: of the stages that have led to the model and its scores.
        licences: of the training text.
        spent: on each stage.
        power: what is assumed where energy was not measured.
        gate: empty where the model has passed its gate, else one sentence.
        commit: of the checkout; None outside of git.
        changed: tracked files with uncommitted changes.
        compared, differing: files and parameters that were compared with the commit, and those that are not its.
        sources: path, digest and bytes of every file that entered the line.
        data_sets: names on the Hugging Face Hub of the sources that come from there.
        parameters: section of params.yaml to its values.
        packages: third-party package to version, of the training.
        made: name of an intermediate result to its digest.
    """

    folder: str
    files: Sequence[str]
    config: Mapping[str, Any]
    reports: Mapping[str, StageReport]
    licences: Sequence[LicenceShare] = ()
    spent: Sequence[Spent] = ()
    power: EnergyRuntime = field(default_factory=EnergyRuntime)
    gate: str = ""
    commit: str | None = None
    changed: Sequence[str] = ()
    compared: int = 0
    differing: Sequence[str] = ()
    sources: Sequence[Mapping[str, Any]] = ()
    data_sets: Sequence[str] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)
    made: Mapping[str, str] = field(default_factory=dict)


def release_card(release: Release) -> str:
    """``README.md`` of a release, with the metadata that the Hugging Face Hub reads."""
    head = metadata(release.config, release.reports, release.licences, release.data_sets)
    number = release.reports["pretrain"].metrics["parameters"]
    parts = [
        f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}---",
        f"# A {release.config['model_type']} base model of {number:,} parameters",
        f"Trained from raw text by Bessemer{_at_commit(release)}. It continues text; it was not tuned to follow "
        "instructions.",
        *([f"**{markdown_text(release.gate)}**"] if release.gate else []),
        *scores(release.reports),
        *limits(release.reports, release.config),
        *loading(release.folder, release.files),
        *writing(release.reports["evaluate"]),
        *training_text(release.reports, release.licences),
        *_training(release),
        *_cost(release.spent, release.power),
        *_lineage(release),
        *_parameters(release.parameters),
    ]
    return "\n\n".join(parts) + "\n"


def _at_commit(release: Release) -> str:
    if release.commit is None:
        return " outside of version control"
    return f" at commit `{release.commit}`{' (dirty)' if release.changed else ''}"


def _training(release: Release) -> list[str]:
    config, metrics = release.config, release.reports["pretrain"].metrics
    shape = [
        ["layers × width", f"{config['num_hidden_layers']} × {config['hidden_size']}"],
        ["heads", f"{config['num_attention_heads']}, {config['num_key_value_heads']} for keys and values"],
        ["context", f"{count(config['max_position_embeddings'])} tokens"],
        ["vocabulary", f"{count(config['vocab_size'])} rows"],
        ["stored as", str(config.get("dtype", "float32"))],
    ]
    facts = [[name, f"{value:,}" if isinstance(value, int) else f"{value:.6g}"] for name, value in metrics.items()]
    return ["## Training", markdown_table(["", ""], shape + facts, numeric={1})]


def _cost(spent: Sequence[Spent], power: EnergyRuntime) -> list[str]:
    known = [item.cost for item in spent if item.cost is not None]
    if not known:
        return ["## Cost", "Not known: the records of the runs that made it are not on the machine that exported it."]
    whole = together(known)
    rows = [
        [
            item.stage,
            "not known" if item.cost is None else duration(item.cost.wall_s),
            "" if item.cost is None else duration(item.cost.cpu_s),
            duration(item.cost.gpu_s) if item.cost is not None and item.cost.gpu_s else "",
            byte_size(item.peak_memory_bytes) if item.peak_memory_bytes else "",
        ]
        for item in spent
    ]
    sentence = (
        f"{duration(whole.wall_s)} of stages one after the other: CPU hours {hours(whole.cpu_s)}, "
        f"GPU hours {hours(whole.gpu_s) if whole.gpu_s else 'none'}, "
        f"energy {'at most ' if whole.at_most else ''}{energy(whole.energy_j) if whole.energy_j else '–'} "
        f"({_measured(whole, power)}). "
        "It is the cost of what lies here; attempts that were thrown away are not in it."
    )
    sentence += "".join(
        f" {item.stage} went on from step {item.continued_from:,}; what led there is not in it."
        for item in spent
        if item.continued_from
    )
    titles = ["stage", "time", "processor time", "GPU time", "most memory of one process"]
    return ["## Cost", markdown_text(sentence), markdown_table(titles, rows, numeric={1, 2, 3, 4})]


def _measured(whole: Cost, power: EnergyRuntime) -> str:
    if not whole.energy_j:
        return "neither measured nor estimated"
    twice = f"; {TWICE}" if whole.at_most else ""
    if not whole.estimated_j:
        return f"measured{twice}"
    some = "in part measured, else " if whole.energy_j > whole.estimated_j else ""
    return f"{some}estimated with {assumed(whole, power)}{twice}"


def _lineage(release: Release) -> list[str]:
    parts = ["## Made from", _commit_sentence(release)]
    if release.sources:
        rows = [
            [str(item["source"]), str(item["path"]), "" if item["bytes"] is None else count(item["bytes"])]
            for item in release.sources[:LISTED]
        ]
        digests = [f"`{_hex(item['digest'])}`" for item in release.sources[:LISTED]]
        table = markdown_table(["source", "file", "bytes"], rows, numeric={2}).split("\n")
        ends = [" digest |", " :--- |", *(f" {digest} |" for digest in digests)]
        parts.append("\n".join(line + end for line, end in zip(table, ends, strict=True)))
        if len(release.sources) > LISTED:
            parts.append(f"{len(release.sources) - LISTED:,} more source files are in `release.json`.")
    made = [f"| {markdown_text(name)} | `{_hex(digest)}` |" for name, digest in release.made.items()]
    parts.append("\n".join(["| result on the way | MD5 |", "| :--- | :--- |", *made]))
    packages = ", ".join(f"{name} {version}" for name, version in list(release.packages.items())[:LISTED])
    if packages:
        parts.append(f"Trained with {markdown_text(packages)}.")
    parts.append("Every file of code, every parameter and every stage, with digests, is in `release.json`.")
    return parts


def _commit_sentence(release: Release) -> str:
    if release.commit is None:
        return "The checkout was not under version control; the digests below are all there is to find it by."
    sentence = f"Commit `{release.commit}`"
    if release.changed:
        shown = ", ".join(release.changed[:6]) + (" …" if len(release.changed) > 6 else "")
        sentence += f", with uncommitted changes in tracked files ({markdown_text(shown)})"
    if not release.differing:
        return f"{sentence}. The {release.compared} files and parameter sections that made the model are that commit's."
    shown = ", ".join(release.differing[:6]) + (" …" if len(release.differing) > 6 else "")
    return (
        f"{sentence}. It is not all that commit's: {len(release.differing)} of the {release.compared} files and "
        f"parameter sections that made the model differ from it ({markdown_text(shown)})."
    )


def _parameters(parameters: Mapping[str, Any]) -> list[str]:
    shown = {name: parameters[name] for name in SHOWN_PARAMETERS if name in parameters}
    if not shown:
        return []
    text = yaml.safe_dump(shown, sort_keys=False, allow_unicode=True)
    fence = "```"
    while fence in text:
        fence += "`"
    return ["## Parameters", f"{fence}yaml\n{text}{fence}"]


def _hex(digest: object) -> str:
    """A digest or version as it may stand in a code span."""
    return (
        "".join(character for character in str(digest) if character.isascii() and character.isprintable())
        .replace("`", "")
        .replace("|", "")
    )
