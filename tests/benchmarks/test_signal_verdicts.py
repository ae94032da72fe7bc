"""Verdicts side by side: what counts as agreement, and whether our rules drop what datatrove's limits say."""

import gzip
import json
from pathlib import Path

import pytest

from benchmarks.given import given_texts
from benchmarks.ours_signals import judge
from benchmarks.verdicts import Agreement
from bessemer.errors import DataError

PROSE = (
    "The river that had run to the mill was dry by August, and the people who lived along its banks began to speak of "
    "leaving. Nobody knew what would come with winter, or whether the old bridge could be mended.\n"
    "A stranger came up the road one evening carrying a lamp. She asked to have water for her horse; there was none "
    "to be given, so she sat down beside the well and waited until morning.\n"
)


def test_only_kept_against_dropped_is_a_difference() -> None:
    agreement = Agreement("our words", ["", "too_short", "", "hash_signs"], ["", "gopher_short_doc", "list_ratio", ""])
    assert agreement.share == 0.5
    assert agreement.differences() == {("kept", "list_ratio"): 1, ("hash_signs", "kept"): 1}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (PROSE, ""),
        ("To be, or not.", "too_short"),
        (PROSE + "#" * 12, "hash_signs"),
        (PROSE + "12 34 56 78 90 " * 6, "few_letters"),
        (PROSE + PROSE.splitlines()[0], "duplicate_lines"),
        (PROSE + "So be it.\nIt was late by then.\nShe slept.\nSo be it.", "duplicate_line_characters_web"),
        (PROSE.replace(" ", "\n"), "few_terminal_lines"),
        (PROSE.replace(". ", " and ").replace(".", " and"), "few_terminal_lines"),
    ],
)
def test_our_rules_at_the_limits_of_datatrove(text: str, reason: str) -> None:
    assert judge([text.encode()], None) == [reason]


def test_given_documents_may_be_compressed(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl.gz"
    rows = [json.dumps({"text": "é" * 60_000}), "", json.dumps({"text": "b" * 60_000, "id": 1})]
    path.write_bytes(gzip.compress("\n".join(rows).encode()))
    assert given_texts(path) == ["é" * 60_000, "b" * 60_000]


def test_a_line_without_a_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text('{"text": "fine"}\n{"body": "none"}\n')
    with pytest.raises(DataError, match="line 2"):
        given_texts(path)
