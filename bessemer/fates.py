"""From the numbers beside the documents to fates: the policy per shard, and duplicates across all shards in between."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from numpy.typing import NDArray

from bessemer.config.curate import DuplicateRules
from bessemer.corpus import CorpusPaths, read_numbers
from bessemer.dedup.resolve import Survivors, resolve_duplicates
from bessemer.errors import ConfigError, DataError
from bessemer.filters.rules import Policy, Reason, Verdicts, column_values
from bessemer.progress import Progress
from bessemer.shards import read_directory, read_shard, shard_names

CURATE = "curate"


@dataclass(frozen=True)
class Duplicates:
    """The duplicates among the documents of one shard.

    Attributes:
        rows: row numbers in the shard, ascending.
        evidence: id of the kept document, for each of ``rows``.
        similarity: float32, to it.
        identical: bool, same normalised text.
    """

    rows: NDArray[np.int64]
    evidence: list[str]
    similarity: NDArray[np.float32]
    identical: NDArray[np.bool_]

    @classmethod
    def none(cls) -> "Duplicates":
        """No duplicate in the shard."""
        return cls(np.empty(0, np.int64), [], np.empty(0, np.float32), np.empty(0, np.bool_))

    @property
    def digest(self) -> str:
        """Digest of all of it: what a job that applies the choice depends on."""
        parts = (
            self.rows.tobytes(),
            "\n".join(self.evidence).encode(),
            self.similarity.tobytes(),
            self.identical.tobytes(),
        )
        return xxhash.xxh3_128_hexdigest(b"\0".join(parts))


@dataclass(frozen=True)
class Fates:
    """What becomes of the n documents of a shard.

    Attributes:
        reason: string array: of each dropped document, null for kept ones.
        value, threshold: shape (n,), float64; nan where there is none.
        evidence: string array; null where there is none.
        verdicts: what the policy said before duplicates.
    """

    reason: "pa.Array[Any]"
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


def find_duplicates(
    paths: CorpusPaths, policy: Policy, rules: DuplicateRules, bar: Progress | None = None
) -> dict[str, Duplicates]:
    """Choose the survivors among all documents that pass the policy.

    Only documents that have a twin or are in a stored pair are held in memory.

    Args:
        paths: the documents and their sidecars.
        policy: the limits; a document that breaks one takes no part.
        rules: threshold and priority.
        bar: advanced by one per shard.

    Returns:
        Shard to its duplicates; shards without any are left out.
    """
    if not rules.exact:
        return {}
    pairs = read_directory(paths.pairs) if shard_names(paths.pairs) else _NO_PAIRS
    paired = pa.chunked_array([*pairs.column("id_a").chunks, *pairs.column("id_b").chunks], pa.string())
    candidates = []
    for place, shard in enumerate(shard_names(paths.documents)):
        candidates.append(_candidates(paths, policy, shard, place, paired))
        if bar is not None:
            bar.advance()
    if not candidates:
        return {}
    table = pa.concat_tables(candidates)
    survivors = _survivors(table, pairs, rules)
    return _by_shard(table, survivors, shard_names(paths.documents))


_NO_PAIRS = pa.table(
    {
        "id_a": pa.array([], pa.string()),
        "id_b": pa.array([], pa.string()),
        "similarity": pa.array([], pa.float32()),
    }
)


def _candidates(paths: CorpusPaths, policy: Policy, shard: str, place: int, paired: "pa.ChunkedArray[Any]") -> pa.Table:
    """Documents of one shard that may be duplicates, with what decides between them."""
    names = [*policy.columns, "group", "group_size", "words", "classifier_score"]
    numbers = read_numbers(paths, shard, list(dict.fromkeys(names)))
    twins = numbers.column("group_size").to_numpy() > 1
    involved = twins | pc.is_in(numbers.column("id"), value_set=paired).to_numpy()
    passed = pa.chunked_array([pa.array(policy.judge(numbers).passed)])
    dates = read_shard(paths.documents, shard, ["date"]).column("date")
    table = pa.table(
        {
            "id": numbers.column("id"),
            "group": numbers.column("group"),
            "words": numbers.column("words").cast(pa.int64()),
            "quality": numbers.column("classifier_score").cast(pa.float64()),
            "date": dates,
            "eligible": passed,
            "shard": pa.array(np.full(numbers.num_rows, place, np.int64)),
            "row": pa.array(np.arange(numbers.num_rows, dtype=np.int64)),
        }
    )
    return table.filter(pa.array(involved))


def _survivors(table: pa.Table, pairs: pa.Table, rules: DuplicateRules) -> Survivors:
    groups = pc.rank(table.column("group"), tiebreaker="dense").to_numpy().astype(np.int64)
    ends = []
    for name in ("id_a", "id_b"):
        found = pc.index_in(pairs.column(name), value_set=table.column("id").combine_chunks())
        if found.null_count:
            raise DataError(
                "data/dedup/pairs names documents that data/documents does not have; run the stage dedup again."
            )
        ends.append(groups[found.to_numpy().astype(np.int64)])
    return resolve_duplicates(
        eligible=np.asarray(table.column("eligible").to_numpy(), dtype=np.bool_),
        rank=priority_rank(table, rules.priority),
        group=groups,
        pairs=np.stack(ends, axis=1),
        similarity=pairs.column("similarity").to_numpy().astype(np.float32),
        threshold=rules.threshold,
    )


def priority_rank(table: pa.Table, priority: Sequence[str]) -> NDArray[np.int64]:
    """Rank of each document, 0 the best. What is missing (no score, no date) comes last; the id breaks the last ties.

    Args:
        table: columns ``id``, ``quality``, ``words``, ``date``.
        priority: as ``curate.duplicates.priority``.
    """
    ids = pc.rank(table.column("id"), tiebreaker="first").to_numpy().astype(np.int64)
    keys: list[NDArray[np.float64] | NDArray[np.int64]] = []
    for name in priority:
        if name == "id":
            break
        if name == "quality":
            keys.append(np.nan_to_num(-column_values(table, "quality"), nan=np.inf))
        elif name == "length":
            keys.append(-table.column("words").to_numpy())
        else:
            keys.append(_date_key(table.column("date"), newest=name == "newest"))
    order = np.lexsort((ids, *reversed(keys)))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank


def _date_key(dates: "pa.ChunkedArray[Any]", *, newest: bool) -> NDArray[np.int64]:
    """ISO dates as numbers to sort by, the wanted first, missing ones last."""
    present = dates.is_valid().to_numpy()
    rank = pc.rank(dates, tiebreaker="dense").to_numpy().astype(np.int64)
    key = -rank if newest else rank
    return np.where(present, key, np.iinfo(np.int64).max)


def _by_shard(table: pa.Table, survivors: Survivors, names: list[str]) -> dict[str, Duplicates]:
    dropped = np.flatnonzero(survivors.dropped)
    shards = table.column("shard").to_numpy()[dropped]
    rows = table.column("row").to_numpy()[dropped]
    ids = table.column("id").combine_chunks()
    found = {}
    for place in np.unique(shards).tolist():
        here = np.flatnonzero(shards == place)
        here = here[np.argsort(rows[here])]
        found[names[place]] = Duplicates(
            rows=rows[here],
            evidence=[str(ids[index]) for index in survivors.evidence[dropped[here]].tolist()],
            similarity=survivors.similarity[dropped[here]],
            identical=survivors.identical[dropped[here]],
        )
    return found


def decide(policy: Policy, numbers: pa.Table, duplicates: Duplicates, rules: DuplicateRules) -> Fates:
    """Fates of the documents of a shard.

    Args:
        policy: the limits.
        numbers: of :func:`bessemer.corpus.read_numbers`.
        duplicates: the shard's, of :func:`find_duplicates` with the same policy and rules.
        rules: for the threshold that near duplicates are recorded with.
    """
    verdicts = policy.judge(numbers)
    value, threshold = verdicts.value.copy(), verdicts.threshold.copy()
    codes = verdicts.first.copy()
    names = [*verdicts.reasons, Reason.EXACT_DUPLICATE, Reason.NEAR_DUPLICATE]
    codes[duplicates.rows] = np.where(duplicates.identical, len(names) - 2, len(names) - 1)
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
    return Fates(reason.cast(pa.string()), value, threshold, pa.array(evidence, pa.string()), verdicts)


def judge_corpus(paths: CorpusPaths, policy: Policy, rules: DuplicateRules) -> Iterator[tuple[str, pa.Table, Fates]]:
    """Name, sidecars and fates of every shard, in the order of their names: what a run of ``curate`` would decide."""
    duplicates = find_duplicates(paths, policy, rules)
    for shard in shard_names(paths.documents):
        numbers = read_numbers(paths, shard)
        yield shard, numbers, decide(policy, numbers, duplicates.get(shard, Duplicates.none()), rules)


_EVALUATION_OF = {Reason.CONTAMINATED: "evaluation", Reason.EVALUATION_ITEM: "reverse_evaluation"}
"""The column that names the evaluation set which a reason was decided by."""
