"""What the benchmark calls true is what sets of words say."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.truth import all_pairs

TEXTS = st.lists(st.lists(st.sampled_from(["a", "b", "ab", "ä", "語"]), max_size=12).map(" ".join), max_size=8)


@given(TEXTS, st.integers(1, 5), st.floats(0.01, 1))
def test_all_pairs_are_those_of_sets_of_tuples(texts: list[str], n: int, least: float) -> None:
    found = all_pairs(texts, n, least)
    sets = [{tuple(words[i : i + n]) for i in range(len(words) - n + 1)} for words in (text.split() for text in texts)]
    expected = {
        (i, j): len(sets[i] & sets[j]) / len(sets[i] | sets[j])
        for i, j in combinations(range(len(texts)), 2)
        if sets[i] & sets[j]
    }
    expected = {pair: value for pair, value in expected.items() if value >= least}
    assert dict(zip(zip(found.first, found.second, strict=True), found.similarity, strict=True)) == expected
