"""The line with two stages side by side, beside plain DVC: wall time of both in one go, and whether they agree.

    python -m benchmarks.side_by_side [--through corpus_gate] [--parallel-stages 2] [--save]

Two clones of this repository's present commit run the line up to a stage with nothing cached: ``bessemer run`` with
``runtime.parallel_stages``, then ``dvc repro``. Ours goes first, so what the system keeps of files in memory favours
DVC. Both write dvc.lock: the outputs must be the same. Siblings that ran at the same time are read from the records
that stages leave.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import yaml

from benchmarks.saved import save
from benchmarks.tables import Table
from benchmarks.workers import ROOT

SLOWER, BESIDES_S = 1.05, 30.0
"""The promise: at most so many times DVC's time, and so many seconds for what a run does besides."""


@dataclass(frozen=True)
class Compared:
    """Both runs.

    Attributes:
        ours_s, dvc_s: wall seconds of the whole commands.
        load_ours, load_dvc: processes that wanted a core in the minute before each.
        overlaps: pairs of stages, and the seconds in which both ran.
        stages: that ran.
        different: outputs that are not the same in both.
    """

    ours_s: float
    dvc_s: float
    load_ours: float
    load_dvc: float
    overlaps: Mapping[tuple[str, str], float]
    stages: int
    different: list[str]

    @property
    def bound_s(self) -> float:
        """What the promise allows, in seconds."""
        return SLOWER * self.dvc_s + BESIDES_S


def main() -> None:
    """Run both, print, and end with 1 if the promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--through", default="corpus_gate", help="last stage")
    parser.add_argument("--parallel-stages", type=int, default=2, help="runtime.parallel_stages of ours")
    parser.add_argument(
        "--save", action="store_true", help="write benchmarks/results/side_by_side-<machine>.json and .md"
    )
    asked = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="bessemer-bench-") as folder:
            compared = _compare(Path(folder), asked.through, asked.parallel_stages)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"benchmarks.side_by_side: {error}")
    table, flat = _table(compared, asked.through, asked.parallel_stages), _flat(compared)
    print(table.text())
    print(json.dumps(flat, indent=1))
    if asked.save:
        save("side_by_side", "Stages side by side", flat, [table], (), ("dvc",))
    kept = not compared.different and compared.overlaps and compared.ours_s <= compared.bound_s
    sys.exit(0 if kept else 1)


def _compare(folder: Path, through: str, parallel_stages: int) -> Compared:
    ours, plain = _clone(folder / "ours"), _clone(folder / "plain")
    (ours / "runtime.local.yaml").write_text(f"parallel_stages: {parallel_stages}\n")
    ours_s, load_ours = _timed(ours, "flows.cli", "run", through)
    print(f"bessemer run: {ours_s:.1f} s", flush=True)
    dvc_s, load_dvc = _timed(plain, "dvc", "repro", through)
    print(f"dvc repro: {dvc_s:.1f} s", flush=True)
    here, there = _locked(ours), _locked(plain)
    different = sorted(path for path in here.keys() | there.keys() if here.get(path) != there.get(path))
    spans = _spans(ours)
    return Compared(ours_s, dvc_s, load_ours, load_dvc, _overlaps(spans), len(spans), different)


def _clone(folder: Path) -> Path:
    """The present commit in a folder of its own, with nothing made yet."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    (folder / "dvc.lock").unlink(missing_ok=True)
    return folder


def _timed(folder: Path, module: str, *arguments: str) -> tuple[float, float]:
    """Wall seconds of a command with the clone's code, and the machine's load before it."""
    binaries = str(Path(sys.executable).parent)
    environment = os.environ | {
        "PATH": os.pathsep.join([binaries, os.environ["PATH"]]),
        "PYTHONPATH": str(folder),
        "DVC_NO_ANALYTICS": "1",
    }
    load = os.getloadavg()[0]
    started = time.perf_counter()
    command = [sys.executable, "-m", module, *arguments]
    subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started, load


def _locked(folder: Path) -> dict[str, str]:
    """Output to hash, of all stages in dvc.lock."""
    stages = yaml.safe_load((folder / "dvc.lock").read_text())["stages"]
    return {out["path"]: out["md5"] for stage in stages.values() for out in stage.get("outs", [])}


def _spans(folder: Path) -> dict[str, tuple[float, float]]:
    """Stage to beginning and end, in seconds since the epoch."""
    records = {path.stem: json.loads(path.read_text()) for path in (folder / ".runs").glob("*/*.json")}
    return {name: (item["started"], item["finished"]) for name, item in records.items() if "stage" in item}


def _overlaps(spans: Mapping[str, tuple[float, float]]) -> dict[tuple[str, str], float]:
    shared = {
        (first, second): min(spans[first][1], spans[second][1]) - max(spans[first][0], spans[second][0])
        for first, second in combinations(spans, 2)
    }
    return {pair: seconds for pair, seconds in shared.items() if seconds > 0}


def _table(compared: Compared, through: str, parallel_stages: int) -> Table:
    pairs = ", ".join(f"{a} and {b} {seconds:.1f} s" for (a, b), seconds in compared.overlaps.items()) or "none"
    same = f"OTHERS: {', '.join(compared.different)}" if compared.different else "the same"
    return Table(
        "Wall time",
        f"The sample up to {through}, {compared.stages} stages, nothing cached. Load is that of the minute before. "
        f"At the same time ran: {pairs}. Outputs in dvc.lock: {same}.",
        ["command", "seconds", "load before"],
        [
            [f"bessemer run, parallel_stages {parallel_stages}", f"{compared.ours_s:.1f}", f"{compared.load_ours:.1f}"],
            ["dvc repro", f"{compared.dvc_s:.1f}", f"{compared.load_dvc:.1f}"],
            [f"allowed: {SLOWER} x dvc repro + {BESIDES_S:.0f}", f"{compared.bound_s:.1f}", ""],
        ],
    )


def _flat(compared: Compared) -> dict[str, float]:
    return {
        "ours_s": round(compared.ours_s, 1),
        "dvc_s": round(compared.dvc_s, 1),
        "allowed_s": round(compared.bound_s, 1),
        "overlap_s": round(sum(compared.overlaps.values()), 1),
        "stages": compared.stages,
        "different_outputs": len(compared.different),
    }


if __name__ == "__main__":
    main()
