"""Cleaning: what ftfy would do, faster, and nothing else."""

import unicodedata

import ftfy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bessemer.extract.text import clean_text

MOJIBAKE = [
    "schÃ¶n",
    "âœ” No problems",
    "l’humanitÃ©",
    "ÐŸÑ€Ð¸Ð²ÐµÑ‚",
    "plain",
    "naïve",
    "日本語，全角",
    "\x1b[36;44mx\x1b[0m",
]


def reference(text: str) -> str:
    """ftfy over everything, in the order that the module promises."""
    for line_end in ("\r\n", "\r", "\x0b", "\x0c", "\u2028", "\u2029"):
        text = text.replace(line_end, "\n")
    config = ftfy.TextFixerConfig(
        unescape_html=False, fix_latin_ligatures=False, fix_character_width=False, uncurl_quotes=False, explain=False
    )
    kept = [
        character
        for character in ftfy.fix_text(text, config)
        if character in "\t\n" or unicodedata.category(character) != "Cc"
    ]
    text = unicodedata.normalize("NFC", "".join(kept))
    return "\n".join(line.rstrip(" \t") for line in text.split("\n")).strip()


common = st.characters(exclude_categories=["Cs", "Cn", "Cf"], exclude_characters="\ufffc")


@given(
    st.lists(st.one_of(st.sampled_from(MOJIBAKE), st.text(common, max_size=20)), max_size=8), st.sampled_from("\n \r")
)
def test_the_fast_path_gives_what_ftfy_gives(parts: list[str], between: str) -> None:
    text = between.join(parts)
    assert clean_text(text) == reference(text)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("schÃ¶n", "schön"),
        ("a\r\nb\rc\x0cd", "a\nb\nc\nd"),
        ("cafe\u0301", "café"),
        ("a\x00b\x07c\ufeff", "abc"),
        ("  trailing \t\n\n", "trailing"),
        ("tab\t\nnext", "tab\nnext"),
        ("blank \nboth \t\nand\t \nnone", "blank\nboth\nand\nnone"),
        ("全角，ＡＢＣ “quoted” ﬁ", "全角，ＡＢＣ “quoted” ﬁ"),
        ("a &amp; b", "a &amp; b"),
        ("\x00\n \t", ""),
    ],
)
def test_what_is_mended_and_what_is_the_authors(raw: str, clean: str) -> None:
    assert clean_text(raw) == clean
