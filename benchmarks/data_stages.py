"""The data half on a corpus of any size: time and memory of every stage, and the questions that are asked afterwards.

    python -m benchmarks.data_stages [--megabytes 1100] [--mean-bytes 850] [--keep FOLDER] [--save]

The corpus is recombined from the sample (`benchmarks.corpus`) with shorter documents, as JSON lines, Parquet, WET and
single text files. Each stage from `ingest` to `curate` runs as its own process with nothing cached. Then `bessemer
explain` and `bessemer whatif` are timed as a user would, from the start of the command to its end, and `curate` is run
again with the changed parameter: both must keep the same documents.
"""

import argparse
import json
import re
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from benchmarks.corpus import documents_of, lengths_of, plan
from benchmarks.mixed_formats import Written, write_mixed
from benchmarks.processes import Measured, run_measured, run_timed
from benchmarks.saved import save
from benchmarks.sentences import sample_texts, sentences_of
from benchmarks.tables import Table
from benchmarks.workers import ROOT
from bessemer.config.sources import SourcesParams
from bessemer.errors import BessemerError, DataError
from bessemer.ledger import Fate
from bessemer.shards import read_manifest, read_shard
from bessemer.sources import lock_sources, write_lock

STAGES = ("ingest", "language", "classifier", "quality", "dedup", "decontaminate", "curate")
WORKERS = 2
ASKED = 5
"""Times that each question is asked; the median is taken."""
_WORDS = 80
_CHANGE = f"length.min_words={_WORDS}"


@dataclass(frozen=True)
class Questions:
    """Seconds of the commands, and whether what was answered is what a run does.

    Attributes:
        explain_s, whatif_s: medians, whole commands.
        said: documents that ``whatif`` says are kept then.
        kept: documents that the run keeps.
    """

    explain_s: float
    whatif_s: float
    said: int
    kept: int


def main() -> None:
    """Make the corpus, run, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=1100, help="UTF-8 text, in 10^6 bytes")
    parser.add_argument("--mean-bytes", type=float, default=850, help="mean length of a recombined document, about")
    parser.add_argument("--keep", type=Path, help="new folder for the project; by default a temporary one")
    parser.add_argument("--json", type=Path, help="file to write the flat keys to")
    parser.add_argument(
        "--save", action="store_true", help="write benchmarks/results/data_stages-<machine>.json and .md"
    )
    asked = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="bessemer-bench-") as folder:
            root = asked.keep or Path(folder) / "project"
            written = _new_project(root, asked.megabytes, asked.mean_bytes)
            print(f"{written.documents:,} documents, {written.bytes / 1e6:,.0f} MB of text")
            runs = {}
            for stage in STAGES:
                runs[stage] = _run(root, stage)
                print(f"{stage}: {runs[stage].seconds:.1f} s, {runs[stage].memory / 1e6:,.0f} MB", flush=True)
            questions = _ask(root)
    except (BessemerError, OSError, RuntimeError) as error:
        sys.exit(f"benchmarks.data_stages: {error}")
    tables = [_stage_table(runs, written), _question_table(questions, written.documents)]
    flat = _flat(runs, written, questions)
    print("\n\n".join(table.text() for table in tables))
    print(json.dumps(flat, indent=1))
    if asked.json:
        asked.json.write_text(json.dumps(flat, indent=1) + "\n")
    if asked.save:
        save("data_stages", "The data stages", flat, tables, ())


def _new_project(root: Path, megabytes: float, mean_bytes: float) -> Written:
    """A project folder with raw files, parameters and the lock of sources; nothing has run in it."""
    if root.exists() and any(root.iterdir()):
        raise DataError(f"{root} is not empty; name a folder that is new.")
    raw = root / "data" / "raw"
    texts = sample_texts()
    lengths = np.clip(lengths_of(texts), 60, 60_000)
    lengths = np.maximum(60, np.rint(lengths * (mean_bytes / float(lengths.mean())))).astype(np.int64)
    pool = sentences_of(texts)
    written = write_mixed(documents_of(pool, plan(pool, lengths, round(megabytes * 1e6), seed=0)), raw)
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["sources"] = [{"name": folder.name, "path": f"data/raw/{folder.name}"} for folder in sorted(raw.iterdir())]
    values["classifier"] |= {"positives": ["jsonl"], "negatives": ["parquet"]}
    (root / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    (root / "runtime.yaml").write_text(yaml.safe_dump({"workers": WORKERS}))
    (root / "dvc.yaml").write_text("stages: {}\n")  # by which the command knows the root
    (root / "data" / "sample").symlink_to(ROOT / "data" / "sample")
    sources = SourcesParams.model_validate(values["sources"]).root
    write_lock(lock_sources(sources, root, None), root / "sources.lock.yaml")
    return written


def _run(root: Path, stage: str) -> Measured:
    return run_measured([sys.executable, "-m", f"stages.{stage}"], root)


def _ask(root: Path) -> Questions:
    """Time the questions, then run ``curate`` with the changed parameter and count what it keeps."""
    shards = read_manifest(root / "data" / "ledger").shards
    places = np.linspace(0, len(shards) - 1, ASKED).astype(int).tolist()
    ids = [
        read_shard(root / "data" / "ledger", shards[place].name, ["id"]).column("id")[-1].as_py() for place in places
    ]
    explained = [_command(root, "explain", one)[0] for one in ids]
    answers = [_command(root, "whatif", _CHANGE) for _ in range(ASKED)]
    kept = re.search(r"^kept\s+[\d,]+\s+([\d,]+)", answers[0][1], re.MULTILINE)
    if kept is None:
        raise RuntimeError(f"bessemer whatif says nothing of kept documents: {answers[0][1]}")
    values = yaml.safe_load((root / "params.yaml").read_text())
    values["curate"]["length"]["min_words"] = _WORDS
    (root / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    _run(root, "curate")
    ledger = root / "data" / "ledger"
    after = sum(
        read_shard(ledger, shard.name, ["fate"]).column("fate").to_pylist().count(Fate.KEPT)
        for shard in read_manifest(ledger).shards
    )
    seconds = [answer[0] for answer in answers]
    return Questions(statistics.median(explained), statistics.median(seconds), int(kept[1].replace(",", "")), after)


def _command(root: Path, *arguments: str) -> tuple[float, str]:
    """Seconds of a command, and what it printed."""
    return run_timed([str(Path(sys.executable).parent / "bessemer"), *arguments], root)


def _stage_table(runs: dict[str, Measured], written: Written) -> Table:
    rows = [
        [
            stage,
            f"{run.seconds:.1f}",
            f"{written.bytes / 1e6 / run.seconds:.1f}",
            f"{written.documents / run.seconds:,.0f}",
            f"{run.memory / 1e6:,.0f}",
        ]
        for stage, run in runs.items()
    ]
    total = sum(run.seconds for run in runs.values())
    largest = max(run.memory for run in runs.values())
    rows.append(
        [
            "all",
            f"{total:.1f}",
            f"{written.bytes / 1e6 / total:.1f}",
            f"{written.documents / total:,.0f}",
            f"{largest / 1e6:,.0f}",
        ]
    )
    return Table(
        "Stages",
        f"{written.documents:,} documents, {written.bytes / 1e6:,.0f} MB of text in JSON lines, Parquet, WET and text "
        f"files; {WORKERS} workers, nothing cached, each stage from the start of its process to its end. Memory is the "
        "peak of all its processes together.",
        ["stage", "seconds", "MB/s", "documents/s", "memory MB"],
        rows,
    )


def _question_table(questions: Questions, documents: int) -> Table:
    same = "the same" if questions.said == questions.kept else "OTHER"
    return Table(
        "Questions",
        f"Whole commands on a ledger of {documents:,} documents, medians of {ASKED}. `whatif` says that "
        f"{questions.said:,} documents are kept; a run of `curate` keeps {same}: {questions.kept:,}.",
        ["command", "seconds"],
        [
            ["bessemer explain ID", f"{questions.explain_s:.2f}"],
            [f"bessemer whatif {_CHANGE}", f"{questions.whatif_s:.2f}"],
        ],
    )


def _flat(runs: dict[str, Measured], written: Written, questions: Questions) -> dict[str, float]:
    flat = {f"{stage}_mb_per_s": round(written.bytes / 1e6 / run.seconds, 2) for stage, run in runs.items()}
    return flat | {
        "peak_memory_mb": round(max(run.memory for run in runs.values()) / 1e6),
        "explain_s": round(questions.explain_s, 3),
        "whatif_s": round(questions.whatif_s, 3),
        "whatif_off_by": questions.said - questions.kept,
    }


if __name__ == "__main__":
    main()
