"""What the ledger knows already: which limits each document breaks, so that only changed limits are asked again."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bessemer.corpus import CorpusPaths
from bessemer.errors import DataError
from bessemer.filters.rules import PASSED, Policy, Reason, Rule
from bessemer.shards import ShardInfo, directory_digest, read_manifest, read_shards, write_json

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
    def of(cls, paths: CorpusPaths, policy: Policy) -> "Judged":
        """Compare a policy with that of the ledger. If the ledger is of other numbers, nothing is known."""
        made_by = _policy_of_ledger(paths)
        if made_by is None:
            return cls(paths, policy, policy, {})
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

    def first(self, shards: Sequence[ShardInfo], numbers: pa.Table) -> NDArray[np.int16]:
        """Shape (documents,): the place of the first limit of the policy that each document breaks; -1 for none.

        Args:
            shards: of the corpus.
            numbers: of their documents: ``language`` and the columns of ``open``.
        """
        first = self._from_ledger(shards) if self.known else np.full(numbers.num_rows, _NONE, np.int16)
        verdicts = self.open.judge(numbers)
        for column, reason in enumerate(verdicts.reasons):
            rows = np.flatnonzero(verdicts.broken[:, column])
            first[rows] = np.minimum(first[rows], self.policy.reasons.index(reason))
        first[first == _NONE] = PASSED
        return first

    def _from_ledger(self, shards: Sequence[ShardInfo]) -> NDArray[np.int16]:
        names = [shard.name for shard in shards]
        column = read_shards(self.paths.ledger, names, ["reasons"]).column("reasons")
        found = [np.empty(0, np.int16)]
        for chunk in column.chunks:
            reasons = chunk.flatten().dictionary_encode()
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
        if any(made_from.get(role) != directory_digest(directory) for role, directory in paths.sidecars.items()):
            return None
        read = json.loads((paths.ledger / POLICY).read_bytes())
        return None if read["languages"] is None else tuple(read["languages"]), read["rules"]
    except (DataError, OSError, ValueError, KeyError):
        return None
