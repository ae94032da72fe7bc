"""What if: the fates that other parameters of ``curate`` would give, from the stored numbers, without a run."""

import heapq
from collections.abc import Iterable, Mapping
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
from bessemer.errors import ConfigError
from bessemer.fates import check_threshold, judge_corpus, read_cut
from bessemer.filters.rules import Policy, Reason
from bessemer.personal_data import require_counted
from bessemer.shards import ShardInfo, read_shards, require_made_from
from bessemer.side_by_side import Amount, Example, SideBySide, bytes_per_token, with_beginnings

_SECTION = "curate"


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

    require_made_from(paths.ledger, paths.documents, "curate")
    reasons, codes = judge_corpus(paths, policy, params.duplicates)
    compared = [_beside_ledger(paths, batch, codes, reasons, examples) for batch in batches(paths)]
    answer = SideBySide(_title(changes), bytes_per_token=bytes_per_token(root))
    for counted, _ in compared:
        for row in counted.to_pylist():
            amount = Amount(row["bytes_count"], row["bytes_sum"])
            answer.add(row["now"], row["then"], row["source"], row["language"], amount)
    moved = heapq.nsmallest(examples, (example for _, found in compared for example in found))
    answer.examples.extend(with_beginnings(paths.documents, moved))
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
