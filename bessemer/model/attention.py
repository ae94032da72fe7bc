"""Which attention kernel runs, and how packed documents are kept apart on it.

Several documents share a row. They must not see each other, on any backend: on SDPA by a block-causal mask, on flex
attention by a block mask, on flash attention and on torch's own variable-length kernel by sequence boundaries.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from inspect import signature
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn.attention import varlen
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask
from transformers.utils import is_flash_attn_2_available, is_flash_attn_3_available

from bessemer.errors import ConfigError

VARLEN = "torch_varlen"
SDPA = "sdpa"
EAGER = "eager"
FLEX = "flex_attention"
FLASH = ("flash_attention_2", "flash_attention_3")
BACKENDS = (SDPA, EAGER, VARLEN, FLEX, *FLASH)
_GROUPED = "enable_gqa" in signature(varlen.varlen_attn).parameters
"""Whether torch's kernel is told of groups of heads; before it was, keys and values are repeated for it."""


@dataclass(frozen=True)
class AttentionChoice:
    """The backend that will run, by the name transformers knows it, and the reason in a sentence."""

    backend: str
    reason: str


@dataclass(frozen=True)
class Packing:
    """What keeps the documents of a batch apart.

    Attributes:
        position_ids: shape (batch, length), int64; they start again with each document.
        mask: what the backend takes as a mask (boolean or additive tensor, or BlockMask); None for plain causal.
        kernel: keyword arguments of the variable-length kernels.
    """

    position_ids: Tensor
    mask: Any = None
    kernel: Mapping[str, Any] = field(default_factory=dict)


def choose_backend(requested: str, device: torch.device, dtype: torch.dtype) -> AttentionChoice:
    """The backend for ``requested`` (``auto`` or one of BACKENDS) on a device, with weights or autocast of ``dtype``.

    Raises:
        ConfigError: a backend was asked for by name and cannot run here.
    """
    obstacles = {name: _obstacle(name, device, dtype) for name in BACKENDS}
    if requested != "auto":
        if requested not in BACKENDS:
            raise ConfigError(f"attention: {requested!r} is no backend; use auto or one of {', '.join(BACKENDS)}.")
        if obstacles[requested]:
            raise ConfigError(f"attention: {requested} cannot run here: {obstacles[requested]}; use attention: auto.")
        return AttentionChoice(requested, "asked for")
    preferred = ("flash_attention_3", "flash_attention_2", VARLEN, FLEX) if device.type == "cuda" else ()
    for name in preferred:
        if not obstacles[name]:
            return AttentionChoice(name, "fastest variable-length kernel that runs here")
    passed = "; ".join(f"{name}: {obstacles[name]}" for name in preferred)
    return AttentionChoice(SDPA, f"no variable-length kernel ({passed})" if passed else f"the kernel for {device.type}")


def _obstacle(name: str, device: torch.device, dtype: torch.dtype) -> str:
    """Why ``name`` cannot train on ``device``; empty when it can."""
    if name in (SDPA, EAGER):
        return ""
    if device.type != "cuda":
        return f"it has no backward pass on {device.type}"
    if name == FLEX:
        return "" if find_spec("triton") else "it needs triton"
    if dtype not in (torch.bfloat16, torch.float16):
        return f"it takes bf16 or fp16, not {dtype}"
    major = torch.cuda.get_device_capability(device)[0]
    if name == VARLEN:
        return "" if major >= 8 else f"it needs compute capability 8, this device has {major}"
    installed = is_flash_attn_3_available() if name == "flash_attention_3" else is_flash_attn_2_available()
    return "" if installed else "the package is not installed (pip install 'bessemer[gpu]')"


def pack(document_ids: Tensor, backend: str) -> Packing:
    """Positions, and a mask or boundaries, for rows that hold several documents one after another.

    Args:
        document_ids: shape (batch, length), any integer dtype; a new document begins wherever the value changes.
        backend: one of BACKENDS.

    Source: intra-document masking as in Llama 3 (Meta 2024, section 3.2) and Zhao et al. 2024.
    """
    batch, length = document_ids.shape
    starts = torch.ones(batch, length, dtype=torch.bool, device=document_ids.device)
    starts[:, 1:] = document_ids[:, 1:] != document_ids[:, :-1]
    columns = torch.arange(length, device=document_ids.device).expand(batch, length)
    first = torch.where(starts, columns, 0).cummax(dim=1).values
    positions = columns - first
    if backend in (SDPA, EAGER):
        return Packing(positions, _dense_mask(starts, first, additive=backend == EAGER))
    if backend == FLEX:
        return Packing(positions, _block_mask(first))
    return Packing(positions, kernel=_boundaries(starts))


def _dense_mask(starts: Tensor, first: Tensor, additive: bool) -> Tensor | None:
    """Boolean (or additive fp32) mask of shape (batch, 1, length, length); None if every row is one document."""
    if not torch.compiler.is_compiling() and not bool(starts[:, 1:].any()):
        return None if not additive else _additive(_block_causal(first))
    mask = _block_causal(first)
    return _additive(mask) if additive else mask


def _block_causal(first: Tensor) -> Tensor:
    """Query i sees key j of the same row when first(i) <= j <= i, first(i) being where the document of i begins."""
    columns = torch.arange(first.shape[1], device=first.device)
    return ((columns <= columns[:, None]) & (columns >= first[:, :, None])).unsqueeze(1)


def _additive(mask: Tensor) -> Tensor:
    return torch.zeros(mask.shape, dtype=torch.float32, device=mask.device).masked_fill_(~mask, float("-inf"))


def _block_mask(first: Tensor) -> Any:
    from torch.nn.attention.flex_attention import create_block_mask

    def same_document(b: Tensor, h: Tensor, q: Tensor, k: Tensor) -> Tensor:
        return (k <= q) & (k >= first[b, q])

    batch, length = first.shape
    return create_block_mask(same_document, batch, None, length, length, device=first.device.type)


@torch.compiler.disable
def _boundaries(starts: Tensor) -> dict[str, Any]:
    """Arguments of the variable-length kernels: cumulative lengths over the flattened batch, and the longest."""
    begins = starts.reshape(-1).nonzero().squeeze(1)
    ends = torch.cat([begins, begins.new_tensor([starts.numel()])])
    longest = int(ends.diff().max())
    cumulative = ends.to(torch.int32)
    return {
        "cu_seq_lens_q": cumulative,
        "cu_seq_lens_k": cumulative,
        "max_length_q": longest,
        "max_length_k": longest,
    }


def eager_attention_forward(
    module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **kwargs: Any
) -> tuple[Tensor, Tensor]:
    """Attention in plain matrix products, for reading and for checking the others; also returns the weights.

    Args:
        module: the attention module, for its group count.
        query: shape (batch, heads, length, head_dim); key and value likewise with kv heads.
        key: see query.
        value: see query.
        attention_mask: additive, broadcast to (batch, heads, length, keys).
        **kwargs: ``scaling``.
    """
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    scores = query @ key.transpose(2, 3)
    scores = scores.to(torch.promote_types(scores.dtype, torch.float32)) * kwargs["scaling"]
    if attention_mask is not None:
        scores = scores + attention_mask
    weights = scores.softmax(dim=-1)
    return (weights.to(value.dtype) @ value).transpose(1, 2).contiguous(), weights


def varlen_attention_forward(
    module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **kwargs: Any
) -> tuple[Tensor, None]:
    """torch's variable-length kernel behind the interface of transformers; without boundaries, SDPA.

    Args:
        module: the attention module, for its group count.
        query: shape (batch, heads, length, head_dim); key and value likewise with kv heads.
        key: see query.
        value: see query.
        attention_mask: None, or the mask of a call without packed documents.
        **kwargs: ``scaling`` and, for packed rows, the arguments made by :func:`pack`.
    """
    boundaries = kwargs.get("cu_seq_lens_q")
    if boundaries is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)
    batch, _, length, _ = query.shape
    groups = query.shape[1] // key.shape[1]
    if groups > 1 and not _GROUPED:
        key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    flat_query, flat_key, flat_value = (
        tensor.transpose(1, 2).reshape(batch * length, -1, tensor.shape[-1]) for tensor in (query, key, value)
    )
    grouped: dict[str, Any] = {"enable_gqa": True} if groups > 1 and _GROUPED else {}
    output = varlen.varlen_attn(
        flat_query,
        flat_key,
        flat_value,
        boundaries,
        kwargs["cu_seq_lens_k"],
        kwargs["max_length_q"],
        kwargs["max_length_k"],
        scale=kwargs.get("scaling"),
        window_size=(-1, 0),
        **grouped,
    )
    return cast(Tensor, output).view(batch, length, query.shape[1], -1), None


AttentionInterface.register(VARLEN, varlen_attention_forward)
AttentionMaskInterface.register(VARLEN, sdpa_mask)
