"""What cannot work is said before a process is started; what is derived is said with its reason."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from bessemer.errors import ConfigError
from bessemer.training.combinations import require_possible
from bessemer.training.explain_config import Derived, explain
from bessemer.training.topology import planned_processes, planned_strategy
from tests.checkout import ROOT
from tests.training.conftest import runtime, small

ADAMW = {"name": "adamw"}
CPU_ONLY = pytest.mark.skipif(torch.cuda.is_available(), reason="says what a machine without a GPU cannot do")


def found(section: str, items: list[Derived]) -> dict[str, Derived]:
    return {item.name: item for item in items if item.section == section}


def test_strategy_none_is_one_process_and_is_refused_for_more() -> None:
    assert planned_processes(runtime(strategy="none")) == 1
    with pytest.raises(ConfigError, match="there are 2: each would train a model of its own; use ddp, fsdp2, or auto"):
        planned_strategy(runtime(strategy="none"), 2)


@pytest.mark.parametrize(
    ("settings", "params", "world", "said"),
    [
        ({"strategy": "zero2"}, {}, 2, "ZeRO cuts matrices into flat pieces"),
        ({"strategy": "ddp"}, {}, 3, "8 samples a step, which 3 processes cannot share"),
        ({"strategy": "ddp", "micro_batch": 3}, {}, 2, "does not divide the 4 samples"),
        pytest.param({"strategy": "ddp", "attention": "flash_attention_2"}, {}, 2, "cannot run here", marks=CPU_ONLY),
        ({"strategy": "zero2", "compile": True}, {"optimizer": ADAMW}, 2, "compile is true and DeepSpeed's engine"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_starts(
    settings: dict[str, object], params: dict[str, object], world: int, said: str
) -> None:
    chosen = runtime(**settings)
    with pytest.raises(ConfigError, match=said):
        require_possible(small(**params), chosen, planned_strategy(chosen, world), world, local=world)


def test_every_derived_value_has_a_reason_and_fits_the_others() -> None:
    params = small(optimizer=ADAMW)
    items = explain(params, runtime(strategy="zero2", processes=2), 64)
    assert all(item.why for item in items)
    batch, execution = found("batch", items), found("execution", items)
    assert execution["strategy"].value == "zero2"
    share = batch["micro_batch"].value * batch["accumulation"].value * execution["processes"].value
    assert share == params.batch_sequences == batch["samples of a step"].value
    settings = found("generated", items)["DeepSpeed"].value
    assert settings["train_batch_size"] == params.batch_sequences
    assert settings["zero_optimization"]["stage"] == 2
    assert "auto" not in json.dumps(settings)


def test_as_if_more_processes_were_started() -> None:
    items = explain(small(), runtime(), 64, world=4)
    assert found("execution", items)["strategy"].value == "ddp"
    assert found("batch", items)["micro_batch"].value == 2


def test_the_command_explains_the_shipped_files_and_ends_with_2_where_they_exclude_each_other(tmp_path: Path) -> None:
    for name in ("params.yaml", "runtime.yaml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    command = [sys.executable, "-m", "flows.cli", "explain-config", "--json"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    names = {item["name"] for item in json.loads(done.stdout)}
    assert {"strategy", "threads", "precision", "attention", "micro_batch", "checkpoint", "parameters"} <= names
    (tmp_path / "runtime.local.yaml").write_text("distributed: {strategy: zero2, processes: 2}\n")
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "which Muon cannot orthogonalise" in done.stderr
