"""What if: the fates that other parameters of ``curate`` would give, from the stored numbers, without a run."""

import heapq
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import yaml
from numpy.typing import NDArray

from bessemer.config.curate import CurateParams
from bessemer.config.dedup import DedupParams
from bessemer.config.read import parse, read_yaml
from bessemer.corpus import CorpusPaths, batches
from bessemer.dedup.corpus import read_some_texts
from bessemer.errors import ConfigError
from bessemer.fates import check_threshold, judge_corpus, read_cut
from bessemer.filters.rules import Policy, Reason
from bessemer.personal_data import require_counted
from bessemer.reporting.numbers import byte_size, count
from bessemer.shards import ShardInfo, read_shards, require_made_from

_SECTION = "curate"
_LANGUAGES_SHOWN = 10
_BEGINNING_CHARACTERS = 100


@dataclass(frozen=True)
class Amount:
    """Documents and UTF-8 bytes of their ingested texts."""

    documents: int = 0
    bytes: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.documents + other.documents, self.bytes + other.bytes)


@dataclass(frozen=True, order=True)
class Example:
    """A document that changes sides: its id, its reasons now and then (empty: kept), its place, and how it begins."""

    id: str
    now: str
    then: str
    source: str
    shard: str
    row: int
    beginning: str = ""


@dataclass(frozen=True)
class WhatIf:
    """The corpus as it is beside the corpus as it would be.

    Attributes:
        changes: the parameters that differ, below ``curate``.
        bytes_per_token: by which bytes are shown as tokens; None if no tokenizer was trained.
        moves: reason now and reason then (empty: kept) to amount.
        sources: source to what is kept of it now and then.
        languages: likewise.
        examples: documents that change sides, those with the smallest ids.
    """

    changes: Mapping[str, Any]
    bytes_per_token: float | None = None
    moves: dict[tuple[str, str], Amount] = field(default_factory=dict)
    sources: dict[str, tuple[Amount, Amount]] = field(default_factory=dict)
    languages: dict[str, tuple[Amount, Amount]] = field(default_factory=dict)
    examples: list[Example] = field(default_factory=list)

    def add(self, now: str, then: str, source: str, language: str | None, documents: int, size: int) -> None:
        """Count documents of one kind."""
        amount, nothing = Amount(documents, size), Amount()
        self.moves[now, then] = self.moves.get((now, then), nothing) + amount
        for kept, name in ((self.sources, source), (self.languages, language or "unknown")):
            before, after = kept.get(name, (nothing, nothing))
            kept[name] = (before if now else before + amount, after if then else after + amount)

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
        reasons = [reason.value for reason in Reason if any(item.documents for item in self.by_reason(reason.value))]
        lines += self._table("", [(name or "kept", self.by_reason(name)) for name in ["", *reasons]])
        lines += ["", *self._table("kept of", sorted(self.sources.items()))]
        by_size = sorted(self.languages.items(), key=lambda item: (-item[1][0].bytes, item[0]))
        lines += ["", *self._table("kept in", by_size[:_LANGUAGES_SHOWN])]
        if len(by_size) > _LANGUAGES_SHOWN:
            lines.append(f"and {len(by_size) - _LANGUAGES_SHOWN} more languages")
        lines += ["", f"{count(self.gained.documents)} documents come back, {count(self.lost.documents)} leave."]
        for one in self.examples:
            lines.append(f"  {one.id}  {one.source}: {one.now or 'kept'} → {one.then or 'kept'}")
            lines.append(f"    {one.beginning}")
        return "\n".join(lines)

    def _table(self, label: str, rows: Sequence[tuple[str, tuple[Amount, Amount]]]) -> list[str]:
        heading = [label, "documents now", "then", "change", "bytes now", "then"]
        tokens = [] if self.bytes_per_token is None else ["≈ tokens now", "then"]
        return _columns([[*heading, *tokens], *([name, *_pair(pair), *self._tokens(pair)] for name, pair in rows)])

    def _tokens(self, amounts: tuple[Amount, Amount]) -> list[str]:
        if self.bytes_per_token is None:
            return []
        return [count(round(amount.bytes / self.bytes_per_token)) for amount in amounts]


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

    require_made_from(paths.ledger, paths.documents, "curate")
    reasons, codes = judge_corpus(paths, policy, params.duplicates)
    compared = [_beside_ledger(paths, batch, codes, reasons, examples) for batch in batches(paths)]
    answer = WhatIf(dict(changes), bytes_per_token=_bytes_per_token(root))
    for counted, _ in compared:
        for row in counted.to_pylist():
            answer.add(row["now"], row["then"], row["source"], row["language"], row["bytes_count"], row["bytes_sum"])
    moved = heapq.nsmallest(examples, (example for _, found in compared for example in found))
    answer.examples.extend(_with_beginnings(paths, moved))
    return answer


def _beside_ledger(
    paths: CorpusPaths,
    shards: list[ShardInfo],
    codes: Mapping[str, NDArray[np.int16]],
    reasons: list[Reason],
    examples: int,
) -> tuple[pa.Table, list[Example]]:
    """Documents and bytes of some shards by fate now and then, source and language; and the first that change sides."""
    names = [shard.name for shard in shards]
    ledger = read_shards(paths.ledger, names, ["source", "reason", "language", "bytes"])
    places = np.concatenate([codes[name] for name in names])
    then = pa.DictionaryArray.from_arrays(places, pa.array(reasons, pa.string()), mask=places < 0).cast(pa.string())
    now = pc.fill_null(ledger.column("reason"), "")
    table = ledger.drop_columns(["reason"]).append_column("now", now).append_column("then", pc.fill_null(then, ""))
    groups = table.group_by(["now", "then", "source", "language"])
    moved = pc.xor(pc.equal(now, ""), pc.equal(table.column("then"), ""))
    rows = np.flatnonzero(moved.to_numpy())
    found = _first_examples(paths, shards, rows, table, examples) if len(rows) and examples else []
    return groups.aggregate([("bytes", "count"), ("bytes", "sum")]), found


def _first_examples(
    paths: CorpusPaths, shards: list[ShardInfo], rows: NDArray[np.int64], table: pa.Table, examples: int
) -> list[Example]:
    """Of the documents in ``rows``, those with the smallest ids."""
    ids = read_shards(paths.ledger, [shard.name for shard in shards], ["id"]).take(pa.array(rows))
    first = pc.select_k_unstable(ids, examples, sort_keys=[("id", "ascending")])
    chosen = rows[first.to_numpy()]
    starts = np.cumsum([0, *(shard.rows for shard in shards)])
    places = np.searchsorted(starts, chosen, "right") - 1
    found = []
    for id_, row, place in zip(ids.column("id").take(first).to_pylist(), chosen.tolist(), places.tolist(), strict=True):
        now, then, source = (table.column(name)[row].as_py() for name in ("now", "then", "source"))
        found.append(Example(id_, now, then, source, shards[place].name, row - int(starts[place])))
    return found


def _with_beginnings(paths: CorpusPaths, examples: list[Example]) -> Iterator[Example]:
    for one in examples:
        text = read_some_texts(paths.documents, one.shard, np.array([one.row]))[0].as_py()
        yield replace(one, beginning=" ".join(text[:_BEGINNING_CHARACTERS].split()))


def _bytes_per_token(root: Path) -> float | None:
    """Of the tokenizer that was trained on what is kept now, if there is one."""
    try:
        return float(json.loads((root / "reports/tokenizer/metrics.json").read_bytes())["bytes_per_token"])
    except (OSError, ValueError, KeyError):
        return None


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
