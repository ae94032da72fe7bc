"""The policy: which limit drops which document, for which languages, and in which order."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bessemer.config.curate import CurateParams
from bessemer.filters.rules import PASSED, Policy, Reason
from bessemer.filters.signals import SIGNALS
from tests.corpora import GOOD

JOINED = {"language_score": pa.float32(), "classifier_score": pa.float32()}
JOINED |= {"overlap": pa.float32(), "reverse_overlap": pa.float32(), "language_share": pa.float32()}
JOINED |= {"clean_words": pa.int32()}
JOINED |= dict.fromkeys(("pii_key", "pii_email", "pii_ip", "pii_card", "pii_phone"), pa.int32())
LENIENT = {"language_score": 0.9, "language_share": None, "classifier_score": 0.9, "clean_words": None}

ALL_ON = CurateParams.model_validate(
    {
        "languages": ["en", "zh"],
        "min_language_score": 0.5,
        "min_language_share": 0.6,
        "web": {
            "max_javascript_line_fraction": 0.1,
            "max_curly_brackets": 3,
            "min_sentences": 2,
            "min_terminal_line_fraction": 0.12,
            "max_duplicate_line_characters": 0.1,
            "max_short_line_fraction": 0.67,
            "max_newlines_per_word": 0.3,
        },
        "contamination": {"cut": True},
        "pii": dict.fromkeys(("key", "email", "ip", "card", "phone"), "drop"),
    }
)
GOOD_FOR_ALL = {**GOOD, **LENIENT, "sentences": 20, "terminal_line_fraction": 0.9}


def numbers(*rows: dict[str, object]) -> pa.Table:
    """Joined sidecars; what is not given is that of an ordinary English text."""
    types = {name: signal.type for name, signal in SIGNALS.items()} | JOINED
    filled = [{"language": "en", **GOOD_FOR_ALL, **row} for row in rows]
    columns = {name: pa.array([row.get(name, 0) for row in filled], kind) for name, kind in types.items()}
    return pa.table({"language": pa.array([row["language"] for row in filled], pa.string()), **columns})


def reasons(policy: Policy, table: pa.Table) -> list[str | None]:
    return [None if place == PASSED else policy.reasons[place] for place in policy.judge(table).first.tolist()]


@pytest.mark.parametrize(
    ("signal", "bad", "reason"),
    [
        ("language_score", 0.4, Reason.LANGUAGE_UNSURE),
        ("language_share", 0.59, Reason.MIXED_LANGUAGES),
        ("words", 19, Reason.TOO_SHORT),
        ("words", 100_001, Reason.TOO_LONG),
        ("mean_word_length", 2.9, Reason.SHORT_WORDS),
        ("mean_word_length", 10.1, Reason.LONG_WORDS),
        ("stop_words", 1, Reason.FEW_STOP_WORDS),
        ("hashes_per_word", 0.11, Reason.HASH_SIGNS),
        ("ellipses_per_word", 0.11, Reason.ELLIPSES),
        ("bullet_line_fraction", 0.91, Reason.BULLET_LINES),
        ("ellipsis_line_fraction", 0.31, Reason.ELLIPSIS_LINES),
        ("alphabetic_word_fraction", 0.59, Reason.FEW_LETTERS),
        ("duplicate_line_fraction", 0.31, Reason.DUPLICATE_LINES),
        ("duplicate_paragraph_fraction", 0.31, Reason.DUPLICATE_PARAGRAPHS),
        ("duplicate_line_characters", 0.21, Reason.DUPLICATE_LINE_CHARACTERS),
        ("duplicate_paragraph_characters", 0.21, Reason.DUPLICATE_PARAGRAPH_CHARACTERS),
        ("top_2_gram_characters", 0.21, Reason.TOP_2_GRAM),
        ("top_3_gram_characters", 0.19, Reason.TOP_3_GRAM),
        ("top_4_gram_characters", 0.17, Reason.TOP_4_GRAM),
        ("duplicate_5_gram_characters", 0.16, Reason.DUPLICATE_5_GRAMS),
        ("duplicate_6_gram_characters", 0.15, Reason.DUPLICATE_6_GRAMS),
        ("duplicate_7_gram_characters", 0.14, Reason.DUPLICATE_7_GRAMS),
        ("duplicate_8_gram_characters", 0.13, Reason.DUPLICATE_8_GRAMS),
        ("duplicate_9_gram_characters", 0.12, Reason.DUPLICATE_9_GRAMS),
        ("duplicate_10_gram_characters", 0.11, Reason.DUPLICATE_10_GRAMS),
        ("lorem_ipsum", 1, Reason.LOREM_IPSUM),
        ("javascript_line_fraction", 0.2, Reason.JAVASCRIPT_LINES),
        ("curly_brackets", 4, Reason.CURLY_BRACKETS),
        ("sentences", 1, Reason.FEW_SENTENCES),
        ("terminal_line_fraction", 0.1, Reason.FEW_TERMINAL_LINES),
        ("duplicate_line_characters", 0.15, Reason.DUPLICATE_LINE_CHARACTERS_WEB),
        ("short_line_fraction", 0.7, Reason.SHORT_LINES),
        ("newlines_per_word", 0.4, Reason.MANY_NEWLINES),
        ("classifier_score", 0.4, Reason.QUALITY),
        ("overlap", 0.3, Reason.CONTAMINATED),
        ("reverse_overlap", 0.3, Reason.EVALUATION_ITEM),
        ("clean_words", 19, Reason.CONTAMINATED_REST),
        ("pii_key", 1, Reason.PII_KEY),
        ("pii_email", 1, Reason.PII_EMAIL),
        ("pii_ip", 1, Reason.PII_IP),
        ("pii_card", 1, Reason.PII_CARD),
        ("pii_phone", 1, Reason.PII_PHONE),
    ],
)
def test_each_limit_drops_for_its_own_reason(signal: str, bad: float, reason: Reason) -> None:
    policy = Policy.from_params(ALL_ON, cut=0.5)
    table = numbers({signal: bad}, {})
    assert reasons(policy, table) == [reason, None]
    verdicts = policy.judge(table)
    assert verdicts.value[0] == pytest.approx(bad)
    rule = next(rule for rule in policy.rules if rule.reason == reason)
    assert verdicts.threshold[0] == rule.threshold


def test_every_reason_of_the_policy_is_tried_above() -> None:
    by_duplicates = {name for name in Reason if "duplicate" in name and name.endswith("_duplicate")}
    by_shard = {Reason.VALIDATION_OVERLAP, Reason.SAMPLED_OUT}
    decided_elsewhere = {*by_duplicates, *by_shard, Reason.LANGUAGE, Reason.REPEATED_PARTS}
    tried = {mark.args[1][place][2] for mark in _parametrized() for place in range(len(mark.args[1]))}
    assert tried == set(Reason) - decided_elsewhere
    assert tried == {rule.reason for rule in Policy.from_params(ALL_ON, cut=0.5).rules}


def _parametrized() -> list[pytest.Mark]:
    return [mark for mark in test_each_limit_drops_for_its_own_reason.pytestmark if mark.name == "parametrize"]  # type: ignore[attr-defined]


def test_the_limit_itself_is_allowed_at_the_precision_of_its_column() -> None:
    policy = Policy.from_params(ALL_ON, cut=0.7)
    assert reasons(policy, numbers({"top_2_gram_characters": 0.2, "classifier_score": 0.7, "words": 20})) == [None]


def test_the_first_broken_limit_is_the_reason_and_all_are_counted() -> None:
    policy = Policy.from_params(ALL_ON, cut=0.5)
    verdicts = policy.judge(numbers({"words": 3, "stop_words": 0, "classifier_score": 0.1, "language": "de"}))
    assert policy.reasons[int(verdicts.first[0])] == Reason.LANGUAGE
    assert np.isnan(verdicts.value[0])
    broken = {policy.reasons[place] for place in np.flatnonzero(verdicts.broken[0])}
    assert broken == {Reason.LANGUAGE, Reason.TOO_SHORT}


def test_limits_for_english_say_nothing_about_other_languages() -> None:
    policy = Policy.from_params(CurateParams(), cut=0.5)
    chinese = {"language": "zh", "stop_words": 0, "mean_word_length": 1.0, "duplicate_5_gram_characters": 0.9}
    assert reasons(policy, numbers({**chinese, "classifier_score": 0.0})) == [None]
    assert reasons(policy, numbers({**chinese, "language": "en"})) == [Reason.SHORT_WORDS]
    assert reasons(policy, numbers({**chinese, "language": "de"})) == [Reason.DUPLICATE_5_GRAMS]
    assert reasons(policy, numbers({**chinese, "language": None})) == [Reason.DUPLICATE_5_GRAMS]


def test_a_missing_number_breaks_nothing() -> None:
    policy = Policy.from_params(CurateParams(), cut=0.5)
    assert reasons(policy, numbers({"classifier_score": None, "mean_word_length": None})) == [None]


def test_a_limit_of_null_is_off_and_without_a_classifier_there_is_no_cut() -> None:
    off = CurateParams.model_validate({"length": {"min_words": None}})
    assert reasons(Policy.from_params(off, cut=None), numbers({"words": 0, "classifier_score": 0.0})) == [None]
    fixed = CurateParams.model_validate({"classifier": {"min_classifier_score": 0.3}})
    assert reasons(Policy.from_params(fixed, cut=None), numbers({"classifier_score": 0.2})) == [Reason.QUALITY]


@given(st.lists(st.sampled_from(["words", "stop_words", "classifier_score", "overlap"]), max_size=4), st.floats(0, 1))
def test_a_stricter_limit_never_lets_more_through(signals: list[str], value: float) -> None:
    table = numbers(dict.fromkeys(signals, int(value * 30) if "words" in signals else value), {})
    lenient = Policy.from_params(CurateParams.model_validate({"length": {"min_words": 5}}), cut=0.2).judge(table).passed
    strict = Policy.from_params(CurateParams.model_validate({"length": {"min_words": 15}}), cut=0.6).judge(table).passed
    assert not (strict & ~lenient).any()
