"""From the numbers beside the documents to fates: the policy per shard, and duplicates across all shards in between."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bessemer.config.curate import DuplicateRules
from bessemer.corpus import CorpusPaths
from bessemer.errors import ConfigError
from bessemer.filters.rules import PASSED, Policy, Reason, Verdicts
from bessemer.judged import Judged
from bessemer.ledger_index import LedgerIndex
from bessemer.look_alikes import survey
from bessemer.repeats import Repeats, find_repeats
from bessemer.survivors import CorpusDuplicates, Duplicates

CURATE = "curate"


@dataclass(frozen=True)
class Fates:
    """What becomes of the n documents of a shard.

    Attributes:
        reason: string array: of each dropped document, null for kept ones.
        reasons: list array of strings: all that speak against the document; ``reason`` is the first.
        value, threshold: shape (n,), float64; nan where there is none.
        evidence: string array; null where there is none.
        verdicts: what the policy said before duplicates.
    """

    reason: "pa.Array[Any]"
    reasons: "pa.Array[Any]"
    value: NDArray[np.float64]
    threshold: NDArray[np.float64]
    evidence: "pa.Array[Any]"
    verdicts: Verdicts

    @property
    def kept(self) -> NDArray[np.bool_]:
        """Shape (n,), bool."""
        return np.asarray(self.reason.is_null().to_numpy(zero_copy_only=False), dtype=np.bool_)


def check_threshold(rules: DuplicateRules, floor: float) -> None:
    """Pairs below the floor were never stored, so they cannot be asked for.

    Raises:
        ConfigError: the threshold is below the floor.
    """
    if rules.threshold is not None and rules.threshold < floor:
        raise ConfigError(
            f"params.yaml: curate.duplicates.threshold {rules.threshold:g} is below dedup.floor {floor:g}, "
            "under which no pair is stored; raise the threshold or lower the floor."
        )


def decide(policy: Policy, numbers: pa.Table, duplicates: Duplicates, repeats: Repeats, rules: DuplicateRules) -> Fates:
    """Fates of the documents of a shard.

    Args:
        policy: the limits.
        numbers: of :func:`bessemer.corpus.read_numbers`.
        duplicates: the shard's, chosen with the same policy and rules.
        repeats: the shard's, of :func:`bessemer.repeats.find_repeats` with the same.
        rules: for the thresholds that are recorded.
    """
    verdicts = policy.judge(numbers)
    value, threshold = verdicts.value.copy(), verdicts.threshold.copy()
    codes = verdicts.first.copy()
    names = _reasons(policy)
    codes[repeats.rows] = _code(policy, Reason.REPEATED_PARTS)
    _put_in(codes, policy, duplicates)
    value[repeats.rows], threshold[repeats.rows] = repeats.values, repeats.thresholds
    value[duplicates.rows] = duplicates.similarity
    near = np.nan if rules.threshold is None else rules.threshold
    threshold[duplicates.rows] = np.where(duplicates.identical, 1.0, near)

    evidence = np.full(len(codes), None, dtype=object)
    for why, column in _EVALUATION_OF.items():
        leaked = np.isin(codes, [place for place, name in enumerate(names) if name is why])
        if leaked.any():
            evidence[leaked] = np.array(numbers.column(column).to_pylist(), dtype=object)[leaked]
    evidence[duplicates.rows] = duplicates.evidence
    reason = pa.DictionaryArray.from_arrays(codes, pa.array(names, pa.string()), mask=codes < 0)
    reasons = _all_reasons(verdicts, codes, names)
    return Fates(reason.cast(pa.string()), reasons, value, threshold, pa.array(evidence, pa.string()), verdicts)


def _all_reasons(verdicts: Verdicts, codes: NDArray[np.int64], names: list[Reason]) -> "pa.Array[Any]":
    """For each document the limits that it breaks; for one that breaks none, what ``codes`` say of it."""
    against = np.zeros((len(codes), len(names)), np.bool_)
    against[:, : len(verdicts.reasons)] = verdicts.broken
    rows = np.flatnonzero(codes != PASSED)
    against[rows, codes[rows]] = True
    offsets = np.concatenate(([0], np.cumsum(against.sum(axis=1)))).astype(np.int32)
    places = pa.array(np.nonzero(against)[1])
    return pa.ListArray.from_arrays(offsets, pa.array(names, pa.string()).take(places))


def judge_corpus(
    paths: CorpusPaths, index: LedgerIndex, policy: Policy, rules: DuplicateRules
) -> tuple[list[Reason], NDArray[np.int16]]:
    """What a run of ``curate`` would decide, without values and evidence, which take longer.

    Args:
        paths: the documents and their sidecars.
        index: of their ledger.
        policy: the limits.
        rules: which of look-alikes stay.

    Returns:
        Reasons, and of each document of the corpus, in order, the place of its reason there; -1 if kept.
    """
    judged = Judged.of(paths, policy)
    if judged is None:
        found = survey(paths, policy)
        codes, look_alikes = found.first, found.look_alikes
    else:
        codes, look_alikes = judged.first(index), judged.look_alikes()
    duplicates = look_alikes.choose(codes == PASSED, rules)
    repeats = find_repeats(paths, policy, rules, duplicates)
    row = 0
    for shard in index.shards:
        if shard.name in repeats:
            codes[repeats[shard.name].rows + row] = _code(policy, Reason.REPEATED_PARTS)
        row += shard.rows
    _put_in(codes, policy, duplicates)
    return _reasons(policy), codes


def _reasons(policy: Policy) -> list[Reason]:
    return [*policy.reasons, Reason.EXACT_DUPLICATE, Reason.NEAR_DUPLICATE, Reason.REPEATED_PARTS]


def _code(policy: Policy, reason: Reason) -> int:
    return _reasons(policy).index(reason)


def _put_in(codes: NDArray[Any], policy: Policy, duplicates: Duplicates | CorpusDuplicates) -> None:
    """Put duplicates into the reasons of the policy, as places in :func:`_reasons`."""
    exact, near = (_code(policy, reason) for reason in (Reason.EXACT_DUPLICATE, Reason.NEAR_DUPLICATE))
    codes[duplicates.rows] = np.where(duplicates.identical, exact, near)


_EVALUATION_OF = {
    Reason.CONTAMINATED: "evaluation",
    Reason.EVALUATION_ITEM: "reverse_evaluation",
    Reason.CONTAMINATED_REST: "evaluation",
}
"""The column that names the evaluation set which a reason was decided by."""
