"""What the ledger knows already: which limits each document breaks, so that only changed limits are asked again."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bessemer.corpus import CorpusPaths, read_batches
from bessemer.errors import DataError
from bessemer.filters.rules import PASSED, Policy, Reason, Rule
from bessemer.ledger_index import INDEX, LedgerIndex
from bessemer.look_alikes import LookAlikes
from bessemer.shards import directory_digest, read_manifest, write_json

POLICY = "_policy.json"
_NONE = np.int16(np.iinfo(np.int16).max)


def write_policy(directory: Path, policy: Policy) -> None:
    """Write the limits by which a ledger was made beside it."""
    write_json(directory / POLICY, {"languages": policy.languages, "rules": [_as_json(rule) for rule in policy.rules]})


@dataclass(frozen=True)
class Judged:
    """A policy of which the ledger has answered a part.

    Attributes:
        paths: of the corpus.
        policy: the whole of it.
        open: the rules that the ledger was not made by; of its languages too, if those are others.
        known: reason to its place in the policy, for what the ledger has answered.
    """

    paths: CorpusPaths
    policy: Policy
    open: Policy
    known: dict[Reason, int]

    @classmethod
    def of(cls, paths: CorpusPaths, policy: Policy) -> "Judged | None":
        """Compare a policy with that of the ledger; None if the ledger is of other numbers."""
        made_by = _policy_of_ledger(paths)
        if made_by is None:
            return None
        made_by_languages, made_by_rules = made_by
        same = {rule.reason for rule in policy.rules if _as_json(rule) in made_by_rules}
        languages = policy.languages
        if made_by_languages == languages:
            same.add(Reason.LANGUAGE)
            languages = None
        left = replace(
            policy, languages=languages, rules=tuple(rule for rule in policy.rules if rule.reason not in same)
        )
        return cls(paths, policy, left, {reason: policy.reasons.index(reason) for reason in same})

    def first(self, index: LedgerIndex) -> NDArray[np.int16]:
        """Shape (documents,): the place of the first limit of the policy that each document breaks; -1 for none."""
        found = [np.empty(0, np.int16)]
        answered = index.tables(["language", "reasons"])
        for table, (_, numbers) in zip(answered, read_batches(self.paths, self.open.columns), strict=True):
            first = self._from_ledger(table.column("reasons"))
            columns = {name: numbers.column(name) for name in self.open.columns}
            verdicts = self.open.judge(pa.table({"language": table.column("language"), **columns}))
            for column, reason in enumerate(verdicts.reasons):
                rows = np.flatnonzero(verdicts.broken[:, column])
                first[rows] = np.minimum(first[rows], self.policy.reasons.index(reason))
            first[first == _NONE] = PASSED
            found.append(first)
        return np.concatenate(found)

    def look_alikes(self) -> LookAlikes:
        """Those that were found when the ledger was made."""
        return LookAlikes.read(self.paths.ledger / INDEX)

    def _from_ledger(self, column: "pa.ChunkedArray[Any]") -> NDArray[np.int16]:
        found = [np.empty(0, np.int16)]
        for chunk in column.chunks:
            reasons = chunk.flatten()
            places = [self.known.get(Reason(name), _NONE) for name in reasons.dictionary.to_pylist()]
            places_of = np.array([*places, _NONE], np.int16)[np.append(reasons.indices.to_numpy(), len(places))]
            counts = chunk.value_lengths().to_numpy()
            starts = np.cumsum(counts) - counts
            first = np.minimum.reduceat(places_of, starts) if len(counts) else places_of[:0]
            first[counts == 0] = _NONE
            found.append(first)
        return np.concatenate(found)


def _as_json(rule: Rule) -> dict[str, object]:
    values = asdict(rule)
    return values | {
        "languages": None if rule.languages is None else sorted(rule.languages),
        "except_languages": sorted(rule.except_languages),
    }


def _policy_of_ledger(paths: CorpusPaths) -> tuple[tuple[str, ...] | None, list[dict[str, object]]] | None:
    """Languages and limits by which the ledger was made; None if they are not known, or were asked of other numbers."""
    try:
        made_from = read_manifest(paths.ledger).made_from
        inputs = {**paths.sidecars, "pairs": paths.pairs}
        if any(made_from.get(role) != directory_digest(directory) for role, directory in inputs.items()):
            return None
        read = json.loads((paths.ledger / POLICY).read_bytes())
        return None if read["languages"] is None else tuple(read["languages"]), read["rules"]
    except (DataError, OSError, ValueError, KeyError):
        return None
