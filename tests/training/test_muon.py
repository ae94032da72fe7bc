"""Muon against torch's, which knows bf16 only, and against a singular value decomposition."""

import pytest
import torch
from torch import nn

from bessemer.training.muon import Muon, Scale, orthogonalised

SHAPES = [(32, 64), (64, 32), (48, 48)]


def _run(optimizer: torch.optim.Optimizer, weight: nn.Parameter) -> torch.Tensor:
    random = torch.Generator().manual_seed(1)
    for _ in range(4):
        weight.grad = torch.randn(weight.shape, generator=random)
        optimizer.step()
    return weight.detach().clone()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.parametrize(("scale", "theirs"), [("spectral", "original"), ("match_adamw", "match_rms_adamw")])
def test_in_bf16_it_moves_weights_as_torch_does(
    shape: tuple[int, int], nesterov: bool, scale: Scale, theirs: str
) -> None:
    start = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    ours, reference = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    settings = {"lr": 0.02, "weight_decay": 0.1, "momentum": 0.9, "nesterov": nesterov}
    expected = _run(torch.optim.Muon([reference], ns_steps=5, adjust_lr_fn=theirs, **settings), reference)
    found = _run(Muon([ours], steps=5, scale=scale, dtype=torch.bfloat16, **settings), ours)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_fp32_keeps_singular_vectors_and_brings_values_near_one(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    found = orthogonalised(matrix, 5)
    values = left.T @ found @ right.T
    assert torch.allclose(values, torch.diag(values.diagonal()), atol=1e-4)
    assert values.diagonal().min() > 0.5
    assert values.diagonal().max() < 1.3


def test_a_matrix_of_zeros_stays_zero() -> None:
    assert torch.equal(orthogonalised(torch.zeros(4, 8), 5), torch.zeros(4, 8))


def test_a_vector_is_refused() -> None:
    with pytest.raises(ValueError, match="matrices only"):
        Muon(
            [nn.Parameter(torch.zeros(3))],
            lr=0.1,
            weight_decay=0.0,
            momentum=0.9,
            nesterov=True,
            steps=5,
            scale="spectral",
            dtype=torch.float32,
        )
