"""Overlap with validation against Python sets of word tuples, and near duplicates against their definition."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bessemer.filters.rules import Reason
from bessemer.tokens.split import removal
from bessemer.tokens.validation import build_index, near_duplicates, overlaps, read_index, write_index

N = 13
words = st.lists(st.sampled_from(["a", "b", "c"]), max_size=40)


def grams(text: str) -> set[tuple[str, ...]]:
    parts = text.split()
    found = {tuple(parts[at : at + N]) for at in range(len(parts) - N + 1)}
    return found or ({tuple(parts)} if parts else set())


@settings(max_examples=150)
@given(st.lists(words, max_size=5), st.lists(words, max_size=5))
def test_shares_are_those_of_sets_of_word_tuples(held_out, others):
    held_texts, texts = [" ".join(item) for item in held_out], [" ".join(item) for item in others]
    ids = [f"{number:032x}" for number in range(len(held_texts))]
    everything = set().union(*map(grams, held_texts))
    for text, found in zip(texts, overlaps(build_index(ids, held_texts), texts), strict=True):
        own = grams(text)
        reverse = [len(own & grams(held)) / max(1, len(grams(held))) for held in held_texts]
        assert found.share == (len(own & everything) / len(own) if own else 0.0)
        assert found.reverse_share == max([0.0, *reverse])
        if found.evidence is not None:
            assert own & grams(held_texts[ids.index(found.evidence)])


def prose(seed: int, count: int) -> str:
    return " ".join(f"w{number}" for number in np.random.default_rng(seed).integers(0, 10_000, count))


def test_a_chapter_of_a_held_out_book_and_a_book_around_a_held_out_chapter_both_overlap():
    chapter = prose(1, 300)
    book = f"{prose(2, 4000)} {chapter} {prose(3, 4000)}"
    inside = overlaps(build_index(["b" * 32], [book]), [chapter])[0]
    around = overlaps(build_index(["c" * 32], [chapter]), [book])[0]
    assert inside.share == 1.0
    assert inside.reverse_share < 0.05
    assert around.share < 0.05
    assert around.reverse_share == 1.0
    assert inside.evidence == "b" * 32


def test_case_and_punctuation_hide_no_copy():
    text = prose(1, 100)
    assert overlaps(build_index(["a" * 32], [text]), [text.upper().replace(" ", ", ")])[0].value == 1.0


def test_the_index_does_not_depend_on_order_and_survives_the_disk(tmp_path):
    texts = [prose(seed, 200) for seed in range(5)]
    ids = [f"{number:032x}" for number in (3, 1, 4, 0, 2)]
    index = build_index(ids, texts)
    assert build_index(ids[::-1], texts[::-1]).digest == index.digest
    assert build_index(ids, [*texts[:4], prose(9, 200)]).digest != index.digest
    write_index(tmp_path / "index", index)
    read = read_index(tmp_path / "index")
    assert read.digest == index.digest
    assert overlaps(read, texts) == overlaps(index, texts)


def test_without_validation_nothing_overlaps():
    assert overlaps(build_index([], []), ["some text", ""])[0].value == 0.0


def test_near_duplicates_are_found_through_representatives_from_both_sides():
    representatives = {"held2": "rep", "rep": "rep", "copy": "rep"}
    pairs = [
        ("one", "held1", 0.7),
        ("rep", "two", 0.9),
        ("held1", "two", 0.8),
        ("three", "held1", 0.59),
        ("x", "y", 1.0),
    ]
    found = near_duplicates(["held1", "held2"], representatives, pairs, 0.6)
    assert found == {
        "held1": ("held1", 1.0),
        "rep": ("held2", 1.0),
        "one": ("held1", 0.7),
        "two": ("held2", 0.9),
    }
    assert near_duplicates(["held1", "held2"], representatives, pairs[::-1], 0.6) == found


def test_a_verdict_names_the_rule_the_value_and_the_evidence():
    row = {"id": "t", "held_out": False, "share": 0.02, "reverse_share": 0.3, "evidence_id": "v"}
    row |= {"weight": 0.5, "copies": 1}
    limits = {"similarity": 0.6, "max_overlap": 0.05}
    verdict = removal(row, None, **limits)
    assert (verdict.reason, verdict.value, verdict.threshold, verdict.evidence_id) == (
        Reason.VALIDATION_OVERLAP,
        0.3,
        0.05,
        "v",
    )
    assert removal(row, ("w", 0.8), **limits).reason is Reason.VALIDATION_NEAR_DUPLICATE
    assert removal(row | {"reverse_share": 0.05}, None, **limits) is None
    assert removal(row | {"held_out": True}, ("t", 1.0), **limits) is None
    verdict = removal(row | {"reverse_share": 0.05, "copies": 0}, None, **limits)
    assert (verdict.reason, verdict.value, verdict.threshold) == (Reason.SAMPLED_OUT, 0.5, None)
    assert removal(row | {"held_out": True, "copies": 0}, None, **limits) is None
