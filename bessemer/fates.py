"""From the numbers beside the documents to fates: the policy per shard, and duplicates across all shards in between."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bessemer.config.curate import DuplicateRules
from bessemer.corpus import CorpusPaths, read_batches
from bessemer.errors import ConfigError, DataError
from bessemer.filters.rules import PASSED, Policy, Reason, Verdicts
from bessemer.judged import Judged
from bessemer.repeats import Repeats, find_repeats
from bessemer.survivors import Duplicates, DuplicateSearch

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


def read_cut(calibration: Path) -> float | None:
    """The calibrated cut of the quality classifier; None if none was trained.

    Raises:
        DataError: the file is not what ``classifier`` writes.
    """
    try:
        value = json.loads(calibration.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        raise DataError(f"{calibration} is not JSON; run the stage classifier again.") from None
    cut = value.get("cut")
    return None if cut is None else float(cut)


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
        duplicates: the shard's, of :func:`find_duplicates` with the same policy and rules.
        repeats: the shard's, of :func:`bessemer.repeats.find_repeats` with the same.
        rules: for the thresholds that are recorded.
    """
    verdicts = policy.judge(numbers)
    value, threshold = verdicts.value.copy(), verdicts.threshold.copy()
    codes = verdicts.first.copy()
    names = _reasons(policy)
    _put_in(codes, policy, duplicates, repeats)
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
    paths: CorpusPaths, policy: Policy, rules: DuplicateRules
) -> tuple[list[Reason], dict[str, NDArray[np.int16]]]:
    """What a run of ``curate`` would decide, without values and evidence, which take longer.

    Args:
        paths: the documents and their sidecars.
        policy: the limits.
        rules: which of look-alikes stay.

    Returns:
        Reasons, and by shard, in the order of their names, the place of each document's reason there; -1 if kept.
    """
    first: dict[str, NDArray[np.int16]] = {}
    search, judged = DuplicateSearch(paths, rules), Judged.of(paths, policy)
    for shards, numbers in read_batches(paths, [*judged.open.columns, *search.columns]):
        codes = judged.first(shards, numbers)
        search.add(shards, numbers, codes == PASSED)
        ends = np.cumsum([shard.rows for shard in shards])
        first |= zip((shard.name for shard in shards), np.split(codes, ends[:-1]), strict=True)
    duplicates = search.finish()
    repeats = find_repeats(paths, policy, rules, duplicates)
    for shard, codes in first.items():
        _put_in(codes, policy, duplicates.get(shard, Duplicates.none()), repeats.get(shard, Repeats.none()))
    return _reasons(policy), first


def _reasons(policy: Policy) -> list[Reason]:
    return [*policy.reasons, Reason.EXACT_DUPLICATE, Reason.NEAR_DUPLICATE, Reason.REPEATED_PARTS]


def _put_in(codes: NDArray[Any], policy: Policy, duplicates: Duplicates, repeats: Repeats) -> None:
    """Put the reasons that other documents are into those of the policy, as places in :func:`_reasons`."""
    count = len(_reasons(policy))
    codes[repeats.rows] = count - 1
    codes[duplicates.rows] = np.where(duplicates.identical, count - 3, count - 2)


_EVALUATION_OF = {Reason.CONTAMINATED: "evaluation", Reason.EVALUATION_ITEM: "reverse_evaluation"}
"""The column that names the evaluation set which a reason was decided by."""
