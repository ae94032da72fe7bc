"""Which of a family of look-alikes stays: greedy over verified pairs, so that no chain swallows a family.

A connected component is not a family: in A~B~C the ends need not resemble each other. Documents are therefore walked
from best to worst, and one is dropped only if it is verified similar (or identical) to one that is already kept.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NONE = -1


@dataclass(frozen=True)
class Survivors:
    """The outcome, one entry per document.

    Attributes:
        dropped: bool. Never true for a document that was not eligible.
        evidence: int64, index of the kept document that it duplicates; -1 where not dropped.
        similarity: float32, to that document: 1 if identical after normalisation; nan where not dropped.
        identical: bool, dropped because its normalised text is that of the evidence.
    """

    dropped: NDArray[np.bool_]
    evidence: NDArray[np.int64]
    similarity: NDArray[np.float32]
    identical: NDArray[np.bool_]


def resolve_duplicates(
    *,
    eligible: NDArray[np.bool_],
    rank: NDArray[np.int64],
    group: NDArray[np.int64],
    pairs: NDArray[np.int64],
    similarity: NDArray[np.float32],
    threshold: float | None,
) -> Survivors:
    """Choose the survivors among the eligible documents.

    A group of identical documents is led by its best eligible member. Groups are kept or dropped as one by the greedy
    walk over their leaders; the evidence of every dropped document is the leader of a kept group.

    Args:
        eligible: shape (n,). Only these take part; the others neither drop anything nor are dropped.
        rank: shape (n,), distinct; 0 is the best.
        group: shape (n,), non-negative; equal for documents with the same normalised text.
        pairs: shape (m, 2): verified pairs of *groups*, in any order and direction.
        similarity: shape (m,): true Jaccard of each pair.
        threshold: smallest similarity that makes a near duplicate; None keeps them all.

    Returns:
        Independent of the order of documents, pairs and groups.

    Source: the greedy walk in rounds of local minima is that of Blelloch, Fineman and Shun 2012 (lexicographically
    first maximal independent set); it equals the sequential walk.
    """
    count = len(eligible)
    outcome = Survivors(
        np.zeros(count, np.bool_),
        np.full(count, NONE, np.int64),
        np.full(count, np.nan, np.float32),
        np.zeros(count, np.bool_),
    )
    members = np.flatnonzero(eligible)
    if not len(members):
        return outcome
    members = members[np.argsort(rank[members])]
    unit, leader = _units(group[members])
    edges, weight = _edges(group[members], unit, pairs, similarity, threshold)
    evidence, likeness = _greedy(len(leader), edges, weight)

    leader = members[leader]
    near = evidence[unit] != NONE
    copy = ~near & (leader[unit] != members)
    outcome.dropped[members[near | copy]] = True
    outcome.evidence[members[near]] = leader[evidence[unit[near]]]
    outcome.similarity[members[near]] = likeness[unit[near]]
    outcome.evidence[members[copy]] = leader[unit[copy]]
    outcome.similarity[members[copy]] = 1.0
    outcome.identical[members[copy]] = True
    return outcome


def _units(groups: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number the groups from best to worst.

    Args:
        groups: group of each member, members from best to worst.

    Returns:
        The number of each member's group, and the position of each group's best member.
    """
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    order = np.argsort(first)
    number = np.empty_like(order)
    number[order] = np.arange(len(order))
    return number[inverse.reshape(-1)], first[order]


def _edges(
    groups: NDArray[np.int64],
    unit: NDArray[np.int64],
    pairs: NDArray[np.int64],
    similarity: NDArray[np.float32],
    threshold: float | None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Pairs of groups at or above the threshold whose ends both take part, as (better, worse) numbers of groups."""
    if threshold is None or not len(pairs):
        return np.empty((0, 2), np.int64), np.empty(0, np.float32)
    codes, position = np.unique(groups, return_index=True)
    place = np.minimum(np.searchsorted(codes, pairs), len(codes) - 1)
    strong = (similarity >= np.float32(threshold)) & (codes[place] == pairs).all(axis=1) & (pairs[:, 0] != pairs[:, 1])
    ends = unit[position[place[strong]]]
    ends.sort(axis=1)
    return ends, similarity[strong]


def _greedy(
    count: int, edges: NDArray[np.int64], weight: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Walk units 0, 1, 2, …: one is dropped if it has an edge to a kept one.

    Each round keeps every undecided unit without a better undecided neighbour and drops that unit's neighbours.

    Returns:
        For each unit the kept neighbour that it resembles most (of equals the better one), or -1 if it is kept; and
        how much.
    """
    all_edges, all_weight = edges, weight
    kept = np.ones(count, np.bool_)
    decided = np.zeros(count, np.bool_)
    while len(edges):
        minimum = np.ones(count, np.bool_)
        minimum[edges[:, 1]] = False
        ahead = minimum[edges[:, 0]]
        lost = edges[ahead, 1]
        kept[lost] = False
        decided[lost] = True
        decided[edges[ahead, 0]] = True
        edges = edges[~(decided[edges[:, 0]] | decided[edges[:, 1]])]

    evidence = np.full(count, NONE, np.int64)
    likeness = np.full(count, np.nan, np.float32)
    keeper = np.concatenate([all_edges[:, 0], all_edges[:, 1]])
    loser = np.concatenate([all_edges[:, 1], all_edges[:, 0]])
    weights = np.concatenate([all_weight, all_weight])
    telling = kept[keeper] & ~kept[loser]
    keeper, loser, weights = keeper[telling], loser[telling], weights[telling]
    order = np.lexsort((keeper, -weights, loser))
    losers, first = np.unique(loser[order], return_index=True)
    evidence[losers] = keeper[order][first]
    likeness[losers] = weights[order][first]
    return evidence, likeness
