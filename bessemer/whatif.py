"""What if: the fates that other parameters of ``curate`` would give, from the stored numbers, without a run."""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import yaml
from numpy.typing import NDArray

from bessemer.calibration import read_cut
from bessemer.config.curate import CurateParams
from bessemer.config.dedup import DedupParams
from bessemer.config.read import parse, read_yaml
from bessemer.corpus import CorpusPaths
from bessemer.errors import ConfigError
from bessemer.fates import check_threshold, judge_corpus
from bessemer.filters.rules import Policy, Reason
from bessemer.ledger_index import LedgerIndex
from bessemer.personal_data import require_counted
from bessemer.side_by_side import Amount, Example, SideBySide, bytes_per_token, with_beginnings

_SECTION = "curate"
_NAMED = ["source", "reason", "language"]
_SCATTER = np.uint64(0x9E3779B97F4A7C15)
"""2^64 by the golden ratio: multiples of it, modulo 2^64, lie evenly (Knuth, The Art of Computer Programming, 6.4)."""


def parse_changes(changes: Iterable[str]) -> dict[str, Any]:
    """``key=value`` with values in YAML, as typed on a command line.

    Raises:
        ConfigError: one is not of that form.
    """
    parsed = {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals or not name.strip():
            raise ConfigError(f"{change!r} is not a change; write it as key=value, for example length.min_words=50.")
        try:
            parsed[name.strip().removeprefix(f"{_SECTION}.")] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise ConfigError(f"{change!r}: the value is not YAML.") from None
    return parsed


def what_if(root: Path, changes: Mapping[str, Any], *, examples: int = 5) -> SideBySide:
    """Repeat the policy and the choice of survivors with changed parameters, and compare with the ledger.

    Args:
        root: of a checkout in which ``curate`` has run.
        changes: dotted names below ``curate`` to values.
        examples: documents named in the answer.

    Raises:
        ConfigError: a name is no parameter of ``curate``, or a value is out of bounds.
        DataError: a stage before ``curate``, or ``curate`` itself, has not run.
    """
    values = read_yaml(root / "params.yaml")
    section = changed_section(values.get(_SECTION) or {}, changes)
    params = parse(CurateParams, section, "whatif", _SECTION)
    check_threshold(params.duplicates, parse(DedupParams, values.get("dedup") or {}, "params.yaml", "dedup").floor)
    paths = CorpusPaths().under(root)
    require_counted(paths, params.pii)
    policy = Policy.from_params(params, read_cut(paths.calibration))

    index = LedgerIndex(paths)
    reasons, codes = judge_corpus(paths, index, policy, params.duplicates)
    answer = SideBySide(_title(changes), bytes_per_token=bytes_per_token(root))
    moved: list[tuple[int, int, Example]] = []
    before = 0
    for table in index.tables([*_NAMED, "bytes"]):
        beside = _BesideLedger(table, codes[before : before + table.num_rows], reasons)
        beside.count(answer)
        moved += beside.some_moved(before, examples)
        before += table.num_rows
    chosen = []
    for _, row, one in heapq.nsmallest(examples, moved):
        place = index.at(row)
        chosen.append(replace(one, id=place.id, shard=place.shard, row=place.row))
    answer.examples.extend(with_beginnings(paths.documents, sorted(chosen)))
    return answer


class _BesideLedger:
    """The fates of some documents, now and then, as places among the names of reasons; -1 for kept."""

    def __init__(self, ledger: pa.Table, codes: NDArray[np.int16], reasons: list[Reason]) -> None:
        self._bytes = ledger.column("bytes")
        (self._source, self._sources), (self._now, self._reasons_now), (self._language, self._languages) = (
            _coded(ledger.column(name)) for name in _NAMED
        )
        self._then = codes.astype(np.int64)
        self._reasons_then = [reason.value for reason in reasons]

    def count(self, answer: SideBySide) -> None:
        """Add documents and bytes to an answer."""
        names = (self._reasons_now, self._reasons_then, self._sources, self._languages)
        sizes = [len(known) + 1 for known in names]
        places = (self._now, self._then, self._source, self._language)
        key = np.ravel_multi_index([column + 1 for column in places], sizes)
        table = pa.table({"key": key, "bytes": self._bytes})
        counted = table.group_by("key").aggregate([("bytes", "count"), ("bytes", "sum")])
        rows = zip(*(counted.column(name).to_pylist() for name in ("key", "bytes_count", "bytes_sum")), strict=True)
        for number, documents, size in rows:
            now, then, source, language = (int(place) for place in np.unravel_index(number, sizes))
            answer.add(
                ["", *self._reasons_now][now],
                ["", *self._reasons_then][then],
                self._sources[source - 1],
                self._languages[language - 1] if language else None,
                Amount(documents, size),
            )

    def some_moved(self, before: int, count: int) -> list[tuple[int, int, Example]]:
        """Of the documents that change sides, those whose rows come first when scattered: with key, row and no place.

        Args:
            before: documents of the corpus before these.
            count: how many.
        """
        rows = np.flatnonzero((self._now < 0) != (self._then < 0))
        scattered = (rows + before).astype(np.uint64) * _SCATTER
        first = np.argsort(scattered)[:count]
        found = []
        for key, row in zip(scattered[first].tolist(), rows[first].tolist(), strict=True):
            now, then = (["", *self._reasons_now][self._now[row] + 1], ["", *self._reasons_then][self._then[row] + 1])
            source = self._sources[self._source[row]]
            found.append((key, row + before, Example("", now, then, source, "", 0)))
        return found


def _coded(column: "pa.ChunkedArray[Any]") -> tuple[NDArray[np.int64], list[str]]:
    """Places of the values of a dictionary column among their names; -1 for null."""
    chunks = [chunk.indices.fill_null(-1).to_numpy().astype(np.int64) for chunk in column.chunks]
    names = column.chunk(0).dictionary.to_pylist() if chunks else []
    return np.concatenate([np.empty(0, np.int64), *chunks]), names


def changed_section(section: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a section of parameters with values put in by dotted name."""
    result = dict(section)
    for name, value in changes.items():
        first, _, rest = name.partition(".")
        if rest:
            inner = result.get(first)
            result[first] = changed_section(inner if isinstance(inner, Mapping) else {}, {rest: value})
        else:
            result[first] = value
    return result


def _title(changes: Mapping[str, Any]) -> str:
    changed = ", ".join(f"{name} = {_shown(value)}" for name, value in changes.items())
    return f"curate with {changed or 'nothing changed'}"


def _shown(value: object) -> str:
    return yaml.safe_dump(value, default_flow_style=True).removesuffix("\n").removesuffix("\n...")
