"""Classifier: no text is scored by a model that saw it; one thread makes the same bytes; the cut keeps its share."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bessemer.config.classifier import ClassifierParams
from bessemer.errors import DataError
from bessemer.filters.classifier import (
    FOLDS,
    Calibration,
    Example,
    area_under_roc,
    choose_examples,
    cut_for,
    fold_of,
    line_of,
    load_models,
    model_path,
    read_calibration,
    score_by_fold,
    score_lines,
    train,
    write_calibration,
)
from bessemer.text.normalize import text_hash

PARAMS = ClassifierParams(positives=["good"], negatives=["plain"], buckets=1000, epochs=30, min_count=1)


def examples() -> list[Example]:
    texts = [(f"the whale swam past the ship number {n} at dawn", True) for n in range(40)]
    texts += [(f"click menu entry {n + 100} to open the dialog settings", False) for n in range(40)]
    return [Example(text_hash(text), line_of(text, 100), positive) for text, positive in texts]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("models")
    for fold in range(FOLDS):
        train(choose_examples(examples(), PARAMS)[0], fold, PARAMS, model_path(directory, fold))
    return directory


def test_unseen_texts_are_told_apart(models: Path) -> None:
    chosen = examples()
    scores = score_by_fold(load_models(models), [e.line for e in chosen], [e.text_hash for e in chosen], PARAMS.seed)
    positive = np.array([example.positive for example in chosen])
    assert area_under_roc(scores, positive) == 1.0
    assert ((scores > 0.5) == positive).all()


def test_trained_twice_gives_the_same_bytes(models: Path, tmp_path: Path) -> None:
    train(choose_examples(examples()[::-1], PARAMS)[0], 0, PARAMS, tmp_path / "again.bin")
    assert (tmp_path / "again.bin").read_bytes() == model_path(models, 0).read_bytes()


def test_the_model_of_a_fold_has_never_seen_its_texts(models: Path) -> None:
    for fold, model in enumerate(load_models(models)):
        known = set(model.get_words())
        unseen = [example for example in examples() if fold_of(example.text_hash, PARAMS.seed) == fold]
        assert len(unseen) > 10
        assert not known & {word for example in unseen for word in example.line.split() if word.isdigit()}


def test_a_text_on_both_sides_teaches_nothing() -> None:
    double = Example("0" * 32, "seen on both sides", True)
    chosen, both = choose_examples([*examples(), double, Example("0" * 32, double.line, False)], PARAMS)
    assert both == 1
    assert double.text_hash not in {example.text_hash for example in chosen}


def test_copies_count_once_and_the_cap_holds_in_any_order() -> None:
    params = PARAMS.model_copy(update={"cap": 7})
    chosen, _ = choose_examples(examples() * 2, params)
    again, _ = choose_examples(examples()[::-1], params)
    assert chosen == again
    assert [sum(example.positive is side for example in chosen) for side in (True, False)] == [7, 7]


def test_one_side_alone_cannot_be_trained(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"classifier\.negatives"):
        train([example for example in examples() if example.positive], 0, PARAMS, tmp_path / "m.bin")


def test_a_text_without_words_scores_zero(models: Path) -> None:
    scores = score_lines(load_models(models)[0], ["", "the whale swam past"])
    assert scores[0] == 0.0
    assert scores[1] > 0.5


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.booleans()), max_size=30))
def test_area_under_roc_is_the_chance_of_ranking_right(pairs: list[tuple[float, bool]]) -> None:
    positives = [score for score, positive in pairs if positive]
    negatives = [score for score, positive in pairs if not positive]
    wins = [(a > b) + 0.5 * (a == b) for a in positives for b in negatives]
    scores = np.array([score for score, _ in pairs], np.float32)
    area = area_under_roc(scores, np.array([positive for _, positive in pairs], np.bool_))
    assert area == pytest.approx(sum(wins) / len(wins) if wins else 0.5)


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=30), st.floats(0, 1))
def test_the_cut_keeps_its_share_and_no_larger_one_does(values: list[float], fraction: float) -> None:
    scores = np.array(values, np.float32)
    cut = cut_for(scores, fraction)
    assert (scores >= cut).mean() >= fraction - 1e-6
    if fraction > 0:
        assert cut in scores
        higher = scores[scores > cut]
        assert not len(higher) or len(higher) / len(scores) < fraction
    else:
        assert not (scores >= cut).any()


def test_calibration_survives_being_written(tmp_path: Path) -> None:
    calibration = Calibration(
        enabled=True, seed=1, words=9, keep_fraction=0.5, cut=0.25, auc=0.9, counts={"positives": 3}
    )
    write_calibration(tmp_path, calibration)
    assert read_calibration(tmp_path) == calibration
    (tmp_path / "calibration.json").write_text("{}")
    with pytest.raises(DataError, match="run the stage classifier"):
        read_calibration(tmp_path)
