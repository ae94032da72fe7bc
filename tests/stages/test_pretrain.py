"""The stage as processes: started, asked to stop, killed, continued."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from bessemer.config.pretrain import PretrainParams
from bessemer.config.runtime import Runtime
from bessemer.config.tokenizer import TokenizerParams
from bessemer.errors import ConfigError, DataError
from bessemer.stage import RunRecord, StageContext, load_sections
from bessemer.tokenizer.convert import write_fast_tokenizer
from bessemer.tokenizer.encode import load_encoder
from bessemer.tokenizer.train import train_model
from bessemer.tokens.directory import write_token_directory
from stages import pretrain

ROOT = Path(__file__).resolve().parents[2]
SYLLABLES = [a + b for a in "bdfgklmnprst" for b in "aeiou"]
WORDS = [one + other for one in SYLLABLES for other in SYLLABLES[::3]]
PRETRAIN: dict[str, Any] = {
    "model": {
        "hidden_size": 32,
        "intermediate_size": 64,
        "layers": 2,
        "heads": 2,
        "kv_heads": 1,
        "head_dim": 16,
        "context_length": 64,
    },
    "tokens": 60 * 512,
    "batch_tokens": 512,
    "sequence_length": 64,
    "precision": "fp32",
    "optimizer": {"name": "adamw"},
    "schedule": {"warmup_tokens": 1024},
    "validation": {"every_tokens": 10240, "tokens": 512},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with token shards and a tokenizer."""
    root = tmp_path_factory.mktemp("root")
    texts = [
        " ".join(WORDS[(row * 7 + word * word) % len(WORDS)] for word in range(60 + row % 40)) for row in range(200)
    ]
    data = train_model(iter(texts), TokenizerParams(vocab_size=512), threads=1)
    write_fast_tokenizer(root / "models" / "tokenizer", data, model_max_length=64)
    encoder = load_encoder(root / "models" / "tokenizer")
    tokens = [[*ids.tolist(), encoder.eos_id] for ids in encoder.encode(texts)]
    arrays = [np.array(ids) for ids in tokens]
    write_token_directory(root / "data" / "tokens" / "train", [arrays[:180]], vocab_size=encoder.vocab_size)
    write_token_directory(root / "data" / "tokens" / "val", [arrays[180:]], vocab_size=encoder.vocab_size)
    (root / "params.yaml").write_text(yaml.safe_dump({"pretrain": PRETRAIN}))
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "root"))


def start(root: Path, **distributed: Any) -> "subprocess.Popen[str]":
    settings = {"distributed": {"checkpoint_steps": 20, **distributed}}
    (root / "runtime.yaml").write_text(yaml.safe_dump(settings))
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "stages.pretrain"],
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(root: Path, **distributed: Any) -> tuple[int, str]:
    process = start(root, **distributed)
    said, _ = process.communicate(timeout=300)
    return process.returncode, said


def steps_done(root: Path) -> int:
    files = list((root / ".scratch" / "pretrain").glob("*/metrics.jsonl"))
    return len(files[0].read_text().splitlines()) if files else 0


def wait_for_steps(process: "subprocess.Popen[str]", root: Path, steps: int) -> None:
    while steps_done(root) < steps:
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)


def weights(root: Path) -> bytes:
    return (root / "models" / "pretrain" / "model.safetensors").read_bytes()


def test_muon_with_zero_ends_before_anything_is_started(root: Path) -> None:
    (root / "params.yaml").write_text(yaml.safe_dump({"pretrain": PRETRAIN | {"optimizer": {"name": "muon"}}}))
    code, said = run(root, strategy="zero2", processes=2)
    assert code == 2
    assert "use strategy fsdp2 or ddp, or optimizer.name: adamw" in said
    assert "Traceback" not in said


def context(root: Path, **settings: Any) -> StageContext:
    sections = load_sections(root, {"pretrain": PretrainParams})
    return StageContext(
        "pretrain", sections, Runtime.model_validate(settings), root, RunRecord("r", "pretrain"), "stages.pretrain"
    )


def test_a_token_changed_in_place_ends_before_it_is_trained_on(root: Path) -> None:
    shard = root / "data" / "tokens" / "train" / "shard-00000.bin"
    content = bytearray(shard.read_bytes())
    content[100] ^= 1
    shard.write_bytes(content)
    with pytest.raises(DataError, match=r"shard-00000\.bin differs from its manifest; run the stage `shard` again"):
        pretrain.main(context(root))
    assert steps_done(root) == 0


def test_the_checkpoint_that_a_run_starts_from_decides_what_it_continues(root: Path) -> None:
    for name in ("one", "two"):
        (root / name).mkdir()
        (root / name / "manifest.json").write_text(name)
    digests = pretrain.input_digests(root)
    folders = [
        pretrain.places_of(context(root, **settings), digests).scratch
        for settings in ({}, {"resume_from": "one"}, {"resume_from": "two"}, {"resume_from": "one"})
    ]
    assert len(set(folders)) == 3
    assert folders[1] == folders[3]
    with pytest.raises(ConfigError, match=r"runtime\.resume_from: .*no checkpoint"):
        pretrain.places_of(context(root, resume_from="three"), digests)


@pytest.mark.long
def test_the_reason_of_a_rank_is_the_reason_of_the_stage(root: Path) -> None:
    code, said = run(root, strategy="ddp", processes=2, micro_batch=3)
    assert code == 2, said
    own = [line for line in said.splitlines() if line.startswith("bessemer: ")]
    assert own == [
        "bessemer: pretrain: distributed.micro_batch is 3, which does not divide the 4 samples of a process's step; "
        "use 2 or auto."
    ]
    record = json.loads(next((root / ".runs").glob("*/pretrain.json")).read_text())
    assert (record["exit_code"], f"bessemer: pretrain: {record['error']}") == (2, own[0])


@pytest.mark.long
@pytest.mark.parametrize("distributed", [{}, {"strategy": "ddp", "processes": 2}], ids=["one", "two"])
@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGUSR1, signal.SIGKILL])
def test_stopped_or_killed_it_continues_to_the_same_bytes(
    root: Path, tmp_path: Path, distributed: dict[str, Any], kind: signal.Signals
) -> None:
    other = Path(shutil.copytree(root, tmp_path / "undisturbed"))
    assert run(other, **distributed)[0] == 0
    process = start(root, **distributed)
    wait_for_steps(process, root, 30)
    process.send_signal(kind)
    said, _ = process.communicate(timeout=60)
    if kind != signal.SIGKILL:
        assert process.returncode == 75, said
        assert "continues from there" in said
    deadline = time.monotonic() + 60
    code, said = run(root, **distributed)
    while code == 75 and time.monotonic() < deadline:  # ranks of a killed launcher are still writing their checkpoint
        code, said = run(root, **distributed)
    assert code == 0, said
    assert weights(root) == weights(other)
    report = json.loads((root / "reports" / "pretrain" / "metrics.json").read_text())
    assert report == json.loads((other / "reports" / "pretrain" / "metrics.json").read_text())
    assert report["steps"] == 60
    records = [json.loads(path.read_text()) for path in (root / ".runs").glob("*/pretrain.json")]
    notes = next(record["notes"] for record in records if record["exit_code"] == 0)
    assert notes.keys() >= {"export", "device", "scratch"}
