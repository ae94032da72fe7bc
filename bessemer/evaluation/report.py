"""The report of an evaluation: bits per byte with intervals beside the xz baseline, cloze, generations."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bessemer.evaluation.bits_per_byte import Score, by_group, interval, total
from bessemer.evaluation.generate import Generation
from bessemer.evaluation.tasks import ClozeResult
from bessemer.evaluation.texts import Document
from bessemer.evaluation.xz_baseline import xz_bits_per_byte
from bessemer.reporting.report import Sample, Scalar, StageReport, Table

_SHOWN_CLOZE = 6
_SHOWN_CHARACTERS = 600
_LISTED = 400


@dataclass(frozen=True)
class Scored:
    """A set of texts, its name in metrics, and what each text cost the model."""

    name: str
    documents: Sequence[Document]
    scores: Sequence[Score]


def report_evaluation(
    scored: Sequence[Scored],
    cloze: ClozeResult,
    generations: Sequence[Generation],
    *,
    context_tokens: int,
    stride: int,
    seed: int,
) -> StageReport:
    """Everything about a model's scores that repeats when it is scored again.

    Args:
        scored: sets of texts; the name ``reference_english`` gives ``reference_english_bits_per_byte``.
        cloze: answers to last-word questions.
        generations: seeded samples.
        context_tokens: the longest context that was given.
        stride: tokens that each later window scored.
        seed: of the bootstrap.
    """
    baselines = {item.name: xz_bits_per_byte(document.text for document in item.documents) for item in scored}
    metrics: dict[str, Scalar] = {"context_tokens": context_tokens}
    for item in scored:
        metrics[f"{item.name}_bits_per_byte"] = round(total(item.scores).bits_per_byte, 6)
        metrics[f"{item.name}_xz_bits_per_byte"] = round(baselines[item.name], 6)
    if cloze.items:
        metrics["cloze_items"] = len(cloze.items)
        metrics["cloze_accuracy"] = round(cloze.accuracy, 6)
        metrics["cloze_bits_per_byte"] = round(cloze.bits_per_byte, 6)
    return StageReport(
        stage="evaluate",
        title="Evaluation",
        summary=_summary(scored, baselines),
        metrics=metrics,
        tables=[
            _overview(scored, baselines, context_tokens, stride, seed),
            *_groups(scored),
            *_cloze_table(cloze),
            _by_document(scored),
        ],
        samples=[*_generation_samples(generations), *_cloze_samples(cloze)],
    )


def _summary(scored: Sequence[Scored], baselines: dict[str, float]) -> str:
    parts = []
    for item in scored:
        bits = total(item.scores).bits_per_byte
        parts.append(f"{_words(item.name)}: {bits:.3f} bits per byte (xz -9e: {baselines[item.name]:.3f})")
    return "; ".join(parts) + "."


def _overview(
    scored: Sequence[Scored], baselines: dict[str, float], context_tokens: int, stride: int, seed: int
) -> Table:
    rows: list[list[Scalar | None]] = []
    for item in scored:
        whole = total(item.scores)
        low, high = interval(item.scores, seed=seed)
        rows.append(
            [
                _words(item.name),
                len(item.documents),
                whole.bytes,
                whole.tokens,
                round(whole.bits_per_byte, 6),
                f"{low:.3f} to {high:.3f}",
                round(baselines[item.name], 6),
            ]
        )
    return Table(
        name="bits_per_byte",
        title="Bits per byte",
        columns=["text", "documents", "bytes", "tokens", "bits per byte", "95 % interval", "xz -9e bits per byte"],
        rows=rows,
        note="Sum of bits over sum of UTF-8 bytes, every token scored once after the start token. "
        f"Contexts of at most {context_tokens:,} tokens; in long documents at least {context_tokens - stride:,} tokens "
        "come before each token that a later window scores. Intervals: bootstrap over documents.",
    )


def _groups(scored: Sequence[Scored]) -> list[Table]:
    tables = []
    for item in scored:
        for kind in sorted({kind for document in item.documents for kind, _ in document.groups}):
            sums = by_group(item.documents, item.scores, kind)
            rows: list[list[Scalar | None]] = [
                [label, score.bytes, score.tokens, round(score.bits_per_byte, 4)]
                for label, score in sorted(sums.items(), key=lambda pair: (-pair[1].bytes, pair[0]))
            ]
            tables.append(
                Table(
                    name=f"{item.name}_by_{kind}",
                    title=f"{_words(item.name).capitalize()} by {kind}",
                    columns=[kind, "bytes", "tokens", "bits per byte"],
                    rows=rows,
                )
            )
    return tables


def _by_document(scored: Sequence[Scored]) -> Table:
    """What each text took: two models are told apart on the same texts far better than by the sums."""
    rows: list[list[Scalar | None]] = [
        [_words(item.name), document.id, score.bytes, round(score.nats / math.log(2), 1)]
        for item in scored
        for document, score in list(zip(item.documents, item.scores, strict=True))[:_LISTED]
    ]
    return Table(
        name="documents",
        title="Document by document",
        columns=["text", "document", "bytes", "bits"],
        rows=rows,
        note=f"At most {_LISTED} of each set. `bessemer compare` holds two models against each other on them.",
    )


def _cloze_table(cloze: ClozeResult) -> list[Table]:
    if not cloze.items:
        return []
    return [
        Table(
            name="cloze",
            title="Last word of a held-out passage",
            columns=["passages", "right by greedy decoding", "always the commonest answer", "bits per byte of answers"],
            rows=[
                [
                    len(cloze.items),
                    round(cloze.accuracy, 4),
                    round(cloze.commonest_accuracy, 4),
                    round(cloze.bits_per_byte, 4),
                ]
            ],
            note="Bits per byte move long before the accuracy of a small model does.",
        )
    ]


def _generation_samples(generations: Sequence[Generation]) -> list[Sample]:
    return [
        Sample(
            group="generations",
            id=f"prompt {number + 1}",
            source="model",
            text=(item.prompt + item.text)[:_SHOWN_CHARACTERS],
            facts={"prompt": item.prompt, "tokens": item.tokens, "ended": "yes" if item.ended else "no"},
        )
        for number, item in enumerate(generations)
    ]


def _cloze_samples(cloze: ClozeResult) -> list[Sample]:
    pairs = list(zip(cloze.items, cloze.correct, strict=True))
    shown = [pair for pair in pairs if pair[1]][: _SHOWN_CLOZE // 2]
    shown += [pair for pair in pairs if not pair[1]][: _SHOWN_CLOZE - len(shown)]
    return [
        Sample(
            group="last words",
            id=item.id,
            source="held out",
            text=item.passage[-_SHOWN_CHARACTERS:] + " …",
            facts={"answer": item.answer.strip(), "right": "yes" if right else "no"},
        )
        for item, right in shown
    ]


def _words(name: str) -> str:
    return name.replace("_", " ")
