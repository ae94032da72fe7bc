"""Deduplication beside datasketch, datatrove and rensa: speed, accuracy, the whole stage, and how it scales.

    python -m benchmarks.dedup [--quick] [--input FILE] [--json FILE] [--save]

From raw text in memory to MinHash signatures of word 5-grams on one pinned core, one thread each, in turn: ours,
datasketch and rensa with 128 permutations, datatrove with its default of 112. Each begins with what it works on: ours
with UTF-8 bytes, the peers with Python strings, whose decoding is not counted; in a second row ours begins with strings
and encodes them. datasketch and rensa are given 5-grams of lower-case words, joined in Python; a word is a run of
letters and digits, except in a second row for rensa: there it is what stands between white space, which is less work
and other shingles. Each is given the batches that it is quickest with. Then the error of the estimates against theory
and the recall of our index against exact similarities; then the stage `dedup` as a process with 2 workers, on a corpus
recombined from the sample (`benchmarks.corpus`). MB are 10^6 bytes of the documents' UTF-8 text, which is what speeds
count. Without --quick, also what adding one percent of documents costs, and the stage on 1, 4 and 16 times a size.
`make bench-dedup` installs the peers first.

--json writes flat keys:
  signature_mb_per_s_core  ours from UTF-8 bytes, MB a second of CPU time on one core
  vs_datatrove, vs_datasketch, vs_rensa_full
                           how many times their MB/s ours are; null without the peers
  rmse_over_theory         ours: RMSE of the estimates over sqrt(J(1-J)/K); 1 is theory
  worst_recall_gap         ours: recall of the index minus theory, in percentage points, in the worst bin of Jaccard
                           similarity; negative is below theory
  removal_precision        share of the stage's pairs whose true similarity is at least dedup.floor; null without pairs
  stage_mb_per_s           MB of text a second of wall time of the whole stage with 2 workers
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.corpus import Document, documents_of, lengths_of, plan, write_documents
from benchmarks.dedup_accuracy import (
    Estimates,
    estimate_table,
    measure_insertions,
    measure_ours,
    measure_peers,
    recall_table,
)
from benchmarks.dedup_added import added_table, measure_added
from benchmarks.dedup_results import WORKERS, Results, save
from benchmarks.dedup_speed import Speeds, measure
from benchmarks.dedup_stage import StageRun, run_stage_on, stage_table
from benchmarks.given import given_texts, up_to
from benchmarks.sentences import Sentences, sample_texts, sentences_of
from benchmarks.tables import Table
from benchmarks.workers import OURS, PEERS, measured_core, systems, workers
from bessemer.errors import BessemerError

_STARTED = time.perf_counter()
POOL_BYTES = 40_000_000
"""Of given documents, the bytes of which sentences are taken; the sample is smaller."""


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        speed_mb: text of the documents that are signed.
        rounds: turns of every system.
        seconds: that a system signs in a turn, about.
        pairs_a_bin: about this many pairs in a bin of similarity, a tenth fewer in the lowest.
        peer_pairs: pairs that peers estimate.
        insertions: documents with a word put in.
        stage_mb: text that the stage is run on.
        checked: of its pairs, compared with the truth.
        every: this share of the sample's documents, the reciprocal, is recombined.
    """

    speed_mb: float
    rounds: int
    seconds: float
    pairs_a_bin: int
    peer_pairs: int
    insertions: int
    stage_mb: float
    checked: int
    every: int


@dataclass(frozen=True)
class Source:
    """What corpora are made from: sentences, the lengths of the documents that they are from, and a seed."""

    pool: Sentences
    lengths: NDArray[np.int64]
    seed: int

    @classmethod
    def of(cls, texts: Sequence[str], seed: int) -> "Source":
        """Take the sentences of the first texts."""
        used = list(up_to(texts, POOL_BYTES))
        return cls(sentences_of(used), lengths_of(used), seed)

    def corpus(self, megabytes: float, scratch: Path) -> Path:
        """Make a folder of documents."""
        say(f"a corpus of {megabytes:,.0f} MB")
        folder = scratch / f"corpus-{megabytes:g}"
        planned = plan(self.pool, self.lengths, round(megabytes * 1e6), self.seed)
        write_documents(documents_of(self.pool, planned), folder)
        return folder

    def texts(self, megabytes: float) -> Iterator[str]:
        """Texts of another corpus, made from the same sentences."""
        planned = plan(self.pool, self.lengths, round(megabytes * 1e6), self.seed + 1)
        return (document.text.decode() for document in documents_of(self.pool, planned))


FULL = Size(100, 7, 2.0, 6000, 4000, 2000, 1000, 5000, 1)
QUICK = Size(10, 2, 0.2, 1000, 100, 100, 64, 50, 4)


def main() -> None:
    """Measure and print; write what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="under a minute: less of everything, no additions, no scaling"
    )
    parser.add_argument("--input", type=Path, help="JSON lines (.gz too) with a `text` each, instead of the sample")
    parser.add_argument("--json", type=Path, help="file to write the flat keys to")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/dedup-<machine>.json and .md")
    parser.add_argument("--gigabytes", type=float, help="text that the stage is run on, in 10^9 bytes; not of --input")
    parser.add_argument("--base-mb", type=float, default=64, help="text of the scaling table's first row")
    parser.add_argument("--seed", type=int, default=0, help="of all that is generated")
    asked = parser.parse_args()
    if not PEERS.exists():
        print("The peers are not installed, so ours is measured alone; `make bench-dedup` installs them.")
    try:
        results = measure_all(asked)
    except (BessemerError, OSError, RuntimeError) as error:
        sys.exit(f"benchmarks.dedup: {error}")
    flat = results.flat()
    print(f"\n{json.dumps(flat, indent=1)}\n{time.perf_counter() - _STARTED:.0f} s in all")
    if asked.json:
        asked.json.write_text(json.dumps(flat, indent=1) + "\n")
    if asked.save:
        save(results, flat)


def measure_all(asked: argparse.Namespace) -> Results:
    """Measure one thing after another; only one process is busy at a time, the stage's apart."""
    size = QUICK if asked.quick else FULL
    texts = given_texts(asked.input) if asked.input else sample_texts()[:: size.every]
    source = Source.of(texts, asked.seed)
    with tempfile.TemporaryDirectory(prefix="bessemer-bench-") as folder:
        scratch = Path(folder)
        if asked.input:
            corpus = scratch / "corpus"
            write_documents((Document(i, text.encode(), i, 0.0) for i, text in enumerate(texts)), corpus)
            signed = random.Random(asked.seed).sample(texts, len(texts))
        else:
            corpus = source.corpus(asked.gigabytes * 1000 if asked.gigabytes else size.stage_mb, scratch)
            signed = list(source.texts(size.speed_mb))
        speeds, estimates, inserted = measure_systems(signed, source.pool, size, asked.seed, scratch)
        say("recall of the index")
        estimates[OURS], recalls = measure_ours(source.pool, size.pairs_a_bin, asked.seed)
        estimates = {name: estimates[name] for name in speeds.rounds if name in estimates}
        show(speeds.table(), estimate_table(estimates, inserted), recall_table(recalls))
        stages = measure_stage(source, corpus, size.checked, scratch, quick=asked.quick)
        show(stage_table("The stage", stages, WORKERS))
        added, scaling = None, []
        if not asked.quick:
            say("one percent added")
            added = measure_added(corpus, WORKERS, scratch)
            show(added_table(added))
            scaling = scale(source, asked.base_mb, scratch)
            show(stage_table("Scaling", scaling, WORKERS))
    return Results(speeds, estimates, inserted, recalls, stages, added, scaling)


def measure_systems(
    signed: Sequence[str], pool: Sentences, size: Size, seed: int, scratch: Path
) -> tuple[Speeds, dict[str, Estimates], dict[str, float]]:
    """Speeds, the peers' estimates, and who finds a text again after an insertion."""
    path = scratch / "signed.jsonl"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(text) + "\n" for text in up_to(signed, round(size.speed_mb * 1e6)))
    counts = dict.fromkeys(systems(), size.peer_pairs) | {"datatrove": size.peer_pairs // 2}
    say("signatures")
    with workers(systems(), path, measured_core()) as running:
        speeds = measure(running, size.rounds, size.seconds)
        say("estimates")
        estimates = measure_peers(running, pool, counts, seed, scratch)
        say("insertions")
        inserted = measure_insertions(running, pool, size.insertions, seed, scratch)
    return speeds, estimates, inserted


def measure_stage(source: Source, corpus: Path, checked: int, scratch: Path, *, quick: bool) -> list[StageRun]:
    """The stage on 1 MB, which shows what a run costs whatever its size (not if ``quick``), and on the corpus."""
    smallest = source.corpus(1, scratch)
    say("the stage on 1 MB, which compiles")
    run_stage_on(smallest, WORKERS, scratch)
    fixed = [] if quick else [run_stage_on(smallest, WORKERS, scratch)]
    say("the stage on the corpus")
    return [*fixed, run_stage_on(corpus, WORKERS, scratch, check=checked)]


def scale(source: Source, base_mb: float, scratch: Path) -> list[StageRun]:
    """The stage on 1, 4 and 16 times a size."""
    runs = []
    for times in (1, 4, 16):
        corpus = source.corpus(times * base_mb, scratch)
        say(f"the stage on {times * base_mb:,.0f} MB")
        runs.append(run_stage_on(corpus, WORKERS, scratch))
        shutil.rmtree(corpus)
    return runs


def say(what: str) -> None:
    """What is being done, on standard error, with the seconds since the start."""
    print(f"benchmarks.dedup: {time.perf_counter() - _STARTED:4.0f} s: {what}", file=sys.stderr, flush=True)


def show(*tables: Table) -> None:
    """Print what was measured so far."""
    for table in tables:
        print(f"\n{table.text()}", flush=True)


if __name__ == "__main__":
    main()
