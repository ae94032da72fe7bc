"""What if: the answer equals a real run, and says what moves."""

import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bessemer.calibration import read_cut
from bessemer.config.curate import CurateParams
from bessemer.corpus import CorpusPaths
from bessemer.errors import ConfigError, DataError
from bessemer.fates import judge_corpus
from bessemer.filters.rules import Policy
from bessemer.ledger_index import LedgerIndex
from bessemer.shards import read_directory, read_shard
from bessemer.side_by_side import Amount
from bessemer.whatif import changed_section, parse_changes, what_if
from stages import layout
from tests.corpora import document, run_curate, write_corpus


def family(root: Path) -> None:
    """Look-alikes across two shards, whose fates hang together."""
    scores = itertools.cycle([0.9, 0.55, 0.7, 0.3])
    rows = [
        document(n, words=100 + 37 * n % 90, classifier=next(scores), source=f"s{n % 2}", group=f"g{n // 2 % 7}")
        for n in range(16)
    ]
    pairs = [(0, 2, 0.9), (2, 4, 0.85), (4, 6, 0.7), (6, 8, 0.65), (1, 9, 0.95), (3, 12, 0.8)]
    write_corpus(root, {"a": rows[:9], "b": rows[9:]}, pairs=pairs)


CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "length.min_words": st.sampled_from([0, 120, 150, None]),
        "classifier.min_classifier_score": st.sampled_from([0.0, 0.6, "calibrated", None]),
        "duplicates.threshold": st.sampled_from([0.6, 0.75, 0.9, None]),
        "duplicates.priority": st.sampled_from([["quality"], ["length", "quality"], ["id"]]),
        "languages": st.sampled_from([None, ["en"], ["de"]]),
    },
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whatif")
    family(folder)
    run_curate(folder)
    return folder


@given(CHANGES)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_answer_is_what_a_run_would_do(
    root: Path, tmp_path_factory: pytest.TempPathFactory, changes: dict[str, Any]
) -> None:
    (root / "params.yaml").write_text("curate: {}\n")
    answer = what_if(root, changes)
    before = dict(_reasons(root))

    rerun = tmp_path_factory.mktemp("rerun")
    family(rerun)
    run_curate(rerun, changed_section({}, changes))
    after = dict(_reasons(rerun))

    moved: dict[tuple[str, str], int] = {}
    for id_, reason in after.items():
        moved[before[id_], reason] = moved.get((before[id_], reason), 0) + 1
    assert {key: amount.documents for key, amount in answer.moves.items()} == moved
    assert _judged(root, changed_section({}, changes)) == after
    assert answer.kept[1].documents == sum(not reason for reason in after.values())


def _reasons(root: Path) -> list[tuple[str, str]]:
    return [(row["id"], row["reason"] or "") for row in read_directory(root / layout.LEDGER).to_pylist()]


def _judged(root: Path, section: dict[str, Any]) -> dict[str, str]:
    params = CurateParams.model_validate(section)
    paths = CorpusPaths().under(root)
    policy = Policy.from_params(params, read_cut(paths.calibration))
    reasons, codes = judge_corpus(paths, LedgerIndex(paths), policy, params.duplicates)
    ids = read_directory(paths.documents, ["id"]).column("id").to_pylist()
    return {id_: "" if code < 0 else reasons[code] for id_, code in zip(ids, codes.tolist(), strict=True)}


@pytest.mark.parametrize("scores", [(0.9, 0.95), (0.95, 0.9)])
def test_numbers_that_are_newer_than_the_ledger_are_asked_afresh(tmp_path: Path, scores: tuple[float, float]) -> None:
    write_corpus(tmp_path, {"a": [document(1, classifier=0.95), document(2, classifier=0.9)]})
    run_curate(tmp_path)
    newer = [document(n, classifier=score, words=30) for n, score in enumerate(scores, 1)]
    write_corpus(tmp_path, {"a": newer}, pairs=[(1, 2, 0.9)])
    section = {"duplicates": {"priority": ["quality"]}, "length": {"min_words": 25}}
    loser = min(zip(scores, (1, 2), strict=True))[1]
    assert _judged(tmp_path, section) == {f"{n:032x}": "near_duplicate" if n == loser else "" for n in (1, 2)}


def test_a_run_that_was_stopped_leaves_nothing_to_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    family(tmp_path)
    run_curate(tmp_path)

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("stages.curate.write_index", stopped)
        with pytest.raises(KeyboardInterrupt):
            run_curate(tmp_path, {"length": {"min_words": 150}})
    with pytest.raises(DataError, match="ledger"):
        what_if(tmp_path, {})


def test_it_writes_nothing(root: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    what_if(root, {"length.min_words": 150})
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_it_says_what_comes_and_goes(root: Path) -> None:
    answer = what_if(root, {"length.min_words": 1000})
    assert answer.kept[1] == Amount(0, 0)
    assert answer.lost == answer.kept[0]
    assert answer.gained == Amount(0, 0)
    assert answer.by_reason("too_short")[1].documents == 16
    text = answer.render()
    assert text.startswith("curate with length.min_words = 1000\n")
    assert "too_short" in text
    assert "0 documents gained" in text
    assert answer.sources["s0"][1] == Amount(0, 0)


def test_it_says_which_documents_change_sides_how_they_begin_and_how_many_tokens_that_is(tmp_path: Path) -> None:
    rows = [document(n, f"Beginning of {n}.", words=100 * n, language="de" if n % 2 else "en") for n in range(1, 7)]
    write_corpus(tmp_path, {"a": rows[:2], "b": rows[2:]})
    run_curate(tmp_path)
    (tmp_path / "reports/tokenizer").mkdir(parents=True)
    (tmp_path / "reports/tokenizer/metrics.json").write_text('{"bytes_per_token": 2.0}')
    answer = what_if(tmp_path, {"length.min_words": 450}, examples=3)
    assert [(one.id, one.first, one.second, one.beginning) for one in answer.examples] == [
        (f"{n:032x}", "", "too_short", f"Beginning of {n}.") for n in (1, 2, 3)
    ]
    size = len("Beginning of 1.")
    assert answer.languages == {
        "de": (Amount(3, 3 * size), Amount(1, size)),
        "en": (Amount(3, 3 * size), Amount(1, size)),
    }
    kept = next(line for line in answer.render().splitlines() if line.startswith("kept "))
    assert kept.split()[-2:] == [f"{6 * size // 2}", f"{2 * size // 2}"]


def test_examples_come_from_all_parts_of_the_corpus(tmp_path: Path) -> None:
    rows = [document(n, words=100) for n in range(1, 91)]
    write_corpus(tmp_path, {name: rows[30 * place : 30 * place + 30] for place, name in enumerate("abc")})
    run_curate(tmp_path)
    examples = what_if(tmp_path, {"length.min_words": 450}, examples=6).examples
    assert {one.shard for one in examples} == {"a", "b", "c"}
    assert [one.id for one in examples] == sorted(one.id for one in examples)
    ids = {name: read_shard(tmp_path / layout.LEDGER, name, ["id"]).column("id").to_pylist() for name in "abc"}
    assert all(ids[one.shard][one.row] == one.id for one in examples)


def test_a_corpus_judged_in_several_batches_is_judged_alike(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "params.yaml").write_text("curate: {}\n")
    changes = {"length.min_words": 120, "duplicates.threshold": 0.75}
    together = what_if(root, changes)
    monkeypatch.setattr("bessemer.corpus.BATCH_ROWS", 1)
    family(tmp_path)
    run_curate(tmp_path)
    apart = what_if(tmp_path, changes)
    assert apart == together
    assert together.examples


def test_a_change_is_given_as_key_and_value() -> None:
    assert parse_changes(["length.min_words=50", "curate.languages=[en, de]", "duplicates.threshold=null"]) == {
        "length.min_words": 50,
        "languages": ["en", "de"],
        "duplicates.threshold": None,
    }
    for bad in ("length.min_words", "=3", "languages=[en"):
        with pytest.raises(ConfigError):
            parse_changes([bad])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"length.min_wrds": 5}, "did you mean min_words"),
        ({"duplicates.threshold": 0.3}, "below dedup.floor"),
        ({"duplicates.threshold": 1.3}, "duplicates.threshold"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(root: Path, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        what_if(root, changes)


def test_without_a_ledger_it_names_the_stage_to_run(tmp_path: Path) -> None:
    family(tmp_path)
    (tmp_path / "params.yaml").write_text("curate: {}\n")
    with pytest.raises(DataError, match="ledger"):
        what_if(tmp_path, {})


def test_a_kind_of_personal_data_can_be_dropped_in_thought(tmp_path: Path) -> None:
    rows = [document(1, "jane@firma.de"), document(2, "(212) 555-0123"), document(3)]
    write_corpus(tmp_path, {"a": rows})
    run_curate(tmp_path)
    answer = what_if(tmp_path, {"pii.email": "drop", "pii.phone": "drop"})
    assert {key: amount.documents for key, amount in answer.moves.items()} == {
        ("", ""): 1,
        ("", "pii_email"): 1,
        ("", "pii_phone"): 1,
    }
    with pytest.raises(ConfigError, match="looked for in US; run the stage curate to look for those of US, DE"):
        what_if(tmp_path, {"pii.phone": "drop", "pii.phone_regions": ["US", "DE"]})
