"""Which optimizer moves which weights, and how."""

import torch

from bessemer.config.model import ModelParams
from bessemer.config.pretrain import OptimizerParams
from bessemer.model.presets import build_model
from bessemer.training.optimizer import Optimizers, parameter_groups

SHAPE = ModelParams(hidden_size=32, intermediate_size=64, layers=2, heads=2, kv_heads=1, head_dim=16)


def test_every_weight_is_in_one_group_and_a_tied_output_layer_once() -> None:
    model = build_model(SHAPE, 64, seed=0)
    groups = parameter_groups(model)
    assert sum(len(group) for group in groups.values()) == len(list(model.parameters()))
    assert list(groups["embeddings"]) == ["model.embed_tokens.weight"]
    assert all(name.endswith("norm.weight") or "norm" in name for name in groups["vectors"])
    assert len(groups["matrices"]) == 2 * 7


def test_an_untied_output_layer_is_no_matrix_for_muon() -> None:
    model = build_model(SHAPE.model_copy(update={"tie_embeddings": False}), 64, seed=0)
    assert sorted(parameter_groups(model)["embeddings"]) == ["lm_head.weight", "model.embed_tokens.weight"]


def test_a_step_of_muon_has_the_spectral_norm_of_its_learning_rate() -> None:
    model = build_model(SHAPE, 64, seed=0)
    params = OptimizerParams.model_validate({"muon": {"learning_rate": 0.1}})
    optimizers = Optimizers(model, params, "fp32", fused=False)
    weight = model.model.layers[0].mlp.up_proj.weight
    before = weight.detach().clone()
    for parameter in model.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
    optimizers.set_factor(0.5)
    optimizers.step()
    moved = torch.linalg.svdvals(weight.detach() - before)
    expected = 0.1 * 0.5 * (64 / 32) ** 0.5
    assert moved.max() < 1.35 * expected
    assert moved.min() > 0.5 * expected


def test_embedding_and_norms_do_not_decay() -> None:
    model = build_model(SHAPE, 64, seed=0)
    optimizers = Optimizers(model, OptimizerParams(name="adamw"), "fp32", fused=False)
    decays = {group["kind"]: group["weight_decay"] for group in optimizers.all[0].param_groups}
    assert decays == {"matrices": 0.1, "embeddings": 0.0, "vectors": 0.0}


def test_state_is_the_live_tensors_by_name() -> None:
    model = build_model(SHAPE, 64, seed=0)
    optimizers = Optimizers(model, OptimizerParams(), "fp32", fused=False)
    tensors = optimizers.tensors()
    assert {name.rsplit(".", 1)[1] for name in tensors} == {"momentum_buffer", "exp_avg", "exp_avg_sq", "step"}
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizers.step()
    assert all(bool(tensor.any()) for tensor in tensors.values())
