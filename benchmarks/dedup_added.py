"""What it costs to add one percent of new documents as files of their own, after a run on the others."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.dedup_stage import new_project, time_in
from benchmarks.tables import Table
from bessemer.shards import directory_digest, read_manifest, read_shard, write_manifest, write_shard

SHARE = 0.01
_RESULTS = (Path("data/dedup/exact"), Path("data/dedup/pairs"))


@dataclass(frozen=True)
class Added:
    """Seconds of the stage, from the start of its process to its end.

    Attributes:
        new: share of the text that is new.
        empty_s: on a corpus without documents, nothing cached.
        full_s: on all documents, nothing cached.
        added_s: on all documents after a run on those that are not new.
        beyond_s: what an adding run took more than the empty run just before or after it.
        same: full and adding runs wrote the same bytes.
        rounds: full runs of which these are the medians.
        pairs: runs of the other two of which these are the medians.
    """

    new: float
    empty_s: float
    full_s: float
    added_s: float
    beyond_s: float
    same: bool
    rounds: int
    pairs: int

    @property
    def share(self) -> float:
        """What adding cost beyond an empty run, of the full run."""
        return self.beyond_s / self.full_s


def measure_added(documents: Path, workers: int, scratch: Path, rounds: int = 5, pairs: int = 4) -> Added:
    """Run the stage on nothing, on all, and on all after most; the last percent of the text is in files of its own.

    The cost is the small difference of two runs on a machine whose speed changes, so they follow each other,
    in changing order, and there are many pairs.

    Args:
        documents: a shard directory.
        workers: processes of the stage.
        scratch: where to make folders.
        rounds: of a full run and the pairs that follow it.
        pairs: of an empty and an adding run in each round.
    """
    before, after, nothing, kept = (scratch / name for name in ("before", "after", "nothing", "kept"))
    share = _split(documents, before, after)
    write_manifest(nothing, [], {})
    root = new_project(scratch, workers)
    time_in(root, before)
    shutil.rmtree(kept, ignore_errors=True)
    root.rename(kept)

    def empty() -> float:
        return time_in(new_project(scratch, workers), nothing)

    def add() -> float:
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(kept, root, symlinks=True, copy_function=os.link)
        return time_in(root, after)

    full: list[float] = []
    empties: list[float] = []
    added: list[float] = []
    same = True
    for _ in range(rounds):
        full.append(time_in(new_project(scratch, workers), after))
        whole = [directory_digest(root / result) for result in _RESULTS]
        for pair in range(pairs):
            if pair % 2:
                empties.append(empty())
            added.append(add())
            same &= whole == [directory_digest(root / result) for result in _RESULTS]
            if not pair % 2:
                empties.append(empty())
    for folder in (before, after, nothing, kept, root):
        shutil.rmtree(folder)
    beyond = median(adding - without for without, adding in zip(empties, added, strict=True))
    return Added(share, median(empties), median(full), median(added), beyond, same, rounds, rounds * pairs)


def _split(documents: Path, before: Path, after: Path) -> float:
    """Make folders with all but about one percent of the text and with all of it; the share of the text that is new."""
    shards = list(read_manifest(documents).shards)
    sizes = [_text_bytes(read_shard(documents, one.name, ["text"])) for one in shards]
    wanted, new = SHARE * sum(sizes), []
    while sizes[len(shards) - 1] < wanted:
        new.insert(0, shards.pop())
        wanted -= sizes[len(shards)]
    last = shards.pop()
    table = read_shard(documents, last.name)
    own = np.cumsum(pc.binary_length(table.column("text")).to_numpy())
    cut = int(np.searchsorted(own, own[-1] - wanted))
    for folder, whole in ((before, False), (after, True)):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for one in [*shards, *(new if whole else [])]:
            (folder / f"{one.name}.parquet").hardlink_to(documents / f"{one.name}.parquet")
        parts = [write_shard(folder, last.name, table.slice(0, cut))]
        if whole:
            parts += [write_shard(folder, f"{last.name}-new", table.slice(cut)), *new]
        write_manifest(folder, [*shards, *parts], {"made_by": "benchmarks.dedup_added"})
    return (sum(sizes[len(shards) + 1 :]) + int(own[-1] - own[cut - 1])) / sum(sizes)


def _text_bytes(table: pa.Table) -> int:
    return int(pc.sum(pc.binary_length(table.column("text"))).as_py() or 0)


def added_table(added: Added) -> Table:
    """One row a run."""
    rows = [
        ["no documents, nothing cached", f"{added.empty_s:.2f}", ""],
        ["all documents, nothing cached", f"{added.full_s:.2f}", ""],
        ["all documents after a run on the others", f"{added.added_s:.2f}", f"{added.share:.1%}"],
    ]
    same = "the same bytes" if added.same else "OTHER BYTES"
    return Table(
        "One percent added",
        f"The stage with what a run without {added.new:.1%} of the text left in the cache; it wrote {same} as the full "
        f"run. Medians of {added.rounds} full runs and of {added.pairs} pairs of the others, one right "
        f"after the other; the adding run of a pair took {added.beyond_s:.2f} s more than the empty one.",
        ["run", "seconds", "beyond an empty run, of the full run"],
        rows,
    )
