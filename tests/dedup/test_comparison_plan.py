"""Tasks of comparisons: every pair once, families together, no task larger than it may be."""

import itertools

import networkx as nx
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bessemer.dedup.comparison_plan import FEWEST_SHINGLES, MOST_SHINGLES, plan_comparisons, shingles_per_task

pairs_of_few = st.sets(st.tuples(st.integers(0, 14), st.integers(0, 14)).filter(lambda p: p[0] < p[1]), max_size=30)


@given(pairs_of_few, st.integers(1, 60), st.lists(st.integers(1, 9), min_size=15, max_size=15))
def test_every_pair_is_in_one_task_that_is_not_too_large(
    pairs: set[tuple[int, int]], limit: int, costs: list[int]
) -> None:
    plan = plan_comparisons(np.array(sorted(pairs), np.int64).reshape(-1, 2), np.array(costs, np.int32), limit)
    tasks = [[(int(a), int(b)) for a, b in plan.of(task)] for task in range(len(plan))]
    assert sorted(pair for task in tasks for pair in task) == sorted(pairs)
    for task, rows in zip(tasks, plan.documents(), strict=True):
        assert rows.tolist() == sorted({row for pair in task for row in pair})
        assert len(task) == 1 or sum(costs[row] for row in rows) <= limit


@given(pairs_of_few, st.integers(1, 20))
def test_pairs_of_a_family_follow_each_other_and_so_do_those_of_a_hub(pairs: set[tuple[int, int]], limit: int) -> None:
    plan = plan_comparisons(np.array(sorted(pairs), np.int64).reshape(-1, 2), np.ones(15, np.int32), limit)
    families = list(nx.connected_components(nx.Graph(sorted(pairs))))
    order = [next(place for place, family in enumerate(families) if row in family) for row in plan.pairs[:, 0]]
    assert len(list(itertools.groupby(order))) == len(families)
    assert len(list(itertools.groupby(plan.pairs[:, 0].tolist()))) == len({a for a, _ in pairs})


def test_two_families_that_do_not_fit_together_are_apart() -> None:
    # The families {0, 2, 4} and {1, 3, 5} lie interleaved in the corpus.
    pairs = np.array([[0, 2], [1, 3], [2, 4], [3, 5]])
    plan = plan_comparisons(pairs, np.full(6, 10, np.int32), limit=30)
    assert [rows.tolist() for rows in plan.documents()] == [[0, 2, 4], [1, 3, 5]]


def test_a_family_larger_than_a_task_is_cut_and_its_hub_goes_to_every_part() -> None:
    pairs = np.stack([np.zeros(100, np.int64), np.arange(1, 101)], axis=1)
    plan = plan_comparisons(pairs, np.ones(101, np.int32), limit=11)
    assert len(plan) == 10
    assert all(rows[0] == 0 and len(rows) == 11 for rows in plan.documents())


def test_tasks_of_a_large_corpus_are_larger_and_not_without_bound() -> None:
    assert shingles_per_task(0) == shingles_per_task(10 * FEWEST_SHINGLES) == FEWEST_SHINGLES
    assert shingles_per_task(64 * 3_000_000) == 3_000_000
    assert shingles_per_task(10**12) == MOST_SHINGLES
    pairs = np.array([[0, 1], [2, 3], [4, 5]])
    assert len(plan_comparisons(pairs, np.full(6, FEWEST_SHINGLES // 2, np.int32))) == 3
    assert len(plan_comparisons(pairs, np.full(6, FEWEST_SHINGLES // 4, np.int32))) == 2
