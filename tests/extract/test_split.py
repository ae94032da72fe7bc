"""Splitting: nothing lost, nothing too long, cuts where a reader would put them."""

from hypothesis import given
from hypothesis import strategies as st

from bessemer.extract.split import split_text

words = st.text(st.sampled_from("aé自😀.! \n"), min_size=1, max_size=400)


@given(text=words, limit=st.integers(4, 200))
def test_the_parts_are_the_text_and_none_is_too_long(text: str, limit: int) -> None:
    parts = split_text(text, limit)
    assert "".join(parts) == text
    assert all(0 < len(part.encode()) <= limit for part in parts)
    if len(text.encode()) <= limit:
        assert parts == [text]


@given(lengths=st.lists(st.integers(10, 300), min_size=2, max_size=60))
def test_cuts_come_at_paragraph_ends_where_paragraphs_allow(lengths: list[int]) -> None:
    text = "".join("x" * length + "\n\n" for length in lengths)
    parts = split_text(text, 2000)
    assert all(part.endswith("\n\n") for part in parts)
    assert "".join(parts) == text


def test_parts_are_about_equal() -> None:
    text = "".join(f"Paragraph {n} of the book.\n\n" for n in range(1000))
    sizes = [len(part) for part in split_text(text, 20_000)]
    assert len(sizes) == 2
    assert max(sizes) - min(sizes) < 200


def test_without_paragraphs_lines_then_sentences_then_spaces_are_used() -> None:
    assert all(part.endswith("\n") for part in split_text("a line of text\n" * 100, 300))
    assert all(part.endswith(". ") for part in split_text("A sentence of it. " * 100, 300)[:-1])
    assert all(part.endswith("。") for part in split_text("人人生而自由。" * 100, 300))
    assert all(part.endswith(" ") for part in split_text("word " * 100, 64)[:-1])
