"""Duplicates among the sample's reference works: every one dropped for a kept one that it truly resembles."""

from pathlib import Path
from typing import Any

import pytest

from bessemer.text.words import split
from tests.checkout import make_checkout
from tests.test_line import table

pytestmark = pytest.mark.long

REFERENCE_WORKS: dict[str, Any] = {
    "sources": [{"name": "reference_works", "path": "data/sample/jsonl/reference*", "license": "various"}],
    "classifier": {"positives": [], "negatives": []},
    "curate": {"classifier": {"min_classifier_score": None}},
}


def test_every_duplicate_has_a_kept_survivor_and_every_near_one_a_stored_true_similarity(
    tmp_path: Path,
) -> None:
    line = make_checkout(tmp_path / "line", cut=REFERENCE_WORKS)
    line.bessemer("sources", "lock")
    line.bessemer("run", "curate")
    ledger = {row["id"]: row for row in table(line.folder / "data/ledger").to_pylist()}
    texts = dict(
        zip(*(table(line.folder / "data/documents")[name].to_pylist() for name in ("id", "text")), strict=True)
    )
    exact = table(line.folder / "data/dedup/exact").to_pylist()
    group = {row["id"]: row["group"] for row in exact}
    first = {row["group"]: row["id"] for row in sorted(exact, key=lambda row: row["id"], reverse=True)}
    pairs = table(line.folder / "data/dedup/pairs").to_pylist()
    stored = {frozenset((row["id_a"], row["id_b"])): row["similarity"] for row in pairs}
    near = [row for row in ledger.values() if row["reason"] == "near_duplicate"]
    assert near
    for row in near:
        similarity = stored[frozenset(first[group[id_]] for id_ in (row["id"], row["evidence_id"]))]
        assert similarity == pytest.approx(row["value"])
        assert similarity == pytest.approx(jaccard(texts[row["id"]], texts[row["evidence_id"]]))
        assert similarity >= row["threshold"]
    for row in ledger.values():
        if row["reason"] in ("near_duplicate", "exact_duplicate"):
            assert ledger[row["evidence_id"]]["fate"] == "kept"


def jaccard(first: str, second: str) -> float:
    """True similarity of the sets of word 5-grams."""
    sets = [{tuple(words[i : i + 5]) for i in range(max(1, len(words) - 4))} for words in (split(first), split(second))]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])
