"""When the model is compiled, and that it then computes the same."""

import shutil
from pathlib import Path

import pytest
import torch

from bessemer.errors import ConfigError
from bessemer.progress import progress
from bessemer.training import compilation
from bessemer.training.compilation import WORTHWHILE, choose_compile
from bessemer.training.metrics import read_metrics
from bessemer.training.run import pretrain
from tests.training.conftest import places, runtime, small

CPU = torch.device("cpu")
LONG, SHORT = 2 * WORTHWHILE["cpu"], WORTHWHILE["cpu"] / 2


@pytest.fixture
def with_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "Python.h").touch()
    monkeypatch.setattr(compilation.sysconfig, "get_paths", lambda: {"include": str(tmp_path)})
    monkeypatch.setattr(compilation.shutil, "which", lambda _: "found")


@pytest.mark.usefixtures("with_compiler")
def test_auto_compiles_long_runs_only() -> None:
    assert choose_compile(runtime(), CPU, "none", LONG).compile
    assert not choose_compile(runtime(), CPU, "none", SHORT).compile
    assert choose_compile(runtime(compile=True), CPU, "none", SHORT).compile
    assert not choose_compile(runtime(compile=False), CPU, "none", LONG).compile


@pytest.mark.usefixtures("with_compiler")
def test_deepspeed_is_not_compiled_and_asking_for_it_is_refused() -> None:
    assert choose_compile(runtime(), CPU, "zero2", LONG).reason == "DeepSpeed's engine is not compiled"
    with pytest.raises(ConfigError, match=r"distributed\.compile is true and DeepSpeed's engine is not compiled"):
        choose_compile(runtime(compile=True), CPU, "zero2", LONG)


def test_without_a_compiler_auto_goes_on_and_true_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    choice = choose_compile(runtime(), CPU, "none", LONG)
    assert not choice.compile
    assert choice.reason == "there is no C++ compiler"
    with pytest.raises(ConfigError, match="there is no C\\+\\+ compiler; set it to false or auto"):
        choose_compile(runtime(compile=True), CPU, "none", LONG)


@pytest.mark.long
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a compiler on a CPU")
@pytest.mark.parametrize("checkpointing", ["none", "selective"])
def test_a_compiled_run_has_the_losses_of_an_eager_one(material: Path, tmp_path: Path, checkpointing: str) -> None:
    losses = {}
    for compiled in (False, True):
        scratch = tmp_path / str(compiled)
        settings = runtime(compile=compiled, gradient_checkpointing=checkpointing, micro_batch=4)
        pretrain(places(material, scratch), small(optimizer={"name": "adamw"}), settings, progress)
        losses[compiled] = [row["loss"] for row in read_metrics(scratch)]
    assert losses[True] == pytest.approx(losses[False], rel=1e-4)
