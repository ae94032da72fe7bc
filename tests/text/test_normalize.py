"""Normal form: case and white space never make two texts of one; keyed choices are separate and seeded."""

from hypothesis import given
from hypothesis import strategies as st

from bessemer.text.normalize import keyed, normalized, text_hash


@given(
    st.lists(st.text(alphabet="aÄß\u3000漢.", min_size=1, max_size=5), max_size=6),
    st.sampled_from([" ", "\n\n", "\t ", "\xa0"]),
)
def test_white_space_and_case_make_no_other_text(parts: list[str], gap: str) -> None:
    text = " ".join(parts)
    assert text_hash(text) == text_hash(f"{gap}{gap.join(parts).upper()}{gap}")


def test_a_comma_makes_another_text() -> None:
    assert text_hash("well then") != text_hash("well, then")
    assert normalized("  A\r\n\u2003b ") == "a b"


def test_the_same_key_chooses_differently_for_another_purpose_or_seed() -> None:
    numbers = {keyed("id", seed, purpose) for seed in (0, 1) for purpose in ("fold", "sample")}
    assert len(numbers) == 4
    assert keyed("id", 1, "fold") == keyed("id", 1 + (1 << 64), "fold")
