"""The decoder: RMSNorm, rotary positions, grouped-query attention, SwiGLU; weights named as in Qwen3 and Llama.

Calling it for training::

    model(input_ids, document_ids=document_ids, shift_labels=targets, num_items_in_batch=count).loss

``shift_labels[b, t]`` is the token that position t of row b predicts (-100: none). The loss is the sum of the
negative log-likelihoods in nats divided by ``num_items_in_batch``, the number of predicted tokens of the whole step
over all processes and micro-batches; without it, the mean. With ``labels`` the shift happens here, as in transformers.
"""

import math
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModelForCausalLM, GenerationMixin, PreTrainedModel
from transformers import initialization as init
from transformers.cache_utils import Cache, DynamicCache
from transformers.masking_utils import create_causal_mask
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.utils import can_return_tuple

from bessemer.model.attention import Packing, eager_attention_forward, pack
from bessemer.model.config import BessemerConfig
from bessemer.model.loss import IGNORE, OutputLayer
from bessemer.model.rotary import rotary_tables, rotate


class BessemerRMSNorm(nn.Module):
    """x / rms(x) · weight (Zhang & Sennrich 2019), in fp32 or wider; under autocast cast once, for all its readers."""

    def __init__(self, size: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.epsilon = epsilon

    def forward(self, hidden: Tensor) -> Tensor:
        """Same shape; the dtype of autocast where it is on, otherwise that of weight and input."""
        wide = hidden.to(torch.promote_types(hidden.dtype, torch.float32))
        scaled = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.epsilon)
        if torch.is_autocast_enabled(hidden.device.type):
            return (self.weight * scaled).to(torch.get_autocast_dtype(hidden.device.type))
        return self.weight * scaled.to(hidden.dtype)


class _ResidualOutput(nn.Linear):
    """The last matrix of a residual branch: a linear layer that is initialised smaller."""


class BessemerAttention(nn.Module):
    """Grouped-query self-attention, with RMSNorm on queries and keys when ``qk_norm`` is set."""

    def __init__(self, config: BessemerConfig, layer_idx: int) -> None:
        super().__init__()
        self.config = config
        self.layer_idx = layer_idx
        self.head_dim = config.head_dim
        self.num_key_value_groups = config.num_attention_heads // config.num_key_value_heads
        self.scaling = config.head_dim**-0.5
        self.is_causal = True
        queries, keys = config.num_attention_heads * config.head_dim, config.num_key_value_heads * config.head_dim
        self.q_proj = nn.Linear(config.hidden_size, queries, bias=False)
        self.k_proj = nn.Linear(config.hidden_size, keys, bias=False)
        self.v_proj = nn.Linear(config.hidden_size, keys, bias=False)
        self.o_proj = _ResidualOutput(queries, config.hidden_size, bias=False)
        if config.qk_norm:
            self.q_norm = BessemerRMSNorm(config.head_dim, config.rms_norm_eps)
            self.k_norm = BessemerRMSNorm(config.head_dim, config.rms_norm_eps)

    def forward(
        self, hidden: Tensor, rotary: tuple[Tensor, Tensor], mask: Any, cache: Cache | None, kernel: dict[str, Any]
    ) -> Tensor:
        """Shape (batch, length, hidden) in and out."""
        shape = (*hidden.shape[:-1], -1, self.head_dim)
        query, key = self.q_proj(hidden).view(shape), self.k_proj(hidden).view(shape)
        value = self.v_proj(hidden).view(shape).transpose(1, 2)
        if self.config.qk_norm:
            query, key = self.q_norm(query), self.k_norm(key)
        query = rotate(query.transpose(1, 2), rotary).to(value.dtype)
        key = rotate(key.transpose(1, 2), rotary).to(value.dtype)
        if cache is not None:
            key, value = cache.update(key, value, self.layer_idx)
        attend = ALL_ATTENTION_FUNCTIONS.get_interface(self.config._attn_implementation, eager_attention_forward)
        mixed, _ = attend(self, query, key, value, mask, dropout=0.0, scaling=self.scaling, **kernel)
        return cast(Tensor, self.o_proj(mixed.reshape(*hidden.shape[:-1], -1)))


class BessemerMLP(nn.Module):
    """SwiGLU: down(silu(gate(x)) · up(x)) (Shazeer 2020)."""

    def __init__(self, config: BessemerConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = _ResidualOutput(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        """Shape (batch, length, hidden) in and out."""
        return cast(Tensor, self.down_proj(functional.silu(self.gate_proj(hidden)) * self.up_proj(hidden)))


class BessemerDecoderLayer(GradientCheckpointingLayer):
    """Pre-norm attention and SwiGLU, each added to the residual stream."""

    def __init__(self, config: BessemerConfig, layer_idx: int) -> None:
        super().__init__()
        self.self_attn = BessemerAttention(config, layer_idx)
        self.mlp = BessemerMLP(config)
        self.input_layernorm = BessemerRMSNorm(config.hidden_size, config.rms_norm_eps)
        self.post_attention_layernorm = BessemerRMSNorm(config.hidden_size, config.rms_norm_eps)

    def forward(
        self,
        hidden: Tensor,
        rotary: tuple[Tensor, Tensor],
        mask: Any = None,
        past_key_values: Cache | None = None,
        kernel: dict[str, Any] | None = None,
    ) -> Tensor:
        """Shape (batch, length, hidden) in and out."""
        hidden = hidden + self.self_attn(self.input_layernorm(hidden), rotary, mask, past_key_values, kernel or {})
        return hidden + cast(Tensor, self.mlp(self.post_attention_layernorm(hidden)))


class BessemerPreTrainedModel(PreTrainedModel):
    """What transformers needs to know about both classes below."""

    config: BessemerConfig
    config_class = BessemerConfig
    base_model_prefix = "model"
    supports_gradient_checkpointing = True
    _no_split_modules = ["BessemerDecoderLayer"]
    _skip_keys_device_placement = ["past_key_values"]
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_flex_attn = True
    _supports_attention_backend = True
    _can_compile_fullgraph = True

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """N(0, std); the last matrix of each residual branch scaled by 1/sqrt(2 layers) or zero; norms 1."""
        if not isinstance(module, _ResidualOutput):
            super()._init_weights(module)
        elif self.config.init_output == "zero":
            init.zeros_(module.weight)
        else:
            std = self.config.initializer_range / math.sqrt(2 * self.config.num_hidden_layers)
            init.normal_(module.weight, mean=0.0, std=std)


class BessemerModel(BessemerPreTrainedModel):
    """Embedding, decoder layers and the last norm."""

    def __init__(self, config: BessemerConfig) -> None:
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(BessemerDecoderLayer(config, index) for index in range(config.num_hidden_layers))
        self.norm = BessemerRMSNorm(config.hidden_size, config.rms_norm_eps)
        self.gradient_checkpointing = False
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: Tensor | None = None,
        use_cache: bool | None = None,
        document_ids: Tensor | None = None,
        **kwargs: Any,
    ) -> BaseModelOutputWithPast:
        """Hidden states of shape (batch, length, hidden).

        Args:
            input_ids: shape (batch, length), int64.
            attention_mask: shape (batch, cached + length), 1 where a token is real; for padded batches only.
            position_ids: shape (batch, length), int64; counted from the cache if not given.
            past_key_values: keys and values so far.
            inputs_embeds: shape (batch, length, hidden), instead of ``input_ids``.
            use_cache: keep keys and values; by default when not training and not packed.
            document_ids: shape (batch, length); a new document begins wherever the value changes, and documents do
                not see each other.

        Raises:
            ValueError: packed documents together with a cache, a mask or positions of the caller's own, where they
                could leak into each other.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("give either input_ids or inputs_embeds")
        hidden = self.embed_tokens(input_ids) if inputs_embeds is None else inputs_embeds
        if document_ids is not None:
            if past_key_values is not None or attention_mask is not None or position_ids is not None or use_cache:
                raise ValueError("document_ids exclude past_key_values, use_cache, attention_mask and position_ids")
            packing = pack(document_ids, self.config._attn_implementation)
        else:
            if past_key_values is None and (
                self.config.use_cache and not self.training if use_cache is None else use_cache
            ):
                past_key_values = DynamicCache(config=self.config)
            packing = self._unpacked(hidden, attention_mask, position_ids, past_key_values)
        rotary = rotary_tables(self.config.rope, packing.position_ids, self.config.head_dim)
        for layer in self.layers:
            hidden = layer(
                hidden, rotary, mask=packing.mask, past_key_values=past_key_values, kernel=dict(packing.kernel)
            )
        return BaseModelOutputWithPast(last_hidden_state=self.norm(hidden), past_key_values=past_key_values)

    def _unpacked(
        self, hidden: Tensor, attention_mask: Tensor | None, position_ids: Tensor | None, cache: Cache | None
    ) -> Packing:
        """One document a row: positions counted from the cache, the causal mask of transformers (padding included)."""
        if position_ids is None:
            seen = cache.get_seq_length() if cache is not None else 0
            position_ids = torch.arange(seen, seen + hidden.shape[1], device=hidden.device).unsqueeze(0)
        mask = create_causal_mask(self.config, hidden, attention_mask, cache, position_ids)
        return Packing(position_ids, mask)


class BessemerForCausalLM(BessemerPreTrainedModel, GenerationMixin):
    """The decoder with its output layer and loss."""

    _tied_weights_keys = {"lm_head.weight": "model.embed_tokens.weight"}
    _tp_plan = {"lm_head": "colwise_gather_output"}
    _fsdp_plan = {"lm_head": "keep_full_weight"}

    def __init__(self, config: BessemerConfig) -> None:
        super().__init__(config)
        self.model = BessemerModel(config)
        self.lm_head = OutputLayer(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        document_ids: Tensor | None = None,
        shift_labels: Tensor | None = None,
        num_items_in_batch: int | Tensor | None = None,
        return_logits: bool = False,
        **kwargs: Any,
    ) -> CausalLMOutputWithPast:
        """Logits of shape (batch, length, vocabulary), or the loss; see the module's docstring and BessemerModel.

        Args:
            input_ids: see :meth:`BessemerModel.forward`, as all arguments not named here.
            attention_mask: see there.
            position_ids: see there.
            past_key_values: see there.
            inputs_embeds: see there.
            use_cache: see there.
            document_ids: see there.
            labels: shape (batch, length), int64: the tokens themselves, shifted here; -100 counts nothing.
            logits_to_keep: only the last so many positions, or the positions of an index tensor.
            shift_labels: shape (batch, length), int64: the token that each position predicts; -100 counts nothing.
            num_items_in_batch: what the summed nll is divided by; the targets of this call if not given.
            return_logits: make the logits too when there is a loss (they are not made otherwise).
        """
        scored = labels is not None or shift_labels is not None
        outputs = self.model(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            use_cache=False if scored and use_cache is None else use_cache,
            document_ids=document_ids,
        )
        hidden = outputs.last_hidden_state
        loss = None
        if scored:
            if shift_labels is None:
                assert labels is not None
                shift_labels = functional.pad(labels, (0, 1), value=IGNORE)[..., 1:]
            if num_items_in_batch is None:
                num_items_in_batch = (shift_labels != IGNORE).sum().clamp(min=1)
            loss = self.lm_head(hidden, shift_labels) / num_items_in_batch
        logits = None
        if not scored or return_logits:
            kept = (
                slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) and logits_to_keep else logits_to_keep
            )
            logits = self.lm_head(hidden[:, kept] if not isinstance(kept, int) else hidden)
        return CausalLMOutputWithPast(loss=loss, logits=logits, past_key_values=outputs.past_key_values)


AutoModelForCausalLM.register(BessemerConfig, BessemerForCausalLM, exist_ok=True)
