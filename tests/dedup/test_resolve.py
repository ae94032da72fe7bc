"""Survivors of duplicates: every drop is verified against a document that stays, and nothing depends on order."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bessemer.dedup.resolve import Survivors, resolve_duplicates


@dataclass
class Case:
    """Documents with groups and ranks, and pairs of groups."""

    eligible: list[bool]
    rank: list[int]
    group: list[int]
    pairs: dict[tuple[int, int], float]
    threshold: float

    def resolve(self) -> Survivors:
        return resolve(self.eligible, self.rank, self.group, self.pairs, self.threshold)

    def similarity(self, a: int, b: int) -> float:
        first, second = sorted((self.group[a], self.group[b]))
        return 1.0 if first == second else self.pairs.get((first, second), 0.0)


def resolve(
    eligible: list[bool],
    rank: list[int],
    group: list[int],
    pairs: dict[tuple[int, int], float],
    threshold: float | None,
) -> Survivors:
    ends = np.array(list(pairs), np.int64).reshape(-1, 2)
    return resolve_duplicates(
        eligible=np.array(eligible, np.bool_),
        rank=np.array(rank, np.int64),
        group=np.array(group, np.int64),
        pairs=ends,
        similarity=np.array(list(pairs.values()), np.float32),
        threshold=threshold,
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    count = draw(st.integers(1, 14))
    groups = draw(st.lists(st.integers(0, 9), min_size=count, max_size=count))
    names = sorted(set(groups))
    possible = [(a, b) for a in names for b in names if a < b]
    chosen = draw(st.lists(st.sampled_from(possible), unique=True)) if possible else []
    scores = draw(
        st.lists(st.sampled_from([0.6, 0.7, 0.75, 0.8, 0.9, 1.0]), min_size=len(chosen), max_size=len(chosen))
    )
    return Case(
        eligible=draw(st.lists(st.booleans() | st.just(True), min_size=count, max_size=count)),
        rank=list(draw(st.permutations(range(count)))),
        group=groups,
        pairs=dict(zip(chosen, scores, strict=True)),
        threshold=draw(st.sampled_from([0.6, 0.75, 0.8, 1.0])),
    )


def sequential(case: Case) -> set[int]:
    """Documents that a plain walk from best to worst keeps: the definition, written down."""
    kept: list[int] = []
    for index in sorted((i for i, e in enumerate(case.eligible) if e), key=lambda i: case.rank[i]):
        if all(case.similarity(index, other) < case.threshold for other in kept):
            kept.append(index)
    return set(kept)


@given(cases())
def test_the_walk_in_rounds_equals_the_plain_walk(case: Case) -> None:
    dropped = case.resolve().dropped
    assert {i for i, e in enumerate(case.eligible) if e and not dropped[i]} == sequential(case)


@given(cases())
def test_every_dropped_document_names_a_kept_one_that_it_is_verified_similar_to(case: Case) -> None:
    result = case.resolve()
    for index in np.flatnonzero(result.dropped):
        evidence = int(result.evidence[index])
        assert case.eligible[index]
        assert case.eligible[evidence]
        assert not result.dropped[evidence]
        assert case.similarity(int(index), evidence) >= case.threshold
        assert result.similarity[index] == np.float32(case.similarity(int(index), evidence))
        assert result.identical[index] == (case.group[index] == case.group[evidence])


@given(cases())
def test_no_two_kept_documents_are_duplicates(case: Case) -> None:
    dropped = case.resolve().dropped
    kept = [i for i, e in enumerate(case.eligible) if e and not dropped[i]]
    assert all(case.similarity(a, b) < case.threshold for a in kept for b in kept if a < b)


@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_documents_and_pairs_does_not_matter(case: Case, random: object) -> None:
    order = list(range(len(case.rank)))
    random.shuffle(order)  # type: ignore[attr-defined]
    pairs = list(case.pairs.items())
    random.shuffle(pairs)  # type: ignore[attr-defined]
    flipped = {(b, a): score for (a, b), score in pairs}
    shuffled = resolve(
        [case.eligible[i] for i in order],
        [case.rank[i] for i in order],
        [case.group[i] for i in order],
        flipped,
        case.threshold,
    )
    result = case.resolve()
    for place, index in enumerate(order):
        assert shuffled.dropped[place] == result.dropped[index]
        if result.dropped[index]:
            assert order[int(shuffled.evidence[place])] == result.evidence[index]


def test_a_chain_of_lookalikes_keeps_both_ends() -> None:
    chain = {(0, 1): 0.9, (1, 2): 0.9}
    result = resolve([True] * 3, [0, 1, 2], [0, 1, 2], chain, 0.8)
    assert result.dropped.tolist() == [False, True, False]
    best_in_the_middle = resolve([True] * 3, [1, 0, 2], [0, 1, 2], chain, 0.8)
    assert best_in_the_middle.dropped.tolist() == [True, False, True]


def test_a_document_that_is_out_already_drops_nothing() -> None:
    result = resolve([False, True], [0, 1], [0, 1], {(0, 1): 1.0}, 0.8)
    assert not result.dropped.any()


def test_the_copy_of_a_dropped_document_names_what_stays() -> None:
    result = resolve([True] * 3, [0, 1, 2], [0, 1, 1], {(0, 1): 0.85}, 0.8)
    assert result.dropped.tolist() == [False, True, True]
    assert result.evidence.tolist() == [-1, 0, 0]
    assert not result.identical.any()


def test_the_evidence_is_the_kept_document_that_it_resembles_most() -> None:
    result = resolve([True] * 3, [0, 1, 2], [0, 1, 2], {(0, 2): 0.8, (1, 2): 0.95}, 0.8)
    assert result.evidence.tolist() == [-1, -1, 1]
    tied = resolve([True] * 3, [1, 0, 2], [0, 1, 2], {(0, 2): 0.9, (1, 2): 0.9}, 0.8)
    assert tied.evidence.tolist() == [-1, -1, 1]


def test_without_a_threshold_only_identical_documents_are_duplicates() -> None:
    result = resolve([True] * 3, [2, 1, 0], [0, 0, 1], {(0, 1): 1.0}, None)
    assert result.dropped.tolist() == [True, False, False]
    assert result.identical.tolist() == [True, False, False]


def test_a_long_line_of_revisions_is_walked_to_its_end() -> None:
    count = 2001
    pairs = {(i, i + 1): 0.9 for i in range(count - 1)}
    result = resolve([True] * count, list(range(count)), list(range(count)), pairs, 0.8)
    assert result.dropped.tolist() == [bool(i % 2) for i in range(count)]


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_and_one_document_are_kept(count: int) -> None:
    assert not resolve([True] * count, list(range(count)), list(range(count)), {}, 0.8).dropped.any()
