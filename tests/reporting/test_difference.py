"""What two near duplicates do not share is marked, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from bessemer.reporting.difference import mark_differences

TEXT = st.text(alphabet=st.sampled_from(list("ab c,中文\n")), max_size=60)


@given(TEXT, TEXT)
def test_the_pieces_of_a_side_are_that_side_and_the_shared_ones_are_equal(left: str, right: str) -> None:
    one, two = mark_differences(left, right)
    assert "".join(piece.text for piece in one) == left
    assert "".join(piece.text for piece in two) == right
    assert "".join(p.text for p in one if p.same) == "".join(p.text for p in two if p.same)


@given(TEXT)
def test_equal_texts_have_no_marks(text: str) -> None:
    one, two = mark_differences(text, text)
    assert all(piece.same for piece in [*one, *two])


def test_one_changed_word_is_marked_alone() -> None:
    one, two = mark_differences("the whale at dawn rose", "the whale at dusk rose")
    assert [piece.text for piece in one if not piece.same] == ["dawn"]
    assert [piece.text for piece in two if not piece.same] == ["dusk"]
