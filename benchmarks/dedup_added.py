"""What it costs to add one percent of new documents: the stage with what an earlier run left in its cache."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from benchmarks.dedup_stage import new_project, run_in
from benchmarks.tables import Table
from bessemer.shards import directory_digest, read_manifest, read_shard, write_manifest, write_shard

SHARE = 0.01
_RESULTS = (Path("data/dedup/exact"), Path("data/dedup/pairs"))


@dataclass(frozen=True)
class Added:
    """Seconds of the stage, from the start of its process to its end.

    Attributes:
        empty_s: on a corpus without documents, nothing cached.
        full_s: on all documents, nothing cached.
        added_s: on all documents after a run on 99 % of them.
        same: the last two wrote the same bytes.
    """

    empty_s: float
    full_s: float
    added_s: float
    same: bool

    @property
    def share(self) -> float:
        """What adding cost beyond an empty run, of the full run."""
        return (self.added_s - self.empty_s) / self.full_s


def measure_added(documents: Path, workers: int, scratch: Path) -> Added:
    """Run the stage on nothing, on all, and on all after most; the last percent of the documents is a shard of its own.

    Args:
        documents: a shard directory.
        workers: processes of the stage.
        scratch: where to make folders.
    """
    before, after = scratch / "before", scratch / "after"
    _split(documents, before, after)
    nothing = scratch / "nothing"
    write_manifest(nothing, [], {})
    empty_s, _, _ = run_in(new_project(scratch, workers), nothing)
    root = new_project(scratch, workers)
    full_s, _, _ = run_in(root, after)
    full = [directory_digest(root / result) for result in _RESULTS]
    root = new_project(scratch, workers)
    run_in(root, before)
    added_s, _, _ = run_in(root, after)
    added = [directory_digest(root / result) for result in _RESULTS]
    for folder in (before, after, nothing, root):
        shutil.rmtree(folder)
    return Added(empty_s, full_s, added_s, full == added)


def _split(documents: Path, before: Path, after: Path) -> None:
    """Folders with 99 % of the documents, by bytes of text, and with all."""
    *most, last = read_manifest(documents).shards
    sizes = [pc.sum(pc.binary_length(read_shard(documents, one.name, ["text"]).column("text"))).as_py() for one in most]
    table = read_shard(documents, last.name)
    own = np.cumsum(pc.binary_length(table.column("text")).to_numpy())
    cut = int(np.searchsorted(own, own[-1] - SHARE * (sum(sizes) + int(own[-1]))))
    for folder, whole in ((before, False), (after, True)):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for one in most:
            (folder / f"{one.name}.parquet").hardlink_to(documents / f"{one.name}.parquet")
        parts = [write_shard(folder, last.name, table.slice(0, cut))]
        if whole:
            parts.append(write_shard(folder, f"{last.name}-added", table.slice(cut)))
        write_manifest(folder, [*most, *parts], {"made_by": "benchmarks.dedup_added"})


def added_table(added: Added) -> Table:
    """One row a run."""
    rows = [
        ["no documents, nothing cached", f"{added.empty_s:.2f}", ""],
        ["all documents, nothing cached", f"{added.full_s:.2f}", ""],
        ["all documents after a run on 99 %", f"{added.added_s:.2f}", f"{added.share:.1%}"],
    ]
    same = "the same bytes" if added.same else "OTHER BYTES"
    return Table(
        "One percent added",
        f"The stage with what a run on 99 % of the documents left in the cache; it wrote {same} as the full run.",
        ["run", "seconds", "beyond an empty run, of the full run"],
        rows,
    )
