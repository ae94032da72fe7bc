"""A checkout of this repository in a folder of its own, with the line cut so that it takes a minute."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]

CUT_SOURCES = [
    {"name": "books", "path": "data/sample/txt", "exclude": ["moby_dick*", "jargon*"], "license": "public domain"},
    {"name": "verse", "path": "data/sample/parquet", "columns": {"license": "licence"}},
    {"name": "help", "path": "data/sample/wet", "license": "MPL-2.0"},
]
CUT: dict[str, Any] = {
    "sources": CUT_SOURCES,
    "classifier": {"positives": ["verse"], "negatives": ["help"]},
    "curate": {"languages": ["en", "de", "fr", "es", "it", "pt", "nl", "da", "sv", "pl", "cs", "hu", "fi"]},
    "tokenizer": {"vocab_size": 1536, "character_coverage": 0.999},
    "shard": {"shards": 2, "validation_fraction": 0.03},
    "pretrain": {
        "model": {
            "hidden_size": 64,
            "intermediate_size": 128,
            "layers": 2,
            "heads": 2,
            "kv_heads": 1,
            "head_dim": 32,
            "context_length": 128,
        },
        "tokens": 16384,
        "batch_tokens": 2048,
        "sequence_length": 128,
        "schedule": {"warmup_tokens": 2048},
        "validation": {"every_tokens": 8192, "tokens": 4096},
    },
    "evaluate": {"validation_tokens": 4000, "cloze": {"items": 20}, "generation": {"new_tokens": 16}},
    "model_gate": {
        "checks": [
            {
                "metric": "evaluate.reference_english_bits_per_byte",
                "op": "<=",
                "bound": 8.0,
                "severity": "error",
                "reason": "better than random bytes",
            }
        ]
    },
}
DATA_STAGES = ["check", "ingest", "language", "classifier", "quality", "dedup", "decontaminate", "curate", "tokenizer"]
DATA_STAGES += ["shard", "corpus_gate"]
STAGES = [*DATA_STAGES, "pretrain", "evaluate", "model_gate"]


class Checkout:
    """A working copy and the commands that a user types in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *command: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the virtual environment with the copy's code, whatever is installed."""
        binaries = str(Path(sys.executable).parent)
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("BESSEMER_", "PREFECT_"))}
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={
                **inherited,
                "PATH": f"{binaries}:{os.environ['PATH']}",
                "PYTHONPATH": str(self.folder),
                "PYTHONDONTWRITEBYTECODE": "1",
                "DVC_NO_ANALYTICS": "1",
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if check and done.returncode:
            raise AssertionError(
                f"{command} ended with {done.returncode}:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
            )
        return done

    def bessemer(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """The command line of the copy."""
        return self.run(sys.executable, "-m", "flows.cli", *arguments, check=check)

    def git(self, *arguments: str) -> str:
        """git with an identity of its own."""
        identity = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
        return self.run("git", *identity, *arguments).stdout

    def commit(self, message: str) -> None:
        """Commit everything that is not ignored."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def params(self) -> dict[str, Any]:
        """params.yaml as it stands."""
        values: dict[str, Any] = yaml.safe_load((self.folder / "params.yaml").read_text())
        return values

    def change(self, values: Mapping[str, Any]) -> None:
        """Merge ``values`` into params.yaml; lists are replaced."""
        merged = _merged(self.params(), values)
        (self.folder / "params.yaml").write_text(yaml.safe_dump(merged, sort_keys=False, allow_unicode=True))

    def ran(self) -> list[str]:
        """Stages that ran in the newest run, in the order of the line, by their records."""
        newest = max((path for path in (self.folder / ".runs").iterdir() if path.is_dir()), key=_started)
        return [stage for stage in STAGES if (newest / f"{stage}.json").exists()]

    def record(self, stage: str) -> dict[str, Any]:
        """The newest record of a stage."""
        paths = sorted((self.folder / ".runs").glob(f"*/{stage}.json"), key=lambda path: path.stat().st_mtime)
        record: dict[str, Any] = json.loads(paths[-1].read_text())
        return record

    def metrics(self, stage: str) -> dict[str, Any]:
        """The metrics that a stage reported."""
        metrics: dict[str, Any] = json.loads((self.folder / "reports" / stage / "metrics.json").read_text())
        return metrics

    def locked(self) -> dict[str, dict[str, str]]:
        """Stage to output to hash, from dvc.lock."""
        stages = yaml.safe_load((self.folder / "dvc.lock").read_text())["stages"]
        return {name: {out["path"]: out["md5"] for out in stage.get("outs", [])} for name, stage in stages.items()}


def make_checkout(folder: Path, *, cut: Mapping[str, Any] = CUT, runtime: Mapping[str, Any] | None = None) -> Checkout:
    """Copy what git would commit, cut the line, commit it.

    Args:
        folder: created.
        cut: merged into params.yaml.
        runtime: written to runtime.local.yaml.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        source = ROOT / name
        if source.is_file() and name != "dvc.lock":
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    checkout = Checkout(folder)
    checkout.change(cut)
    if runtime:
        (folder / "runtime.local.yaml").write_text(yaml.safe_dump(dict(runtime)))
    checkout.run("git", "init", "-q", "-b", "main")
    checkout.commit("The line, cut")
    return checkout


def _merged(base: Any, over: Any) -> Any:
    if isinstance(base, Mapping) and isinstance(over, Mapping):
        return {**base, **{key: _merged(base.get(key), value) for key, value in over.items()}}
    return over


def _started(folder: Path) -> float:
    return folder.stat().st_ctime
