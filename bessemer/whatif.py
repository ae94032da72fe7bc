"""What if: the fates that other parameters of ``curate`` would give, from the stored numbers, without a run."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from bessemer.config.curate import CurateParams
from bessemer.config.dedup import DedupParams
from bessemer.config.read import parse, read_yaml
from bessemer.corpus import CorpusPaths
from bessemer.errors import ConfigError, DataError
from bessemer.fates import check_threshold, judge_corpus, read_cut
from bessemer.filters.rules import Policy, Reason
from bessemer.ledger import Fate
from bessemer.personal_data import require_counted
from bessemer.reporting.numbers import byte_size, count
from bessemer.shards import read_shard

_SECTION = "curate"


@dataclass(frozen=True)
class Amount:
    """Documents and UTF-8 bytes of their ingested texts."""

    documents: int = 0
    bytes: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.documents + other.documents, self.bytes + other.bytes)


@dataclass(frozen=True)
class WhatIf:
    """The corpus as it is beside the corpus as it would be.

    Attributes:
        changes: the parameters that differ, below ``curate``.
        moves: reason now and reason then (empty: kept) to amount.
        sources: source to what is kept of it now and then.
        examples: ids of documents whose fate changes, the smallest ones, with reason now and then.
    """

    changes: Mapping[str, Any]
    moves: Mapping[tuple[str, str], Amount]
    sources: Mapping[str, tuple[Amount, Amount]]
    examples: list[tuple[str, str, str]]

    @property
    def kept(self) -> tuple[Amount, Amount]:
        """What is kept now and then."""
        return self.by_reason("")

    @property
    def gained(self) -> Amount:
        """Dropped now, kept then."""
        return sum((item for (now, then), item in self.moves.items() if now and not then), Amount())

    @property
    def lost(self) -> Amount:
        """Kept now, dropped then."""
        return sum((item for (now, then), item in self.moves.items() if then and not now), Amount())

    def by_reason(self, reason: str) -> tuple[Amount, Amount]:
        """Documents with ``reason`` now and then; empty: kept."""
        now = sum((item for (old, _), item in self.moves.items() if old == reason), Amount())
        then = sum((item for (_, new), item in self.moves.items() if new == reason), Amount())
        return now, then

    def render(self) -> str:
        """Plain text for a terminal."""
        changed = ", ".join(f"{name} = {_shown(value)}" for name, value in self.changes.items())
        lines = [f"curate with {changed or 'nothing changed'}", ""]
        names = [
            "",
            *(reason.value for reason in Reason if any(item.documents for item in self.by_reason(reason.value))),
        ]
        rows = [[name or "kept", *_pair(self.by_reason(name))] for name in names]
        lines += _columns([["", "documents now", "then", "change", "bytes now", "then"], *rows])
        lines += [
            "",
            *_columns([["kept of", "documents now", "then", "change", "bytes now", "then"], *self._source_rows()]),
        ]
        lines += ["", f"{count(self.gained.documents)} documents come back, {count(self.lost.documents)} leave."]
        lines += [f"  {id_}  {now or 'kept'} → {then or 'kept'}" for id_, now, then in self.examples]
        return "\n".join(lines)

    def _source_rows(self) -> list[list[str]]:
        return [[name, *_pair(amounts)] for name, amounts in sorted(self.sources.items())]


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


def what_if(root: Path, changes: Mapping[str, Any], *, examples: int = 5) -> WhatIf:
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

    moves: dict[tuple[str, str], Amount] = {}
    sources: dict[str, tuple[Amount, Amount]] = {}
    moved: list[tuple[str, str, str]] = []
    for shard, numbers, fates in judge_corpus(paths, policy, params.duplicates):
        table = _beside_ledger(paths, shard, numbers, fates.reason)
        for (now, then, source), amount in _grouped(table).items():
            moves[now, then] = moves.get((now, then), Amount()) + amount
            before, after = sources.get(source, (Amount(), Amount()))
            sources[source] = (before if now else before + amount, after if then else after + amount)
        moved = sorted([*moved, *_moved(table)])[:examples]
    return WhatIf(dict(changes), dict(sorted(moves.items())), dict(sorted(sources.items())), moved)


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


def _beside_ledger(paths: CorpusPaths, shard: str, numbers: pa.Table, reason: "pa.Array[Any]") -> pa.Table:
    ledger = read_shard(paths.ledger, shard, ["id", "source", "fate", "reason", "bytes"])
    if not ledger.column("id").equals(numbers.column("id")):
        raise DataError(f"{paths.ledger / shard}.parquet is of other documents; run the stage curate first.")
    now = ["" if fate == Fate.KEPT else old for fate, old in zip(*_lists(ledger, "fate", "reason"), strict=True)]
    then = [item or "" for item in reason.to_pylist()]
    return ledger.select(["id", "source", "bytes"]).append_column("now", [now]).append_column("then", [then])


def _lists(table: pa.Table, *names: str) -> list[list[Any]]:
    return [table.column(name).to_pylist() for name in names]


def _grouped(table: pa.Table) -> dict[tuple[str, str, str], Amount]:
    grouped = table.group_by(["now", "then", "source"]).aggregate([("bytes", "count"), ("bytes", "sum")])
    rows = zip(*_lists(grouped, "now", "then", "source", "bytes_count", "bytes_sum"), strict=True)
    return {(now, then, source): Amount(documents, size) for now, then, source, documents, size in rows}


def _moved(table: pa.Table) -> list[tuple[str, str, str]]:
    rows = zip(*_lists(table, "id", "now", "then"), strict=True)
    return [(id_, now, then) for id_, now, then in rows if bool(now) != bool(then)]


def _pair(amounts: tuple[Amount, Amount]) -> list[str]:
    now, then = amounts
    change = then.documents - now.documents
    return [
        count(now.documents),
        count(then.documents),
        f"{change:+,}" if change else "",
        byte_size(now.bytes),
        byte_size(then.bytes),
    ]


def _shown(value: object) -> str:
    return yaml.safe_dump(value, default_flow_style=True).removesuffix("\n").removesuffix("\n...")


def _columns(rows: list[list[str]]) -> list[str]:
    """Rows as aligned text: the first column to the left, numbers to the right."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
