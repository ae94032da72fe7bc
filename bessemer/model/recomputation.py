"""Which activations of a layer are computed again in the backward pass instead of being kept.

Full: only the input of each layer is kept, and its forward pass is made twice (Chen et al. 2016). Selective: also the
outputs of matrix products and attention are kept, so only what is cheap is made twice (Korthikanti et al. 2022).
"""

from functools import partial
from typing import Any

import torch
from torch.utils.checkpoint import CheckpointPolicy, create_selective_checkpoint_contexts

from bessemer.config.distributed import Recomputation
from bessemer.model.modeling import BessemerForCausalLM

_PRODUCTS = ("mm", "addmm", "bmm", "baddbmm")
_ATTENTION = (
    "_scaled_dot_product_flash_attention",
    "_scaled_dot_product_flash_attention_for_cpu",
    "_scaled_dot_product_efficient_attention",
    "_scaled_dot_product_cudnn_attention",
    "_scaled_dot_product_fused_attention_overrideable",
)
_KERNELS = ("torch_attn::_varlen_attn", "flash_attn::_flash_attn_varlen_forward", "flash_attn_3::fwd")
"""Variable-length attention by its name in torch's registry; the packages need not be there."""

_COSTLY = frozenset(f"aten::{name}" for name in (*_PRODUCTS, *_ATTENTION)) | frozenset(_KERNELS)


def recompute(model: BessemerForCausalLM, how: Recomputation) -> None:
    """Set up ``model`` to keep less than all activations when it trains; ``none`` keeps all."""
    if how == "none":
        return
    settings: dict[str, Any] = {"use_reentrant": False}
    if how == "selective":
        settings["context_fn"] = partial(create_selective_checkpoint_contexts, _policy)
    model.activation_checkpointing_enable(settings)


def _policy(context: Any, operation: Any, *_: Any, **__: Any) -> CheckpointPolicy:
    if operation is torch.ops.higher_order.flex_attention:
        return CheckpointPolicy.MUST_SAVE
    name = operation.name().partition(".")[0] if isinstance(operation, torch._ops.OpOverload) else ""
    return CheckpointPolicy.MUST_SAVE if name in _COSTLY else CheckpointPolicy.PREFER_RECOMPUTE
