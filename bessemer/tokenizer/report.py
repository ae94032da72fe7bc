"""The report of the stage ``tokenizer``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bessemer.reporting.report import Count, Histogram, Sample, StageReport, Table, histogram
from bessemer.tokenizer.encode import Encoder
from bessemer.tokenizer.metrics import Fertility, Measures, segments
from bessemer.tokenizer.sample import Row

_LONGEST = 40
_RARE = 10
_COLUMNS = [
    "",
    "documents",
    "bytes",
    "tokens",
    "bytes per token",
    "tokens per word",
    "byte token share",
    "round trip share",
]


@dataclass(frozen=True)
class Size:
    """How much text there is."""

    documents: int
    bytes: int


def report_tokenizer(
    encoder: Encoder,
    measures: Measures,
    *,
    corpus: Size,
    sample: Size,
    pinned: bool,
    examples: Sequence[Row],
    made_from: Mapping[str, str],
) -> StageReport:
    """Build the report.

    Args:
        encoder: the tokenizer that was written.
        measures: what it does to the measured documents.
        corpus: the whole corpus.
        sample: what it was trained on; nothing if it is pinned.
        pinned: it was not trained here.
        examples: texts to show cut into tokens.
        made_from: digests for the provenance.
    """
    total = measures.total
    free = ~encoder.reserved
    unused = int(np.count_nonzero(free & (measures.counts == 0)))
    rare = int(np.count_nonzero(free & (measures.counts < _RARE)))
    origin = "A pinned tokenizer" if pinned else f"SentencePiece BPE, trained on {sample.bytes:,} bytes,"
    return StageReport(
        stage="tokenizer",
        title="Tokenizer",
        summary=f"{origin} with {encoder.vocab_size:,} ids: {total.bytes_per_token:.3f} bytes per token.",
        counts=[
            Count(label="curated", documents=corpus.documents, bytes=corpus.bytes),
            Count(label="trained on", documents=sample.documents, bytes=sample.bytes),
            Count(label="measured on", documents=total.documents, bytes=total.bytes, tokens=total.tokens),
        ],
        metrics={
            "vocab_size": encoder.vocab_size,
            "bytes_per_token": _round(total.bytes_per_token),
            "tokens_per_word": _round(total.tokens_per_word),
            "byte_token_share": _round(total.byte_token_share),
            "round_trip_share": _round(total.round_trip_share),
            "unused_pieces": unused,
            "rare_pieces": rare,
            "sample_bytes": sample.bytes,
        },
        histograms=_histograms(encoder, measures),
        tables=[
            _fertility_table("sources", "By source", measures.by_source),
            _fertility_table("languages", "By language", measures.by_language),
            _longest_table(encoder, measures),
            _unused_table(encoder, measures),
        ],
        samples=[_sample(encoder, example) for example in examples],
        provenance=dict(made_from),
    )


def _histograms(encoder: Encoder, measures: Measures) -> list[Histogram]:
    free = ~encoder.reserved
    return [
        histogram(
            "piece_length",
            [len(piece) for piece, chosen in zip(encoder.pieces, free.tolist(), strict=True) if chosen],
            title="Length of pieces",
            unit="characters",
            bins=[number - 0.5 for number in range(1, _longest(encoder) + 2)],
        ),
        histogram(
            "piece_uses",
            measures.counts[free],
            title="How often pieces are used",
            unit="uses",
            log_x=True,
        ),
    ]


def _sample(encoder: Encoder, example: Row) -> Sample:
    return Sample(
        group=example.source,
        id=example.id,
        source=example.source,
        text=segments(encoder, example.text),
        facts={"language": example.language, **_facts(encoder, example.text)},
    )


def _facts(encoder: Encoder, text: str) -> dict[str, int | float]:
    tokens, size = len(encoder.encode([text])[0]), len(text.encode())
    return {"bytes": size, "tokens": tokens, "bytes per token": _round(size / max(1, tokens))}


def _longest(encoder: Encoder) -> int:
    return max(
        (len(piece) for piece, held in zip(encoder.pieces, encoder.reserved, strict=True) if not held), default=1
    )


def _fertility_table(name: str, title: str, groups: Mapping[str, Fertility]) -> Table:
    rows: list[list[int | float | str | None]] = [
        [
            key,
            group.documents,
            group.bytes,
            group.tokens,
            _round(group.bytes_per_token),
            _round(group.tokens_per_word),
            _round(group.byte_token_share),
            _round(group.round_trip_share),
        ]
        for key, group in sorted(groups.items(), key=lambda item: (-item[1].bytes, item[0]))
    ]
    note = (
        "Byte tokens stand for bytes of characters that have no piece. "
        "A document makes the round trip if its ids decode to it; one with a literal U+2581 does not."
    )
    return Table(name=name, title=title, columns=[name.removesuffix("s"), *_COLUMNS[1:]], rows=rows, note=note)


def _longest_table(encoder: Encoder, measures: Measures) -> Table:
    numbers = np.flatnonzero(~encoder.reserved).tolist()
    longest = sorted(numbers, key=lambda number: (-len(encoder.pieces[number]), number))[:_LONGEST]
    rows: list[list[int | float | str | None]] = [
        [_shown(encoder.pieces[number]), number, len(encoder.pieces[number]), int(measures.counts[number])]
        for number in longest
    ]
    columns = ["piece", "id", "characters", "uses"]
    return Table(name="longest_pieces", title="Longest pieces", columns=columns, rows=rows)


def _unused_table(encoder: Encoder, measures: Measures) -> Table:
    numbers = np.flatnonzero(~encoder.reserved & (measures.counts == 0)).tolist()[-_LONGEST:]
    rows: list[list[int | float | str | None]] = [[_shown(encoder.pieces[number]), number] for number in numbers]
    note = "A piece that only longer pieces are made of is never used itself."
    return Table(name="unused_pieces", title="Pieces without a use", columns=["piece", "id"], rows=rows, note=note)


def _shown(piece: str) -> str:
    """A piece with its white space made visible."""
    return piece.replace(" ", "␣").replace("\n", "\\n").replace("\t", "\\t")


def _round(value: float) -> float:
    return float(f"{value:.5g}")
