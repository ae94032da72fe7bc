"""The ``bessemer`` command. Everything is imported when it is needed, so that the command answers at once."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, CycloptsError, Parameter

from bessemer import __version__
from bessemer.errors import BessemerError, ConfigError
from bessemer.garbage import collect_rarely
from bessemer.process_end import leave

if TYPE_CHECKING:
    from rich.console import Console

app = App(
    name="bessemer",
    help="Raw text in, evaluated language model out, as one reproducible line.",
    version=__version__,
    result_action="return_value",
    exit_on_error=False,
    print_error=True,
)
sources = App(name="sources", help="Where the raw text comes from.")
app.command(sources)

AsJson = Annotated[bool, Parameter(name="--json", negative="")]

_started_in = Path.cwd()


def main() -> None:
    """Entry point; every failure that a user can mend is one sentence and an exit code (see bessemer.errors)."""
    collect_rarely()
    try:
        os.chdir(checkout_root(Path.cwd()))
        code = app()
    except BessemerError as error:
        print(f"bessemer: {error}", file=sys.stderr)
        if os.environ.get("BESSEMER_TRACEBACK"):
            raise
        code = error.exit_code
    except CycloptsError:
        code = ConfigError.exit_code
    except KeyboardInterrupt:
        code = 75
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    leave(code or 0)


def checkout_root(start: Path) -> Path:
    """The nearest folder, from ``start`` upwards, with a dvc.yaml; ``start`` itself when there is none."""
    return next((folder for folder in (start, *start.parents) if (folder / "dvc.yaml").is_file()), start)


@app.command
def run(*stages: str) -> int:
    """Run the line: only what has changed, and what depends on it.

    Args:
        stages: Run up to these stages; all without any.
    """
    from flows.line import run_command

    return run_command(Path(), stages, _console())


@app.command
def plan(
    *stages: str,
    as_json: AsJson = False,
    gpu: str | None = None,
    gpus: int | None = None,
    mfu: float | None = None,
    price: float | None = None,
    preset: str | None = None,
    tokens: int | None = None,
    micro_batch: int | None = None,
) -> int:
    """Say which stages would run, and which field or file has changed; of dedup or pretrain alone, what it takes.

    Args:
        stages: Plan up to these stages; all without any.
        as_json: Print JSON.
        gpu: For pretrain: the kind of GPU, such as h100 (assumed), h200, a100-80gb, b200.
        gpus: For pretrain: how many of them.
        mfu: For pretrain: the share of their peak that is reached.
        price: For pretrain: dollars for an hour of one.
        preset: For pretrain: another model than that of params.yaml.
        tokens: For pretrain: another length than that of params.yaml.
        micro_batch: For pretrain: samples of one forward pass.
    """
    from flows.line import plan_command
    from flows.training_plan import Supposed

    supposed = Supposed(gpu, gpus, mfu, price, preset, tokens, micro_batch)
    return plan_command(Path(), stages, _console(), as_json=as_json, supposed=supposed)


@app.command
def why(*stages: str) -> int:
    """Say of each stage whether it would run and because of what, or why it ran the last time.

    Args:
        stages: Those stages; without any, all that are not up to date.
    """
    from flows.why import why_command

    return why_command(Path(), stages, _console())


@app.command
def explain_config(*, processes: int | None = None, as_json: AsJson = False) -> int:
    """Say every value that is derived for pretraining, and why; what cannot work is an error. Starts nothing.

    Args:
        processes: On all machines, as if so many were started.
        as_json: Print JSON.
    """
    from flows.explained_config import explain_config_command

    return explain_config_command(Path(), _console(), processes=processes, as_json=as_json)


@app.command
def monitor(folder: Path | None = None, /, *, once: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Watch a training run in the terminal, also one that has ended: loss, speed, memory, goodput, alerts.

    Args:
        folder: Of the run; the newest in .scratch/pretrain without one.
        once: Print one frame and end.
    """
    from flows.monitor import monitor_command

    target = None if folder is None else _started_in / folder
    return monitor_command(Path(), target, _console(), once=once)


@app.command
def doctor(*, as_json: AsJson = False) -> int:
    """Check this machine and installation: versions, devices, attention, compiler, disk, cache, pins, locks.

    Args:
        as_json: Print JSON.
    """
    from flows.doctor import doctor_command

    return doctor_command(Path(), _console(), as_json=as_json)


@app.command
def verify_resume(*, steps: int = 20, kills: int = 2) -> int:
    """Prove on this configuration that a killed run ends as the one that is not: every bit, in folders of its own.

    Args:
        steps: The first steps of the run, trained twice: straight through, and with kills.
        kills: Times that all processes get SIGKILL.
    """
    from flows.resume import verify_resume_command

    return verify_resume_command(Path(), steps=steps, kills=kills)


@sources.command
def lock(*, refresh: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Pin every input file in sources.lock.yaml: path or address, size, digest, revision.

    Args:
        refresh: Read every file again, also those whose size and time have not changed, and ask remote sources anew.
    """
    from flows.line import lock_command

    return lock_command(Path(), _console(), refresh=refresh)


@app.command
def explain(document: str) -> int:
    """Say what happened to a document: kept, or dropped by which rule, with value, threshold and evidence.

    Args:
        document: The document's id (or the first digits of it), or its address.
    """
    from flows.documents import explain_command

    return explain_command(Path(), document, _console())


@app.command
def whatif(*changes: str) -> int:
    """Try other values of the policy on the stored signals, without running a stage.

    Args:
        changes: Fields of the section curate, as key=value: ``duplicates.threshold=0.7``.
    """
    from flows.documents import whatif_command

    return whatif_command(Path(), changes, _console())


@app.command
def ledger(
    *,
    where: str = "true",
    columns: str = "",
    by: str = "",
    limit: int = 20,
    out: Path | None = None,
) -> int:
    """Ask the ledger in SQL: every document with its fate, its reasons and all its numbers.

    Args:
        where: A condition: ``reason = 'too_short' and words > 30``, or ``list_contains(reasons, 'quality')``.
        columns: What to show of each document, separated by commas.
        by: Columns to group by, separated by commas: documents and bytes of each group are shown instead.
        limit: Rows shown.
        out: File that takes all rows: .parquet, .csv or .jsonl.
    """
    from flows.documents import ledger_command

    target = None if out is None else _started_in / out
    return ledger_command(Path(), where, columns=columns, by=by, limit=limit, out=target, console=_console())


@app.command
def diff(revision: str, /) -> int:
    """Say what this corpus keeps that it did not keep at a revision, and the other way round.

    Args:
        revision: A commit, branch, tag or DVC experiment.
    """
    from flows.documents import diff_command

    return diff_command(Path(), revision, _console())


@app.command
def dedup(
    *files: Path,
    out: Path,
    floor: float | None = None,
    text_column: str = "text",
    id_column: str | None = None,
    workers: int | None = None,
    as_json: AsJson = False,
) -> int:
    """Find exact and near duplicates among the documents of any files: documents in, verified pairs out.

    Args:
        files: Parquet, jsonl, text or WET files (.gz, .zst), or folders of them.
        out: Parquet file (.parquet) or JSON lines (.jsonl) that takes the pairs.
        floor: Least true Jaccard similarity of a pair; dedup.floor of params.yaml without it.
        text_column: Field with the text.
        id_column: Column of Parquet files that names a document; file and row without it.
        workers: Threads; runtime.workers without it.
        as_json: Print the summary as JSON.
    """
    from flows.duplicates import dedup_command

    return dedup_command(
        [_started_in / file for file in files],
        _started_in / out,
        _console(),
        floor=floor,
        text_column=text_column,
        id_column=id_column,
        workers=workers,
        as_json=as_json,
    )


@app.command
def lineage(artifact: str = "models/pretrain", *, as_json: AsJson = False) -> int:
    """Say what an artifact was made from: every source file, parameter and stage, with hashes.

    Args:
        artifact: An output of the line, or a file within one.
        as_json: Print JSON.
    """
    from flows.lineage import lineage_command

    return lineage_command(Path(), artifact, as_json=as_json)


@app.command
def export(
    *, to: Path | None = None, despite_gate: Annotated[bool, Parameter(name="--despite-gate", negative="")] = False
) -> int:
    """Write the finished model as a release: weights, tokenizer, and a card with commit, scores, cost and lineage.

    Args:
        to: Folder of the release; models/release without it. An earlier release there is replaced.
        despite_gate: Export a model that has not passed its gate, and say so on the card.
    """
    from flows.export import RELEASE, export_command

    target = RELEASE if to is None else _started_in / to
    return export_command(Path(), target, _console(), despite_gate=despite_gate)


@app.command
def report(run_name: str | None = None, /) -> int:
    """Write the overall report of a run and say where it is.

    Args:
        run_name: A folder of .runs; the newest run without one.
    """
    from flows.line import report_command

    return report_command(Path(), run_name, _console())


@app.command
def compare(a: str, b: str, /, *, out: Path | None = None) -> int:
    """Put two runs side by side: parameters, corpus, curves, scores with a verdict, cost; in one page and here.

    Args:
        a: A folder of .runs, "latest", or a commit, branch, tag or DVC experiment.
        b: The same, to be held against it.
        out: File of the page; .runs/compare-A-B.html without it.
    """
    from flows.compare import compare_command

    return compare_command(Path(), (a, b), None if out is None else _started_in / out, _console())


@app.command
def accept(stage: str, *, why: str) -> int:
    """Take a stage's present code and inputs as good without a re-run, on record.

    Args:
        stage: The stage whose inputs differ only cosmetically from those that it ran with.
        why: The reason; it is kept in .runs with the time, the person and what was accepted.
    """
    from flows.acceptance import accept_command

    return accept_command(Path(), stage, why, _console())


@app.command
def sync_deps(*, check: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Write each stage's import closure into the deps of dvc.yaml, and the packages that it imports into versions.yaml.

    Args:
        check: Write nothing; exit with 2 when one of the two is stale.
    """
    from flows.dependencies import sync_deps_command
    from flows.versions import sync_versions_command

    return sync_deps_command(Path(), _console(), check=check) or sync_versions_command(Path(), _console(), check=check)


@app.command
def schema(*, markdown: bool = False) -> int:
    """Print the JSON Schema of params.yaml, for editors.

    Parameters
    ----------
    markdown:
        print docs/parameters.md instead, the reference of every parameter
    """
    import json

    from bessemer.config.reference import json_schema, reference_page

    print(reference_page().rstrip() if markdown else json.dumps(json_schema(), indent=1))
    return 0


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False)


if __name__ == "__main__":
    main()
