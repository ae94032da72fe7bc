"""The whole `dedup` stage as its own process: time, memory, disk, and whether what it says is true."""

import random
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from benchmarks import ours
from benchmarks.processes import run_measured, run_timed
from benchmarks.tables import Table
from benchmarks.workers import ROOT
from bessemer.shards import read_directory, read_shard, shard_names

_COMMAND = (sys.executable, "-m", "stages.dedup")


@dataclass(frozen=True)
class StageRun:
    """A run of the stage.

    Attributes:
        text_bytes: UTF-8 bytes of the documents.
        documents: how many.
        pairs: verified pairs.
        wall_s: from the start of the process to its end.
        memory: most bytes in memory of all its processes together, shared pages counted once (PSS; RSS where the
            system does not tell), looked at every 0.2 s.
        disk: most bytes in its folders at a time, the documents not counted.
        checked: verified pairs that were compared with the truth.
        precision: share of these whose true similarity is at least the floor; None if there are none.
        largest_error: of the similarities that the stage stored for them.
    """

    text_bytes: int
    documents: int
    pairs: int
    wall_s: float
    memory: int
    disk: int
    checked: int
    precision: float | None
    largest_error: float

    @property
    def mb_per_s(self) -> float:
        """10^6 UTF-8 bytes a second."""
        return self.text_bytes / self.wall_s / 1e6


def run_stage_on(documents: Path, workers: int, scratch: Path, *, check: int = 0) -> StageRun:
    """Run the stage on a folder of documents in a project folder of its own, with nothing cached.

    Args:
        documents: a shard directory.
        workers: processes of the stage.
        scratch: where to make the project folder; it is removed at the end.
        check: pairs to compare with the truth.

    Raises:
        RuntimeError: the stage failed; what it said is on standard error.
    """
    root = new_project(scratch, workers)
    seconds, memory, disk = run_in(root, documents)
    count, text_bytes = _extent(documents)
    verified = _verified_pairs(root)
    sample = random.Random(0).sample(verified, min(check, len(verified)))
    truth = _true_similarities(documents, sample)
    shutil.rmtree(root)
    return StageRun(
        text_bytes=text_bytes,
        documents=count,
        pairs=len(verified),
        wall_s=seconds,
        memory=memory,
        disk=disk,
        checked=len(sample),
        precision=sum(value >= ours.PARAMS.floor for value in truth) / len(truth) if truth else None,
        largest_error=max((abs(row[2] - value) for row, value in zip(sample, truth, strict=True)), default=0.0),
    )


def new_project(scratch: Path, workers: int) -> Path:
    """A project folder without documents, results or cache."""
    root = scratch / "project"
    shutil.rmtree(root, ignore_errors=True)
    (root / "data").mkdir(parents=True)
    shutil.copy(ROOT / "params.yaml", root)
    (root / "runtime.yaml").write_text(yaml.safe_dump({"workers": workers}))
    return root


def run_in(root: Path, documents: Path) -> tuple[float, int, int]:
    """Run the stage on a folder of documents, with what the project has cached.

    Returns:
        Wall seconds, most bytes in memory, most bytes on disk.

    Raises:
        RuntimeError: the stage failed; what it said is on standard error.
    """
    _prepare(root, documents)
    process = run_measured(_COMMAND, root)
    return process.seconds, process.memory, process.disk


def time_in(root: Path, documents: Path) -> float:
    """Wall seconds of the stage on a folder of documents, with what the project has cached.

    Raises:
        subprocess.CalledProcessError: the stage failed; what it said is on standard error.
    """
    _prepare(root, documents)
    return run_timed(_COMMAND, root)[0]


def _prepare(root: Path, documents: Path) -> None:
    shutil.rmtree(root / "data" / "dedup", ignore_errors=True)  # as DVC does before a stage
    (root / "data" / "documents").unlink(missing_ok=True)
    (root / "data" / "documents").symlink_to(documents.resolve())


def _extent(documents: Path) -> tuple[int, int]:
    count = size = 0
    for name in shard_names(documents):
        text = read_shard(documents, name, ["text"]).column("text")
        count += len(text)
        size += pc.sum(pc.binary_length(text)).as_py() or 0
    return count, size


def _verified_pairs(root: Path) -> list[tuple[str, str, float]]:
    table = read_directory(root / "data" / "dedup" / "pairs", ["id_a", "id_b", "similarity"])
    return list(zip(*(table.column(name).to_pylist() for name in ("id_a", "id_b", "similarity")), strict=True))


def _true_similarities(documents: Path, pairs: Sequence[tuple[str, str, float]]) -> list[float]:
    """Jaccard similarities by sets of tuples of words."""
    wanted = pa.array(sorted({document for a, b, _ in pairs for document in (a, b)}), pa.string())
    shingles = {}
    for name in shard_names(documents):
        table = read_shard(documents, name, ["id", "text"])
        here = table.filter(pc.is_in(table.column("id"), value_set=wanted))
        for document, text in zip(here.column("id").to_pylist(), here.column("text").to_pylist(), strict=True):
            shingles[document] = ours.word_set(text)
    sets = [(shingles[a], shingles[b]) for a, b, _ in pairs]
    return [len(first & second) / len(first | second) for first, second in sets]


def stage_table(title: str, runs: Sequence[StageRun], workers: int) -> Table:
    """One row a run."""
    rows = [
        [
            f"{run.text_bytes / 1e6:,.0f}",
            f"{run.documents:,}",
            f"{run.pairs:,}",
            f"{run.wall_s:.1f}",
            f"{run.mb_per_s:.1f}",
            f"{run.memory / 1e6:,.0f}",
            f"{run.disk / 1e6:,.0f}",
        ]
        for run in runs
    ]
    return Table(
        title,
        f"`python -m stages.dedup` with {workers} workers and an empty cache, from its start to its end; peak memory "
        "of all its processes together (PSS where the system tells), peak disk beside the documents.",
        ["MB of text", "documents", "pairs", "seconds", "MB/s", "memory MB", "disk MB"],
        rows,
    )
