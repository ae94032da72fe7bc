"""Verdicts rule by rule: what counts as agreement beside Dolma, and that our side tells all reasons at its limits."""

import pytest

from benchmarks.by_rule import DIFFERENCES, ByRule, by_rule_table
from benchmarks.ours_signals import judge_published
from benchmarks.signals import DOLMA, MEASURED
from benchmarks.workers import DOLMA_PEERS, PEERS, python_of
from tests.benchmarks.test_signal_verdicts import PROSE


def test_only_rules_of_gopher_decide_whether_both_keep_a_document() -> None:
    judged = ByRule(["", "too_short symbols", "curly_brackets", ""], ["", "too_short", "", "top_2_gram"])
    assert judged.share == 0.75
    assert judged.counts("too_short") == (1, 1, 1)
    assert judged.counts("curly_brackets") == (1, 0, 0)
    rows = {row[0]: list(row[1:5]) for row in by_rule_table(judged).rows}
    assert rows == {
        "too_short": ["1", "1", "1", "100.00%"],
        "symbols": ["1", "0", "0", "75.00%"],
        "top_2_gram": ["0", "1", "0", "75.00%"],
        "curly_brackets": ["1", "0", "0", "75.00%"],
    }


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (PROSE, ""),
        ("To be, or not {#}.", "too_short short_words symbols curly_brackets"),
        (PROSE + "Lorem  ipsum, lorem ipsum.", "lorem_ipsum"),
        ("#" * 12 + "…" * 12 + PROSE, "symbols"),
    ],
)
def test_our_rules_at_the_published_limits_tell_every_reason_once(text: str, reasons: str) -> None:
    assert judge_published([text.encode()], None) == [reasons]
    assert set(reasons.split()) <= set(DIFFERENCES)


def test_dolma_has_an_environment_of_its_own() -> None:
    assert python_of(MEASURED[DOLMA][0]) == DOLMA_PEERS
    assert python_of("benchmarks.peers.datatrove_filters") == PEERS
