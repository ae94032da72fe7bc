"""Hostile text is shown, never obeyed."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bessemer.reporting.untrusted import markdown_text, neutralise
from tests.reporting.examples import HOSTILE

JOINERS = "\u200c\u200d"
REORDERING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@given(st.text())
def test_no_control_hidden_or_reordering_character_is_left(text: str) -> None:
    for character in neutralise(text):
        assert unicodedata.bidirectional(character) not in REORDERING
        if character not in "\t\n" and character not in JOINERS:
            assert unicodedata.category(character) not in {"Cc", "Cs", "Co", "Zl", "Zp"}


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S", "Zs"], max_codepoint=0x2FFF)))
def test_letters_digits_and_signs_of_living_scripts_are_untouched(text: str) -> None:
    fillers = "\u115f\u1160"
    assert neutralise(text) == text or any(filler in text for filler in fillers)


@given(st.text())
def test_neutralising_twice_changes_nothing(text: str) -> None:
    assert neutralise(neutralise(text)) == neutralise(text)


@pytest.mark.parametrize("text", ["👩‍👩‍👧 ❤️", "नमस्ते", "می‌خواهم", "中文", "שָׁלוֹם", "e\u0301"])
def test_joiners_and_marks_that_writing_needs_stay(text: str) -> None:
    assert neutralise(text) == text


def test_a_lone_surrogate_can_be_written_as_utf8() -> None:
    assert neutralise("a\ud800b").encode() == b"a[U+D800]b"


def test_stacked_marks_are_cut() -> None:
    assert len(neutralise(HOSTILE["zalgo"])) < 12


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_markdown_renders_as_exactly_these_characters(name: str) -> None:
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown_text(HOSTILE[name]))
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    kinds = {child.type for child in tokens[1].children or []}
    shown = "".join(child.content for child in tokens[1].children or [])
    assert kinds <= {"text", "text_special"}
    assert shown == " ".join(neutralise(HOSTILE[name]).split())


@given(st.text(alphabet=st.sampled_from(list("ab \\`*_{}[]()<>#+-!|~$^@:=&;.w/\n1"))))
def test_no_mix_of_markup_characters_becomes_markup_in_a_cell(text: str) -> None:
    table = f"| a | b |\n| --- | --- |\n| {markdown_text(text)} | end |"
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(table)
    cells = [token for before, token in pairwise(tokens) if before.type == "td_open"]
    assert len(cells) == 2
    assert cells[1].content == "end"
    assert {child.type for child in cells[0].children or []} <= {"text", "text_special"}
    assert "".join(child.content for child in cells[0].children or []) == " ".join(neutralise(text).split())


@pytest.mark.parametrize(
    "text", ["https://example.org", "www.example.org", "a@example.org", "@name", "WWW.example.org"]
)
def test_no_address_is_left_that_a_reader_of_markdown_would_link(text: str) -> None:
    written = markdown_text(text)
    assert "://" not in written.replace("\\:", "")
    assert "www." not in written.lower()
    assert "@" not in written.replace("\\@", "")
