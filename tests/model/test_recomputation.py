"""What is kept and what is computed again, by the operations that a counter sees."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from bessemer.config.distributed import Recomputation
from bessemer.model.recomputation import recompute
from tests.model.builders import SMALL, random_tokens, small_model

LAYERS, TOKENS = 2, 2 * 64


def run(how: Recomputation, attention: str, autocast: bool) -> tuple[int, int, list[torch.Tensor]]:
    """Operations forward, operations backward, gradients."""
    model = small_model(attention=attention).train()
    recompute(model, how)
    tokens = random_tokens(2, 64)
    documents = (torch.arange(64) >= 20).int().expand(2, 64)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        with FlopCounterMode(display=False) as forward:
            hidden = model.model(tokens, document_ids=documents).last_hidden_state
        loss = hidden.float().square().sum()
    with FlopCounterMode(display=False) as backward:
        loss.backward()
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    return forward.get_total_flops(), backward.get_total_flops(), gradients


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("autocast", [False, True], ids=["fp32", "bf16"])
def test_selective_makes_no_product_twice_full_makes_them_twice_and_no_gradient_changes(
    attention: str, autocast: bool
) -> None:
    forward, backward, expected = run("none", attention, autocast)
    nobody_waits_for = LAYERS * 2 * TOKENS * SMALL["intermediate_size"] * SMALL["hidden_size"]  # a layer's last product
    for how, again in (("selective", 0), ("full", forward - nobody_waits_for)):
        found = run(how, attention, autocast)  # type: ignore[arg-type]
        assert found[0] == forward
        assert found[1] == backward + again
        for one, other in zip(found[2], expected, strict=True):
            assert torch.equal(one, other)


def kept_bytes(how: Recomputation) -> int:
    """Memory of what autograd keeps between the passes, weights and inputs not counted."""
    model = small_model(layers=8, hidden_size=128, intermediate_size=352).train()
    recompute(model, how)
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    storages: dict[int, torch.Tensor] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storages[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        kept = model.model(random_tokens(2, 64)).last_hidden_state
    assert kept.requires_grad
    return sum(tensor.untyped_storage().nbytes() for pointer, tensor in storages.items() if pointer not in weights)


def test_full_keeps_less_than_an_eighth_of_what_none_keeps() -> None:
    assert kept_bytes("full") < kept_bytes("none") / 8
