"""What is resolved before the first step, and which combinations are refused with a way out."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bessemer.config.distributed import DistributedRuntime
from bessemer.errors import ConfigError
from bessemer.training import topology
from bessemer.training.samples import Share
from bessemer.training.zero import deepspeed_config, require_toolchain
from tests.training.conftest import runtime, small

SETTINGS = {"clip_norm": 1.0, "bf16": True, "micro_batch": 4, "accumulation": 2, "world": 2}


def test_muon_with_zero_is_refused_and_the_alternatives_are_named() -> None:
    for strategy in ("zero1", "zero2", "zero3"):
        with pytest.raises(ConfigError, match=r"muon.*fsdp2 or ddp, or optimizer\.name: adamw"):
            topology.refuse_impossible(small(), strategy)
    topology.refuse_impossible(small(), "fsdp2")


def test_auto_is_none_for_one_process_and_ddp_for_more() -> None:
    assert topology.planned_strategy(runtime(), 1) == "none"
    assert topology.planned_strategy(runtime(), 4) == "ddp"


def test_flags_of_accelerate_launch_choose_the_strategy_or_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    monkeypatch.setenv("ACCELERATE_DEEPSPEED_ZERO_STAGE", "3")
    assert topology.planned_strategy(runtime(), 2) == "zero3"
    with pytest.raises(ConfigError, match=r"started for zero3, runtime\.yaml: distributed\.strategy is ddp"):
        topology.planned_strategy(runtime(strategy="ddp"), 2)


def test_a_batch_that_processes_cannot_share_is_refused() -> None:
    with pytest.raises(ConfigError, match="8 samples a step, which 3 processes cannot share"):
        topology.split_batch(small(), runtime(), 3, 64)


@given(st.integers(1, 400))
def test_auto_takes_the_largest_divisor_of_the_share_that_the_tokens_allow(tokens: int) -> None:
    micro_batch, accumulation = topology.split_batch(small(), runtime(), 2, tokens)
    fitting = [number for number in (1, 2, 4) if number * small().sequence_length <= tokens]
    assert micro_batch == max(fitting, default=1)
    assert micro_batch * accumulation == 4


def test_processes_are_counted_on_each_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": "0", "WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4"}.items():
        monkeypatch.setenv(name, value)
    topology.require_asked(runtime(processes=4), world=8, asked=8)
    topology.require_asked(runtime(), world=8, asked=8)
    with pytest.raises(ConfigError, match=r"4 training processes were started on this machine.*processes is 8"):
        topology.require_asked(runtime(processes=8), world=8, asked=8)
    with pytest.raises(ConfigError, match="1 training processes came up and 8 were started"):
        topology.require_asked(runtime(), world=1, asked=8)


@given(st.integers(1, 6), st.integers(0, 3), st.integers(0, 3), st.integers(0, 50))
def test_the_samples_of_a_step_do_not_depend_on_processes(share: int, worlds: int, micro: int, step: int) -> None:
    world, micro_batch = 2**worlds, 2**micro
    batch = share * world * micro_batch
    read = [
        int(index)
        for rank in range(world)
        for part in Share(batch, world, rank, micro_batch).indices(step)
        for index in part
    ]
    assert read == list(range(step * batch, (step + 1) * batch))


def test_deepspeed_leaves_nothing_to_be_guessed() -> None:
    for stage in (1, 2, 3):
        config = deepspeed_config(stage=stage, runtime=runtime(), **SETTINGS)  # type: ignore[arg-type]
        assert "auto" not in str(config)
        assert config["train_batch_size"] == 4 * 2 * 2
        assert config["zero_optimization"]["stage"] == stage


def test_offload_goes_where_runtime_says() -> None:
    both = DistributedRuntime(strategy="zero3", offload="parameters")
    config = deepspeed_config(stage=3, runtime=both, **SETTINGS)["zero_optimization"]  # type: ignore[arg-type]
    assert config["offload_optimizer"]["device"] == config["offload_param"]["device"] == "cpu"


def test_a_missing_compiler_is_named_before_deepspeed_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(ConfigError, match=r"no-such-compiler is missing.*ddp or fsdp2"):
        require_toolchain()


SPAWNED = """
import os, sys, time, signal
from bessemer.errors import BessemerError
from bessemer.training.launch import launch
if "RANK" in os.environ:
    rank, mode = int(os.environ["RANK"]), os.environ["MODE"]
    open(f"rank{rank}", "w").write(str(os.getpid()))
    if mode == "fail" and rank == 1:
        sys.exit(4)
    if mode in ("terminated", "killed") and rank == 1:
        os.kill(os.getpid(), signal.SIGTERM if mode == "terminated" else signal.SIGKILL)
    if mode == "stubborn" and rank == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if mode == "stubborn" and rank == 1:
        while not os.path.exists("rank0"): time.sleep(0.05)
        time.sleep(0.3)
        sys.exit(2)
    if mode == "signal":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(75))
        if rank == 0:
            while not os.path.exists("rank1"): time.sleep(0.05)
            time.sleep(0.3)
            os.kill(os.getppid(), signal.SIGTERM)
    if mode != "done":
        time.sleep(60)
else:
    try:
        launch("spawned", 2, root=__import__("pathlib").Path(), grace_s=2.0)
    except BessemerError as error:
        sys.exit(error.exit_code)
"""


@pytest.mark.parametrize(
    ("mode", "code"),
    [("done", 0), ("fail", 4), ("stubborn", 2), ("signal", 75), ("terminated", 75), ("killed", 1)],
)
def test_no_rank_outlives_another_and_the_exit_code_is_the_first_one_s(tmp_path: Path, mode: str, code: int) -> None:
    assert spawn(tmp_path, SPAWNED, mode).returncode == code
    for file in tmp_path.glob("rank*"):
        with pytest.raises(ProcessLookupError):
            os.kill(int(file.read_text()), 0)


STAGE = """
import json, os, sys, time
from pathlib import Path
from bessemer.config.pretrain import PretrainParams
from bessemer.errors import BessemerError, DataError
from bessemer.stage import RECORD_ENVIRONMENT, RunRecord, run_stage
from bessemer.training.launch import launch

def main(context):
    context.record.note("export", "kept")
    if os.environ["RANK"] == "1":
        # A rank that fails has the others ended, however far they have come.
        first = Path(os.environ[RECORD_ENVIRONMENT]).with_name("rank-0.json")
        while not first.exists(): time.sleep(0.05)
    if os.environ["RANK"] == os.environ["MODE"]:
        raise DataError("the tokens are damaged; make them again.")
    if os.environ["MODE"] == "bug":
        raise ZeroDivisionError("surprise")
    sys.exit(0)

if "RANK" in os.environ:
    Path("params.yaml").touch()
    run_stage("toy", main, pretrain=PretrainParams)
record = RunRecord("r", "toy")
try:
    launch("spawned", 2, root=Path(), grace_s=9.0, record=record)
except BessemerError as error:
    print(json.dumps([error.exit_code, str(error), record.notes]))
else:
    print(json.dumps([0, "", record.notes]))
"""


@pytest.mark.parametrize(
    ("mode", "code", "sentence"),
    [
        ("none", 0, ""),
        ("0", 4, "the tokens are damaged; make them again."),
        ("1", 4, "the tokens are damaged; make them again."),
        ("bug", 1, "this is a bug (ZeroDivisionError: surprise); please report it."),
    ],
)
def test_the_launcher_ends_with_the_sentence_of_the_rank_that_failed_and_keeps_its_notes(
    tmp_path: Path, mode: str, code: int, sentence: str
) -> None:
    ended = spawn(tmp_path, STAGE, mode)
    assert json.loads(ended.stdout.splitlines()[-1]) == [code, sentence, {"export": "kept"}]
    assert ("Traceback" in ended.stderr) == (mode == "bug")
    assert not (tmp_path / ".runs").exists()


UNEQUAL = """
import os, sys
from pathlib import Path
from torch import nn
from bessemer.training import topology
from bessemer.training.launch import launch
from tests.training.conftest import runtime, small

if "RANK" in os.environ:
    topology._token_budget = lambda *_: 64 if os.environ["RANK"] == "1" else 1000
    settings = runtime(processes=2, strategy="ddp", bucket_mb=0.5)
    joined = topology.start(small(), settings, Path())
    wrapped = joined.accelerator.prepare_model(nn.Linear(2, 2))
    said = f"{joined.micro_batch} {joined.accumulation} {wrapped._bucket_config.bucket_bytes_cap}"
    Path("said" + os.environ["RANK"]).write_text(said)
    joined.accelerator.end_training()
else:
    launch("spawned", 2, root=Path(), grace_s=9.0)
"""


@pytest.mark.long
def test_ranks_with_unequal_free_memory_agree_on_the_smaller_micro_batch_and_on_the_bucket(tmp_path: Path) -> None:
    assert spawn(tmp_path, UNEQUAL, "").returncode == 0
    for rank in (0, 1):
        assert (tmp_path / f"said{rank}").read_text() == f"{64 // 32} {4 // 2} {500_000}"


def spawn(folder: Path, script: str, mode: str) -> "subprocess.CompletedProcess[str]":
    """Run ``script`` as the module ``spawned``, which launches itself."""
    (folder / "spawned.py").write_text(script)
    root = str(Path(__file__).resolve().parents[2])
    environment = os.environ | {"MODE": mode, "PYTHONPATH": os.pathsep.join([str(folder), root])}
    return subprocess.run(
        [sys.executable, "-m", "spawned"],
        cwd=folder,
        env=environment,
        check=False,
        timeout=60,
        capture_output=True,
        text=True,
    )
