"""A checkout with a small real model, its tokenizer, reports and dvc.lock: all that `bessemer export` reads."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
import yaml

from bessemer.config.sources import Source
from bessemer.config.tokenizer import TokenizerParams
from bessemer.documents import CURATED_SCHEMA
from bessemer.model.card import Lineage
from bessemer.model.export import export_model
from bessemer.model.modeling import BessemerForCausalLM
from bessemer.reporting.report import Sample, StageReport, Table, check, write_report
from bessemer.shards import directory_digest, write_manifest, write_shard
from bessemer.sources import lock_sources, write_lock
from bessemer.tokenizer.convert import write_fast_tokenizer
from bessemer.tokenizer.train import train_model
from flows.recorded import content_digest
from flows.runner import capture
from tests.model.builders import small_model

ROOT = Path(__file__).resolve().parents[2]
VOCABULARY = 512
HOSTILE = "public | domain](javascript:x) <script>`*_"
STAGES = ("ingest", "curate", "shard", "pretrain", "evaluate", "model_gate")


class FinishedModel:
    """The checkout, and the model as it was trained."""

    def __init__(self, root: Path) -> None:
        self.root = root
        torch.manual_seed(3)
        self.model: BessemerForCausalLM = small_model(vocabulary=VOCABULARY).eval()
        (root / "stages").mkdir(parents=True)
        (root / "stages/pretrain.py").write_text("steps = 10\n")
        (root / ".gitignore").write_text("/data/*\n/models/*\n/reports/*\n/.runs/\n")
        (root / "params.yaml").write_text("pretrain:\n  tokens: 1000\n  epsilon: 1.0e-06\n")
        self._sources()
        self._texts()
        self._model()
        self._reports()
        self.lock()
        self.record("pretrain", wall_s=100.0, cpu_s=150.0)
        self.commit()

    def git(self, *arguments: str) -> str:
        """git with an identity of its own."""
        identity = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
        code, text = capture(["git", *identity, *arguments], timeout_s=60, cwd=self.root)
        assert code == 0, text
        return text.strip()

    def commit(self) -> None:
        """Commit all that is not ignored."""
        self.git("init", "-q")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "The line")

    def record(self, stage: str, run: str = "one", **facts: Any) -> None:
        """What a stage has noted of a run."""
        path = self.root / ".runs" / run / f"{stage}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"exit_code": 0, "finished": 1.0, "peak_memory_bytes": 5_000_000, **facts}))

    def report(self, report: StageReport) -> None:
        """Write a report as its stage would."""
        write_report(report, self.root / "reports" / report.stage)

    def lock(self, **scored: str) -> None:
        """Write dvc.lock for what lies here; ``scored`` may give another digest as the model that was evaluated."""
        outputs = {
            "ingest": ["data/documents"],
            "curate": ["data/curated"],
            "shard": ["data/tokens"],
            "pretrain": ["models/pretrain"],
            "model_gate": [],
        }
        inputs = {
            "ingest": ["sources.lock.yaml"],
            "curate": ["data/documents"],
            "shard": ["data/curated"],
            "pretrain": ["data/tokens", "stages/pretrain.py"],
            "evaluate": ["models/pretrain"],
            "model_gate": ["reports/evaluate/metrics.json"],
        }
        stages: dict[str, Any] = {}
        for stage in STAGES:
            reports = [f"reports/{stage}/{name}.json" for name in ("summary", "metrics")]
            stages[stage] = {
                "deps": [self._entry(path) for path in inputs[stage]],
                "outs": [self._entry(path) for path in [*outputs.get(stage, []), *reports]],
            }
        stages["pretrain"]["params"] = {"params.yaml": {"pretrain": {"tokens": 1000, "epsilon": 1e-06}}}
        if "model" in scored:
            stages["evaluate"]["deps"][0]["md5"] = scored["model"]
        text = yaml.safe_dump({"schema": "2.0", "stages": stages}).replace("1.0e-06", "1e-06")
        (self.root / "dvc.lock").write_text(text)

    def _entry(self, path: str) -> dict[str, str]:
        return {"path": path, "hash": "md5", "md5": content_digest(self.root / path)}

    def _sources(self) -> None:
        (self.root / "raw").mkdir()
        (self.root / "raw/a.txt").write_text("pig iron")
        write_lock(lock_sources([Source(name="raw", path="raw")], self.root, None), self.root / "sources.lock.yaml")

    def _texts(self) -> None:
        rows = [("a", "books", HOSTILE, 700), ("b", "books", "MPL-2.0", 200), ("c", "verse", None, 100)]
        blank: dict[str, Any] = {"text": "", "meta": "{}", "cut_bytes": 0, "removed_bytes": 0, "added_bytes": 0}
        blank |= {"family": 1, "weight": 1.0}
        curated = [{**blank, "id": key, "source": source, "license": name} for key, source, name, _ in rows]
        for folder in ("curated", "documents"):
            path = self.root / "data" / folder
            table = pa.Table.from_pylist(curated, schema=CURATED_SCHEMA)
            write_manifest(path, [write_shard(path, "all", table)], {})
        train = self.root / "data/tokens/train"
        write_manifest(train, [], {})
        documents = [{"id": key, "source": source, "tokens": tokens} for key, source, _, tokens in rows]
        pq.write_table(pa.Table.from_pylist(documents), train / "documents.parquet")

    def _model(self) -> None:
        texts = [(ROOT / "LICENSE").read_text()]
        pieces = train_model(texts, TokenizerParams(vocab_size=VOCABULARY, character_coverage=0.99))
        write_fast_tokenizer(self.root / "models/tokenizer", pieces, model_max_length=64)
        weights, folder = self.model.state_dict(), self.root / "models/pretrain"
        export_model(self.model.config, weights, self.root / "models/tokenizer", folder, lineage=Lineage())

    def _reports(self) -> None:
        number = sum(parameter.numel() for parameter in self.model.parameters())
        digests = {name: directory_digest(self.root / "data" / name) for name in ("curated", "tokens/train")}
        self.report(StageReport(stage="ingest", title="Ingest", summary=""))
        self.report(StageReport(stage="curate", title="Curate", summary="", metrics={"redacted_email": 3}))
        shard = Table(
            name="sources",
            title="",
            columns=["source", "train documents", "train bytes", "train tokens"],
            rows=[["books", 2, 4000, 900], ["verse", 1, 500, 100]],
        )
        spoken = Table(name="languages", title="", columns=["language", "train tokens"], rows=[["en", 995], ["fr", 5]])
        metrics: dict[str, int | float | str] = {"train_documents": 3, "train_bytes": 4500, "train_tokens": 1000}
        self.report(
            StageReport(
                stage="shard",
                title="Shards",
                summary="",
                metrics=metrics,
                tables=[shard, spoken],
                provenance={"curated": digests["curated"]},
            )
        )
        self.report(
            StageReport(
                stage="pretrain",
                title="Pretraining",
                summary="",
                metrics={"parameters": number, "tokens": 1000, "train_loss": 4.25},
                provenance={"tokens_train": digests["tokens/train"]},
            )
        )
        columns = ["text", "documents", "bits per byte", "95 % interval", "xz -9e bits per byte"]
        scores = [["reference english", 36, 1.5, "1.411 to 1.649", 2.39], ["validation", 9, 3.4, "2.5 to 4.5", 2.2]]
        self.report(
            StageReport(
                stage="evaluate",
                title="Evaluation",
                summary="",
                metrics={"reference_english_bits_per_byte": 1.5},
                tables=[Table(name="bits_per_byte", title="Bits per byte", columns=columns, rows=scores)],
                samples=[Sample(group="generations", id="1", source="model", text="# It was\n<b>iron</b>")],
            )
        )
        self.gate(1.6)

    def gate(self, bound: float) -> None:
        """Judge the model by a bound on its bits per byte."""
        judged = check("bits", 1.5, "<=", bound, severity="error", reason="good enough")
        self.report(StageReport(stage="model_gate", title="Gate", summary="", checks=[judged]))


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
