"""The laws notice whatever goes missing, and a broken one is a bug."""

from dataclasses import replace

import pytest

from bessemer.laws import Balance, check_laws, document_laws, record_laws

EVEN = Balance(
    ingested=10,
    kept=7,
    dropped=3,
    written=7,
    ledger=10,
    ingested_bytes=1000,
    dropped_bytes={"too_short": 100, "near_duplicate": 200},
    removed_bytes={"email": 30, "ip": 0},
    added_bytes={"email": 14, "ip": 0},
    written_bytes=684,
)


def broken(balance: Balance) -> set[str]:
    return {law.metric for law in document_laws(balance) if not law.passed}


def test_an_even_balance_breaks_no_law() -> None:
    assert broken(EVEN) == set()
    assert check_laws(document_laws(EVEN))


@pytest.mark.parametrize(
    ("changes", "laws"),
    [
        ({"kept": 6}, {"law.documents", "law.documents_written"}),
        ({"dropped": 4}, {"law.documents"}),
        ({"ledger": 9}, {"law.documents_ledger"}),
        ({"written": 8}, {"law.documents_written"}),
        ({"written_bytes": 683}, {"law.bytes"}),
        ({"dropped_bytes": {"too_short": 100}}, {"law.bytes"}),
        ({"removed_bytes": {"email": 29}}, {"law.bytes"}),
        ({"added_bytes": {"email": 15}}, {"law.bytes"}),
        ({"ingested_bytes": 1001}, {"law.bytes"}),
    ],
)
def test_what_goes_missing_breaks_its_law(changes: dict[str, object], laws: set[str]) -> None:
    assert broken(replace(EVEN, **changes)) == laws  # type: ignore[arg-type]


def test_a_broken_law_is_a_bug_and_says_by_how_much() -> None:
    with pytest.raises(RuntimeError, match=r"law\.bytes: .*off by -1"):
        check_laws(document_laws(replace(EVEN, written_bytes=683)))


def test_a_record_is_parsed_quarantined_or_skipped() -> None:
    even = {"read": 10, "parsed": 7, "quarantined": 2, "skipped": 1, "counted_documents": 9, "written_documents": 9}
    assert all(law.passed for law in record_laws(**even))
    assert [law.passed for law in record_laws(**even | {"quarantined": 1})] == [False, True]
    assert [law.passed for law in record_laws(**even | {"written_documents": 8})] == [True, False]
