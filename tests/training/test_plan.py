"""What is reckoned before a run, against models that are built and checkpoints that are written."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from bessemer.config.load import load_params
from bessemer.config.model import PRESETS, ModelParams
from bessemer.config.pretrain import PretrainParams
from bessemer.config.scaling import AUTO
from bessemer.errors import ConfigError
from bessemer.model.presets import build_model
from bessemer.model.sizes import ModelSize
from bessemer.progress import progress
from bessemer.training.gpus import GPUS
from bessemer.training.optimizer import Optimizers, parameter_groups
from bessemer.training.plan import activation_bytes, memory_per_gpu, plan_pretraining
from bessemer.training.run import pretrain
from flows.training_plan import Supposed, reckon, training_forecast
from tests.checkout import ROOT
from tests.training.conftest import places, runtime, small

H100 = next(gpu for gpu in GPUS if gpu.key == "h100")


@pytest.mark.parametrize("preset", PRESETS)
def test_parameters_are_those_of_the_built_model(preset: str) -> None:
    params = ModelParams.model_validate({"preset": preset})
    with torch.device("meta"):
        model = build_model(params, 50_000, seed=0)
    built = {kind: sum(item.numel() for item in found.values()) for kind, found in parameter_groups(model).items()}
    size = ModelSize.of(params, 50_000)
    assert size.by_kind == built
    assert size.parameters == sum(item.numel() for item in model.parameters())


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_checkpoint_is_as_large_as_planned(material: Path, tmp_path: Path, optimizer: str) -> None:
    model = {"hidden_size": 256, "intermediate_size": 704, "layers": 2, "heads": 4, "kv_heads": 2, "head_dim": 64}
    params = small(optimizer={"name": optimizer}, model=model, tokens=512, schedule={"warmup_tokens": 0})
    pretrain(places(material, tmp_path), params, runtime(), progress)
    written = sum(path.stat().st_size for path in (tmp_path / "step-0000002").rglob("*") if path.is_file())
    planned = plan_pretraining(params, 64, gpu=H100, gpus=1, mfu=0.4).checkpoint
    assert planned == pytest.approx(written, rel=0.03)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_weights_gradients_and_state_take_what_is_planned(optimizer: str) -> None:
    params = small(optimizer={"name": optimizer})
    model = build_model(params.model, 64, seed=0)
    made = Optimizers(model, params.optimizer, "fp32", fused=True)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    state = sum(tensor.numel() * 4 for name, tensor in made.tensors().items() if not name.endswith(".step"))
    memory = memory_per_gpu(ModelSize.of(params.model, 64), "none", 1, optimizer, 256)
    parameters = list(model.parameters())
    assert memory.optimizer == state
    assert memory.gradients == sum(item.grad.numel() * 4 for item in parameters if item.grad is not None)
    assert memory.weights >= sum(item.numel() * 4 for item in parameters)


@pytest.mark.parametrize("qk_norm", [True, False])
def test_activations_are_planned_within_a_quarter_of_what_autograd_keeps(qk_norm: bool) -> None:
    params = ModelParams.model_validate({"preset": "gpt2-124m", "layers": 2, "qk_norm": qk_norm})
    model = build_model(params, 1024, seed=0)
    weights = {item.untyped_storage().data_ptr() for item in model.parameters()}
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights and tensor.shape[:1] != (1024,):
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    tokens = torch.randint(1024, (1, 512), generator=torch.Generator().manual_seed(0))
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor), torch.autocast("cpu", torch.bfloat16):
        loss = model(tokens, shift_labels=tokens, num_items_in_batch=1).loss
    held = sum(kept.values())
    matrices = sum(item.numel() * 2 for item in model.parameters() if item.ndim == 2)  # autocast's copies are kept too
    assert loss.requires_grad
    assert activation_bytes(ModelSize.of(params, 1024), 512) == pytest.approx(held - matrices, rel=0.25)


def test_sharding_takes_less_of_each_gpu_and_the_more_the_more_is_sharded() -> None:
    size = ModelSize.of(ModelParams.model_validate({"preset": "llama-7b"}), 50_000)
    total = {name: memory_per_gpu(size, name, 8, "adamw", 4096).total for name in ("ddp", "zero1", "zero2", "zero3")}
    assert list(total) == sorted(total, key=lambda name: -total[name])
    assert memory_per_gpu(size, "fsdp2", 8, "adamw", 4096).total < total["ddp"]


def test_time_and_cost_are_operations_over_what_the_gpus_do() -> None:
    params = PretrainParams.model_validate(
        {
            "model": {"preset": "gpt2-124m"},
            "tokens": 10_000_000_000,
            "batch_tokens": 524_288,
            "sequence_length": 1024,
            "schedule": {"warmup_tokens": 100_000_000},
        }
    )
    plan = plan_pretraining(params, 50_257, gpu=H100, gpus=8, mfu=0.4)
    assert plan.flops_palm / plan.tokens == pytest.approx(0.855e9, rel=0.01)  # GFLOP a token of this shape
    assert plan.seconds == pytest.approx(10e9 / (8 * 463_000), rel=0.01)  # 463k tokens/s a GPU at 40 %
    assert plan.gpu_hours == pytest.approx(plan.seconds * 8 / 3600)


def test_the_forecast_says_what_it_assumes_and_refuses_what_it_does_not_know() -> None:
    params = load_params(ROOT)
    said = training_forecast(params, Supposed(preset="llama-7b", gpus=8, tokens=140_000_000_000))
    assert "H100 SXM" in said
    assert "MFU of 40% (assumed)" in said
    assert "$2.50 an hour (assumed)" in said
    assert "zero" not in said  # params.yaml has Muon, which ZeRO cannot
    assert "(assumed)" not in training_forecast(params, Supposed("h200", 8, 0.5, 3.0, micro_batch=4))
    with pytest.raises(ConfigError, match=r"--gpu h1000 is not known; known are b200"):
        training_forecast(params, Supposed(gpu="h1000"))
    with pytest.raises(ConfigError, match="--preset gpt5 is none of tiny"):
        training_forecast(params, Supposed(preset="gpt5"))
    with pytest.raises(ConfigError, match="--mfu is a share"):
        training_forecast(params, Supposed(mfu=40.0))


def test_another_length_or_model_derives_what_is_auto_once_more() -> None:
    said = {"batch_tokens": AUTO, "optimizer": {"adamw": {"learning_rate": AUTO}}}
    section = load_params(ROOT).pretrain.model_dump() | said | {"tokens": 2_500_000_000}
    params = load_params(ROOT).model_copy(update={"pretrain": PretrainParams.model_validate(section)})
    for tokens in (2_500_000_000, 250_000_000_000):
        expected = PretrainParams.model_validate(section | {"tokens": tokens, "model": {"preset": "gpt2-124m"}})
        plan = reckon(params, Supposed(preset="gpt2-124m", tokens=tokens))
        assert (plan.steps, plan.tokens) == (expected.steps, expected.total_tokens)
    assert expected.batch_tokens > 4 * params.pretrain.batch_tokens
    with pytest.raises(ConfigError, match=r"params\.yaml with --tokens 0: pretrain\.tokens: .* greater"):
        reckon(params, Supposed(tokens=0))


def test_planning_needs_no_torch() -> None:
    code = "import sys, flows.training_plan, flows.monitor; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
