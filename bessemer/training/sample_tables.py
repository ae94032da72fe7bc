"""What a report says about samples: which documents are cut, and what each phase reads of each source."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from bessemer.config.pretrain import PretrainParams
from bessemer.reporting.report import Scalar, Table
from bessemer.tokens.arrange import cuts_of, portions_of
from bessemer.tokens.stream import TokenStream


def sample_facts(stream: TokenStream, params: PretrainParams, folder: Path) -> dict[str, Any]:
    """Counts for the tables, as they are kept with the outcome of a run."""
    return {
        "cuts": cuts_of(stream, params, folder).facts(),
        "portions": [asdict(portion) for portion in portions_of(stream, params, folder)],
    }


def sample_tables(params: PretrainParams, facts: dict[str, Any]) -> list[Table]:
    """Tables of what :func:`sample_facts` counted."""
    return [_packing(params, facts["cuts"]), *_mixture(params, facts["portions"])]


def _packing(params: PretrainParams, cuts: dict[str, int]) -> Table:
    documents, padding = max(1, cuts["documents"]), 1 - cuts["tokens"] / max(1, cuts["positions"])
    rows: list[list[Scalar | None]] = []
    for name, padded in (("stream", 0.0), ("best_fit", padding)):
        used = "yes" if name == params.packing else "no"
        avoidable = cuts[name] - cuts["longer"]
        rows.append([name, used, cuts[name], _share(cuts[name] / documents), avoidable, _share(padded)])
    return Table(
        name="packing",
        title="Documents cut between samples",
        columns=["packing", "used", "documents cut", "share of documents", "that a sample would hold", "padding"],
        rows=rows,
        note=f"{cuts['longer']:,} of {cuts['documents']:,} documents have more than the {params.sequence_length:,} "
        "positions of a sample, so that no packing keeps them whole.",
    )


def _mixture(params: PretrainParams, portions: list[dict[str, Any]]) -> list[Table]:
    if not portions:
        return []
    rows: list[list[Scalar | None]] = [
        [item["phase"], item["source"], _share(item["share"]), item["samples"], round(item["epochs"], 4)]
        for item in portions
    ]
    return [
        Table(
            name="mixture",
            title="What each phase reads",
            columns=["phase", "source", "share", "samples", "passes"],
            rows=rows,
            note=f"A sample has {params.sequence_length:,} positions. A source goes on where the phase before ended.",
        )
    ]


def _share(value: float) -> float:
    return round(value, 5)
