"""What a released model was trained on, what it is for and where it ends: sections of its card."""

from collections.abc import Mapping, Sequence
from typing import Any

from bessemer.licences import LicenceShare
from bessemer.reporting.card_metadata import LANGUAGE_SHARE, SCORED, language_shares
from bessemer.reporting.corpus import losses
from bessemer.reporting.markdown import markdown_table
from bessemer.reporting.numbers import byte_size, count, percent, words
from bessemer.reporting.report import StageReport
from bessemer.reporting.untrusted import markdown_text

SMALL = 100_000_000
"""Parameters below which a model is a demonstration, whatever it was trained on."""

BEST_TOKENS = 20
"""Tokens for each parameter at which training compute is spent best (Hoffmann et al. 2022, about 20)."""

REASONS = 12


def limits(reports: Mapping[str, StageReport], config: Mapping[str, Any]) -> list[str]:
    """Intended use and limits, from what was measured."""
    trained = reports["pretrain"].metrics
    number, tokens = int(trained["parameters"]), int(trained["tokens"])
    use = (
        "To try tools on, and to compare corpora and recipes at small scale. It is far too small for any use in which "
        "it matters what a text says."
        if number < SMALL
        else "To study, and to tune further. Before any other use, measure it on that use."
    )
    known = [
        "It repeats what its sources say, right or wrong, and may reproduce passages of them word for word. Nothing "
        "was done to make it safe.",
        _reading(number, tokens),
        f"It sees {count(config['max_position_embeddings'])} tokens at a time.",
        *_against_xz(reports["evaluate"]),
        *_main_language(reports),
        *_personal_data(reports),
        *_contamination(reports),
        *_warnings(reports),
    ]
    return ["## Intended use and limits", use, "\n".join(f"- {markdown_text(line)}" for line in known)]


def training_text(reports: Mapping[str, StageReport], licences: Sequence[LicenceShare]) -> list[str]:
    """The training text by source and licence and by language, and what was left out."""
    shard = reports["shard"]
    tables = {table.name: table for table in shard.tables}
    metrics = shard.metrics
    parts = [
        "## Training text",
        f"{count(int(metrics['train_documents']))} documents, {byte_size(int(metrics['train_bytes']))} of UTF-8 and "
        f"{count(int(metrics['train_tokens']))} tokens. The licences are those of the text, as its sources state them; "
        "which follow for the weights is for you to judge.",
    ]
    if "sources" in tables:
        columns = [tables["sources"].columns.index(f"train {unit}") for unit in ("documents", "bytes", "tokens")]
        rows = [
            [str(row[0]), *(count(float(row[place] or 0)) for place in columns), _licences(str(row[0]), licences)]
            for row in tables["sources"].rows
        ]
        titles = ["source", "documents", "UTF-8 bytes", "tokens", "licences, by tokens"]
        parts.append(markdown_table(titles, rows, numeric={1, 2, 3}))
    shares = language_shares(reports)
    if shares:
        named = ", ".join(f"{code} {percent(share)}" for code, share in shares if share >= LANGUAGE_SHARE)
        rest = sum(share < LANGUAGE_SHARE for _, share in shares)
        others = f"; {rest} more have less than {percent(LANGUAGE_SHARE)} each" if rest else ""
        parts.append(f"Languages by tokens: {markdown_text(named)}{others}.")
    return [*parts, *_left_out(reports)]


def _licences(source: str, licences: Sequence[LicenceShare]) -> str:
    own = [share for share in licences if share.source == source]
    total = sum(share.tokens for share in own) or 1
    return ", ".join(
        f"{share.licence or 'not stated'}" + (f" {percent(share.tokens / total)}" if len(own) > 1 else "")
        for share in own
    )


def _left_out(reports: Mapping[str, StageReport]) -> list[str]:
    dropped = sorted(losses(reports), key=lambda drop: (-drop.documents, drop.reason))
    dropped = [drop for drop in dropped if drop.documents]
    if not dropped:
        return []
    named = ", ".join(f"{words(drop.reason).lower()} {count(drop.documents)}" for drop in dropped[:REASONS])
    more = f" and {len(dropped) - REASONS} more reasons" if len(dropped) > REASONS else ""
    total = count(sum(drop.documents for drop in dropped))
    return [f"Left out were {total} documents: {markdown_text(named)}{more}."]


def _reading(number: int, tokens: int) -> str:
    ratio = tokens / number
    line = f"It has read {count(tokens)} tokens, {ratio:.3g} for each of its parameters"
    return (
        f"{line}; about {BEST_TOKENS} is what it takes to be good for its size." if ratio < BEST_TOKENS else f"{line}."
    )


def _against_xz(report: StageReport) -> list[str]:
    table = next((table for table in report.tables if table.name == SCORED), None)
    lines = []
    for values in table.rows if table else ():
        row: dict[str, Any] = dict(zip(table.columns if table else (), values, strict=True))
        bits, xz = float(row["bits per byte"]), float(row["xz -9e bits per byte"])
        if bits >= xz:
            lines.append(
                f"On the set “{row['text']}” it predicts no better than a general compressor "
                f"({bits:.3f} bits per byte against {xz:.3f} of xz): it does not know that text."
            )
    return lines


def _main_language(reports: Mapping[str, StageReport]) -> list[str]:
    shares = language_shares(reports)[:1]
    return [f"{percent(share)} of its training tokens are in one language ({code})." for code, share in shares]


def _personal_data(reports: Mapping[str, StageReport]) -> list[str]:
    metrics = reports["curate"].metrics if "curate" in reports else {}
    found = {
        name.removeprefix("redacted_"): int(value)
        for name, value in metrics.items()
        if name.startswith("redacted_") and name != "redacted_documents"
    }
    if not found:
        return []
    masked = ", ".join(f"{kind} {number}" for kind, number in found.items())
    return [
        f"Personal data of these kinds were looked for by pattern and masked: {masked}. Names and postal addresses "
        "were not looked for."
    ]


def _contamination(reports: Mapping[str, StageReport]) -> list[str]:
    metrics = reports["decontaminate"].metrics if "decontaminate" in reports else {}
    if "documents_with_hits" not in metrics:
        return []
    hits, documents = int(metrics["documents_with_hits"]), int(metrics["documents"])
    return [f"{count(hits)} of {count(documents)} ingested documents share a long n-gram with an evaluation set."]


def _warnings(reports: Mapping[str, StageReport]) -> list[str]:
    return [
        f"Warned by {name}: {words(check.metric).lower()} is {check.value:g}, and should be {check.op} "
        f"{check.threshold:g}: {check.reason}."
        for name, report in reports.items()
        for check in report.checks
        if not check.passed and check.severity == "warn"
    ]
