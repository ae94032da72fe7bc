"""``bessemer dedup``: deduplication of any files, without the line."""

import json
import time
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from bessemer.config.dedup import DedupParams
from bessemer.config.read import parse
from bessemer.config.runtime import Runtime, load_runtime
from bessemer.config.sources import Columns
from bessemer.dedup.files import Outcome, duplicates_in_files
from bessemer.dedup.preflight import estimate, require_room
from bessemer.errors import ConfigError
from bessemer.readers.formats import format_of
from bessemer.shards import MANIFEST, write_bytes
from bessemer.stage import PARAMS, RunRecord, StageContext, load_sections

_ROOT = Path()
DOCUMENTS = Path("data/documents")
"""Where the line keeps what ``ingest`` made."""


def dedup_command(
    paths: Sequence[Path],
    out: Path,
    console: Console,
    *,
    floor: float | None,
    text_column: str,
    id_column: str | None,
    workers: int | None,
    as_json: bool,
) -> int:
    """Write the pairs of duplicates among the documents of ``paths`` to ``out`` and print what was found.

    Raises:
        ConfigError: there is no such file, or ``out`` has another ending than .parquet or .jsonl.
        DataError: a file cannot be read.
    """
    if out.suffix not in (".parquet", ".jsonl"):
        raise ConfigError(f"--out {out}: pairs are written as .parquet or .jsonl; give it one of these endings.")
    files = _files(paths)
    params, runtime = _settings(floor, workers)
    record = RunRecord(run="dedup", stage="dedup")
    stage = StageContext("dedup", {"dedup": params}, runtime, _ROOT.resolve(), record, "bessemer.dedup.files")
    started = time.monotonic()
    outcome = duplicates_in_files(files, Columns(text=text_column), id_column, params, stage)
    _write(out, outcome.pairs)
    summary = _summary(outcome, params) | {"seconds": round(time.monotonic() - started, 2)}
    if as_json:
        print(json.dumps(summary))
    else:
        console.print(_sentence(summary, out), markup=False)
    return 0


def dedup_forecast(root: Path) -> str:
    """What the stage ``dedup`` will take on the documents that ``ingest`` has made, in a sentence.

    Raises:
        ConfigError: it does not fit this machine.
    """
    documents = root / DOCUMENTS
    if not (documents / MANIFEST).exists():
        return "what dedup takes is known when `ingest` has run."
    params, runtime = _settings(None, None)
    needed = estimate(documents, params, runtime.resolved_workers)
    require_room(needed, root / runtime.cache_dir)
    return (
        f"dedup of {needed.documents:,} documents (≈ {needed.bytes / 1e6:,.0f} MB of text) with {needed.workers} "
        f"workers takes about {needed.seconds:,.0f} s, {needed.memory / 1e9:.1f} GB of memory and "
        f"{needed.disk / 1e9:.2f} GB of disk, if nothing is cached."
    )


def _files(paths: Sequence[Path]) -> list[Path]:
    if not paths:
        raise ConfigError("bessemer dedup needs files: name at least one, or a folder of them.")
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith(("_", ".")))
            found.extend(inside)
        elif path.is_file():
            found.append(path)
        else:
            raise ConfigError(f"{path} does not exist; name files or folders of documents.")
    if not found:
        raise ConfigError(f"{paths[0]} holds no file; name files or folders of documents.")
    for file in found:
        format_of(file.name)
    return found


def _settings(floor: float | None, workers: int | None) -> tuple[DedupParams, Runtime]:
    """Those of the checkout, where there is one, with what the command line changes."""
    stored = load_sections(_ROOT, {"dedup": DedupParams})["dedup"] if (_ROOT / PARAMS).exists() else DedupParams()
    values = stored.model_dump() | ({} if floor is None else {"floor": floor})
    runtime = load_runtime(_ROOT)
    if workers is not None:
        runtime = runtime.model_copy(update={"workers": workers})
    return parse(DedupParams, values, "--floor", "dedup"), runtime


def _write(out: Path, pairs: pa.Table) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix == ".parquet":
        temporary = out.with_name(f".{out.name}.tmp")
        pq.write_table(pairs, temporary, compression="zstd")
        temporary.replace(out)
    else:
        write_bytes(out, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in pairs.to_pylist()).encode())


def _summary(outcome: Outcome, params: DedupParams) -> dict[str, int | float]:
    found = outcome.found
    return {
        "documents": len(found.corpus),
        "bytes": found.bytes,
        "unreadable_records": outcome.unreadable,
        "exact_copies": len(found.corpus) - len(found.groups.representative),
        "candidate_pairs": found.near.candidates,
        "verified_pairs": len(found.near.pairs),
        "floor": params.floor,
    }


def _sentence(summary: dict[str, int | float], out: Path) -> str:
    lost = f"; {summary['unreadable_records']:,} records could not be read" if summary["unreadable_records"] else ""
    return (
        f"{summary['documents']:,} documents ({summary['bytes'] / 1e6:,.1f} MB) in {summary['seconds']:,} s: "
        f"{summary['exact_copies']:,} exact copies, {summary['verified_pairs']:,} pairs similar to at least "
        f"{summary['floor']:g}{lost}.\npairs: {out}"
    )
