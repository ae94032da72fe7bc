"""How well signatures estimate, and what the index finds, against exact similarities."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import ours
from benchmarks.pairs import EDGES, edited_pairs, insertions
from benchmarks.sentences import Sentences
from benchmarks.tables import Table
from benchmarks.truth import Pairs, TooManyPairs, all_pairs
from benchmarks.workers import OURS, STRINGS, Worker

PLACES = {"datatrove": 112}
"""Places of a signature where it is not 128."""


@dataclass(frozen=True)
class Estimates:
    """Root mean square error of a system's estimates over pairs, and what theory has: sqrt(mean J(1-J)/K)."""

    pairs: int
    error: float
    theory: float

    @property
    def over_theory(self) -> float:
        """1 is theory."""
        return self.error / self.theory

    @classmethod
    def of(cls, estimate: NDArray[np.float64], truth: NDArray[np.float64], places: int) -> "Estimates":
        """Compare estimates with true similarities."""
        error = float(np.sqrt(np.mean((estimate - truth) ** 2)))
        return cls(len(truth), error, float(np.sqrt(np.mean(truth * (1 - truth) / places))))


@dataclass(frozen=True)
class Recall:
    """One bin of true similarity: pairs, the share found, the share that theory has, and its standard error."""

    least: float
    below: float
    pairs: int
    found: float
    expected: float
    error: float

    @property
    def gap(self) -> float:
        """Found above theory, in percentage points."""
        return 100 * (self.found - self.expected)


def measure_ours(pool: Sentences, pairs_a_bin: int, seed: int) -> tuple[Estimates, list[Recall]]:
    """Our estimates and recall over all pairs of a set of generated documents, found by exact comparison."""
    # A small pool is not repeated so often that most documents share sentences.
    count = min(round(pairs_a_bin * (len(EDGES) - 1) * 1.25), len(pool.words) // 20)
    pairs = list(edited_pairs(pool, count, seed))
    texts = [text for pair in pairs for text in pair]
    truth = _true_pairs(texts)
    different = truth.similarity < 1
    first, second, similarity = truth.first[different], truth.second[different], truth.similarity[different]
    signatures = ours.sign(texts)
    agree = (signatures[first] == signatures[second]).mean(axis=1)
    found = ours.in_one_band(signatures[first], signatures[second])
    banding = ours.banding()
    expected = 1 - (1 - similarity**banding.rows) ** banding.bands
    recalls = []
    for least, below in pairwise(EDGES.tolist()):
        here = (similarity >= least) & (similarity < below)
        if not here.any():
            continue
        chance = expected[here]
        error = float(np.sqrt((chance * (1 - chance)).sum()) / len(chance))
        recalls.append(
            Recall(float(least), float(below), len(chance), float(found[here].mean()), float(chance.mean()), error)
        )
    return Estimates.of(agree, similarity, ours.PARAMS.permutations), recalls


def _true_pairs(texts: Sequence[str]) -> Pairs:
    """All similar pairs; where templates make these too many, those of each text with its edited copy, by sets."""
    try:
        return all_pairs(texts, ours.PARAMS.shingle_words, float(EDGES[0]))
    except TooManyPairs:
        sets = [ours.word_set(text) for text in texts]
        first = np.arange(0, len(texts), 2)
        similarity = np.array([len(sets[i] & sets[i + 1]) / len(sets[i] | sets[i + 1]) for i in first])
        near = similarity >= EDGES[0]
        return Pairs(first[near], first[near] + 1, similarity[near])


def measure_peers(
    running: Mapping[str, Worker], pool: Sentences, counts: Mapping[str, int], seed: int, scratch: Path
) -> dict[str, Estimates]:
    """The peers' estimates over pairs of the same kind, against the sets that each of them hashes."""
    result = {}
    for name, worker in running.items():
        if name in (OURS, STRINGS):
            continue
        path = _write(edited_pairs(pool, counts[name], seed), scratch / "pairs.jsonl")
        answer = worker.ask(do="estimate", pairs=str(path))
        result[name] = Estimates.of(
            np.array(answer["estimate"]), np.array(answer["truth"]), PLACES.get(name, ours.PARAMS.permutations)
        )
    return result


def measure_insertions(
    running: Mapping[str, Worker], pool: Sentences, count: int, seed: int, scratch: Path
) -> dict[str, float]:
    """Share of documents found again after one word was put in, by the systems that have an index asked here."""
    path = _write(insertions(pool, count, seed), scratch / "insertions.jsonl")
    asked = [name for name in running if name == OURS or name.startswith("rensa")]
    return {name: float(running[name].ask(do="find", pairs=str(path))["found"]) for name in asked}


def _write(pairs: object, path: Path) -> Path:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(pair) + "\n" for pair in pairs)  # type: ignore[attr-defined]
    return path


def estimate_table(estimates: Mapping[str, Estimates], inserted: Mapping[str, float]) -> Table:
    """One row a system."""
    rows = [
        [
            name,
            f"{value.pairs:,}",
            f"{value.error:.4f}",
            f"{value.theory:.4f}",
            f"{value.over_theory:.3f}",
            f"{inserted[name]:.1%}" if name in inserted else "not asked",
        ]
        for name, value in estimates.items()
    ]
    return Table(
        "Accuracy",
        "error of the estimated similarity, root mean square over pairs with similarities from 0.3 to 1, beside theory "
        "(sqrt(J(1-J)/K), K = 128, datatrove 112); and how many documents of 300-1,000 words are found again after one "
        "word was put in.",
        ["system", "pairs", "RMSE", "theory", "over theory", "found after an insertion"],
        rows,
    )


def recall_table(recalls: Sequence[Recall]) -> Table:
    """One row a bin."""
    banding = ours.banding()
    rows = [
        [
            f"{recall.least:.1f}-{recall.below:.1f}",
            f"{recall.pairs:,}",
            f"{recall.found:.2%}",
            f"{recall.expected:.2%}",
            f"{recall.gap:+.2f}",
            f"{recall.gap / 100 / recall.error:+.1f}" if recall.error > 0 else "0.0",
        ]
        for recall in recalls
    ]
    return Table(
        "Recall of the index",
        f"ours with {banding.bands} bands of {banding.rows} rows, over all pairs of the generated documents; theory is "
        "1 - (1 - J^rows)^bands averaged over the true similarities of the same pairs.",
        ["Jaccard", "pairs", "found", "theory", "gap in points", "in standard errors"],
        rows,
    )
