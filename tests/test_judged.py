"""What the ledger knows: only changed limits are asked again, and the answer is that of asking all."""

from pathlib import Path
from typing import Any

import pytest

from bessemer.config.curate import CurateParams
from bessemer.corpus import CorpusPaths, read_batches
from bessemer.filters.rules import Policy, Reason
from bessemer.judged import POLICY, Judged
from bessemer.ledger_index import LedgerIndex
from bessemer.shards import read_manifest, write_manifest
from tests.corpora import document, run_curate, write_corpus

MADE_BY: dict[str, Any] = {"length": {"min_words": 150}, "symbols": {"min_alphabetic_word_fraction": 0.5}}


@pytest.fixture
def paths(tmp_path: Path) -> CorpusPaths:
    rows = [
        document(
            n, words=50 * n, alphabetic_word_fraction=n % 4 / 4, language=["en", "de", None][n % 3], classifier=n / 30
        )
        for n in range(30)
    ]
    write_corpus(tmp_path, {"a": rows[:11], "b": [], "c": rows[11:]})
    run_curate(tmp_path, MADE_BY)
    return CorpusPaths().under(tmp_path)


def policy(changes: dict[str, Any]) -> Policy:
    return Policy.from_params(CurateParams.model_validate(MADE_BY | changes), 0.5)


CHANGES: list[tuple[dict[str, Any], set[Reason]]] = [
    ({}, set()),
    ({"length": {"min_words": 300}}, {Reason.TOO_SHORT}),
    ({"length": {"min_words": None}}, set()),
    ({"length": {"min_words": 150, "max_words": 700}}, {Reason.TOO_LONG}),
    ({"languages": ["de"]}, {Reason.LANGUAGE}),
    ({"symbols": {"min_alphabetic_word_fraction": 0.5, "languages": ["de"]}}, {Reason.FEW_LETTERS}),
]


@pytest.mark.parametrize(("changes", "asked"), CHANGES)
def test_only_what_changed_is_asked_and_the_first_reason_is_that_of_asking_all(
    paths: CorpusPaths, changes: dict[str, Any], asked: set[Reason]
) -> None:
    wanted = policy(changes)
    judged = Judged.of(paths, wanted)
    assert judged is not None
    opened = {rule.reason for rule in judged.open.rules} | ({Reason.LANGUAGE} if judged.open.languages else set())
    assert asked <= opened
    assert Reason.DUPLICATE_LINES not in opened
    ((_, numbers),) = read_batches(paths, ["language", *wanted.columns])
    assert judged.first(LedgerIndex(paths)).tolist() == wanted.judge(numbers).first.tolist()


@pytest.mark.parametrize("loss", ["policy", "quality", "pairs"])
def test_a_ledger_of_other_numbers_or_unknown_limits_is_not_asked(paths: CorpusPaths, loss: str) -> None:
    if loss == "policy":
        (paths.ledger / POLICY).unlink()
    else:
        directory = paths.quality if loss == "quality" else paths.pairs
        manifest = read_manifest(directory)
        write_manifest(directory, manifest.shards, {**manifest.made_from, "changed": "yes"})
    assert Judged.of(paths, policy({})) is None
