"""The page of rules: every reason is on it, with the limit that is the default."""

import re
from pathlib import Path

import pytest

from bessemer.config.curate import CurateParams
from bessemer.filters.rules import Policy, Reason, Rule

PAGE = (Path(__file__).parents[1] / "docs/policy.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| `")]
BY_SHARD = {Reason.VALIDATION_OVERLAP, Reason.VALIDATION_NEAR_DUPLICATE, Reason.SAMPLED_OUT}


def row_of(reason: Reason) -> str:
    return next(line for line in ROWS if f"`{reason.value}`" in line.split("|")[1])


def test_every_reason_has_a_row() -> None:
    for reason in set(Reason) - BY_SHARD:
        assert row_of(reason)


@pytest.mark.parametrize("rule", Policy.from_params(CurateParams(), cut=0.5).rules, ids=lambda rule: rule.reason.value)
def test_the_default_limit_is_the_one_on_the_page(rule: Rule) -> None:
    row = row_of(rule.reason)
    assert f"`{rule.parameter}`" in row
    if rule.reason is not Reason.QUALITY:
        found = re.search(rf"`{rule.column}` {rule.breaks} ([\d.,]+) ", row)
        assert found, row
        assert float(found[1].replace(",", "")) == pytest.approx(rule.threshold)
    assert ("English" in row) == (rule.languages == frozenset(["en"]))
    assert ("with spaces" in row) == bool(rule.except_languages and rule.languages is None)


def test_what_is_off_by_default_says_so() -> None:
    on = {rule.reason for rule in Policy.from_params(CurateParams(), cut=0.5).rules}
    rows = [line for line in ROWS if "`null`" in line]
    named = {reason for reason in Reason for line in rows if f"`{reason.value}`" in line.split("|")[1]}
    assert named
    assert not named & on
