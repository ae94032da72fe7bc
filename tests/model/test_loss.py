"""The chunked loss against PyTorch's own cross-entropy over all logits at once."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from bessemer.model import loss
from bessemer.model.loss import IGNORE, OutputLayer


def layer_and_input(tokens: int, vocabulary: int, seed: int) -> tuple[OutputLayer, torch.Tensor, torch.Tensor]:
    """An output layer, hidden states of shape (tokens, 16), and targets of which about a fifth count nothing."""
    generator = torch.Generator().manual_seed(seed)
    layer = OutputLayer(16, vocabulary, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(vocabulary, 16, generator=generator))
    hidden = torch.randn(tokens, 16, generator=generator).requires_grad_()
    targets = torch.randint(vocabulary, (tokens,), generator=generator)
    return layer, hidden, torch.where(torch.rand(tokens, generator=generator) < 0.2, IGNORE, targets)


@given(st.integers(1, 50), st.integers(2, 40), st.integers(1, 9), st.integers(0, 99))
@settings(max_examples=60)
def test_loss_and_both_gradients_equal_those_of_cross_entropy(
    tokens: int, vocabulary: int, chunk: int, seed: int
) -> None:
    layer, hidden, targets = layer_and_input(tokens, vocabulary, seed)
    logits = functional.linear(hidden, layer.weight)
    expected = functional.cross_entropy(logits, targets, ignore_index=IGNORE, reduction="sum") * 0.37
    wanted = torch.autograd.grad(expected, (hidden, layer.weight))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(loss.CHUNK_BYTES, "cpu", 4 * vocabulary * chunk)
        found = layer(hidden, targets) * 0.37
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-5)
    for gradient, oracle in zip(torch.autograd.grad(found, (hidden, layer.weight)), wanted, strict=True):
        torch.testing.assert_close(gradient, oracle, atol=1e-5, rtol=1e-4)


def test_the_sum_over_many_chunks_is_as_exact_as_fp32_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(loss.CHUNK_BYTES, "cpu", 4 * 64 * 7)
    layer, hidden, targets = layer_and_input(20_000, 64, 6)
    found = layer(hidden, targets)
    gradients = torch.autograd.grad(found, (hidden, layer.weight))
    wide, weight = (tensor.detach().double().requires_grad_() for tensor in (hidden, layer.weight))
    exact = functional.cross_entropy(wide @ weight.t(), targets, ignore_index=IGNORE, reduction="sum")
    error = abs(float(found.detach().double() / exact.detach()) - 1)
    print(f"relative error of the sum over {len(targets)} tokens: {error:.2g}")
    assert error < torch.finfo(torch.float32).eps * math.sqrt(20_000 / 7)
    for gradient, oracle in zip(gradients, torch.autograd.grad(exact, (wide, weight)), strict=True):
        assert float((gradient.double() - oracle).norm() / oracle.norm()) < 1e-6


@pytest.mark.parametrize("z_loss", [0.0, 1e-2])
def test_weights_in_fp64_give_loss_and_gradients_exact_to_fp64(z_loss: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(loss.CHUNK_BYTES, "cpu", 4 * 9 * 4)
    layer, hidden, targets = layer_and_input(100, 9, 4)
    layer.z_loss = z_loss
    layer.double()
    wide = hidden.detach().double().requires_grad_()
    logits = functional.linear(wide, layer.weight)
    nll = functional.cross_entropy(logits, targets, ignore_index=IGNORE, reduction="sum")
    expected = nll + z_loss * logits.logsumexp(dim=1)[targets != IGNORE].square().sum()
    found = layer(wide, targets)
    assert found.dtype == torch.float64
    assert float(found.detach()) == pytest.approx(float(expected.detach()), rel=1e-14)
    oracles = torch.autograd.grad(expected, (wide, layer.weight))
    for gradient, oracle in zip(torch.autograd.grad(found, (wide, layer.weight)), oracles, strict=True):
        assert float((gradient - oracle).norm() / oracle.norm()) < 1e-14


@given(st.integers(1, 40), st.integers(2, 30), st.integers(1, 9), st.floats(1e-5, 1e-1))
@settings(max_examples=30)
def test_z_loss_adds_the_squared_logsumexp_of_counted_tokens_in_training_only(
    tokens: int, vocabulary: int, chunk: int, z_loss: float
) -> None:
    layer, hidden, targets = layer_and_input(tokens, vocabulary, 5)
    layer.z_loss = z_loss
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(loss.CHUNK_BYTES, "cpu", 4 * vocabulary * chunk)
        found, judged = layer(hidden, targets), layer.eval()(hidden, targets)
    logits = functional.linear(hidden, layer.weight)
    nll = functional.cross_entropy(logits, targets, ignore_index=IGNORE, reduction="sum")
    expected = nll + z_loss * logits.logsumexp(dim=1)[targets != IGNORE].square().sum()
    torch.testing.assert_close(judged, nll, atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-5)
    wanted = torch.autograd.grad(expected, (hidden, layer.weight))
    for gradient, oracle in zip(torch.autograd.grad(found, (hidden, layer.weight)), wanted, strict=True):
        torch.testing.assert_close(gradient, oracle, atol=1e-4, rtol=1e-4)


def test_logits_far_apart_neither_overflow_nor_vanish() -> None:
    layer, hidden, targets = layer_and_input(20, 30, 0)
    with torch.no_grad():
        layer.weight.mul_(1e4)
    found = layer(hidden, targets)
    expected = functional.cross_entropy(layer(hidden), targets, ignore_index=IGNORE, reduction="sum")
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=0.0)
    assert all(bool(torch.isfinite(gradient).all()) for gradient in torch.autograd.grad(found, (hidden, layer.weight)))


def test_under_autocast_the_products_are_bf16_and_the_sums_are_not() -> None:
    layer, hidden, targets = layer_and_input(200, 64, 1)
    exact = layer(hidden, targets)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = layer(hidden, targets)
    assert rounded.dtype == torch.float32
    assert rounded.item() != exact.item()
    assert rounded.item() == pytest.approx(exact.item(), rel=5e-3)
    gradients = torch.autograd.grad(rounded, (hidden, layer.weight))
    assert [gradient.dtype for gradient in gradients] == [torch.float32, torch.float32]
    oracle = torch.autograd.grad(exact, (hidden, layer.weight))
    for gradient, wanted in zip(gradients, oracle, strict=True):
        assert float((gradient - wanted).norm() / wanted.norm()) < 0.02


def test_frozen_weights_get_no_gradient_and_none_is_made_without_grad() -> None:
    layer, hidden, targets = layer_and_input(10, 12, 2)
    layer.weight.requires_grad_(False)
    layer(hidden, targets).backward()
    assert hidden.grad is not None
    assert layer.weight.grad is None
    with torch.no_grad():
        assert not layer(hidden, targets).requires_grad


def test_nothing_to_predict_costs_nothing() -> None:
    layer, hidden, _ = layer_and_input(5, 12, 3)
    found = layer(hidden, torch.full((5,), IGNORE))
    found.backward()
    assert found.item() == 0.0
    assert hidden.grad is not None
    assert not hidden.grad.any()
