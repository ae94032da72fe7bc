"""Configuration of the training model, registered with the Auto classes as ``bessemer``."""

from collections.abc import Mapping
from typing import Any

from transformers import AutoConfig, PreTrainedConfig


class BessemerConfig(PreTrainedConfig):
    """Sizes and settings of :class:`~bessemer.model.modeling.BessemerForCausalLM`.

    Names follow ``Qwen3Config`` so that an export copies them. ``qk_norm`` selects the family of the export;
    ``init_output`` is ``scaled`` or ``zero`` and matters only before the first step. What the presets in
    :mod:`bessemer.config.model` decide has no default here.
    """

    model_type = "bessemer"
    keys_to_ignore_at_inference = ["past_key_values"]
    base_model_tp_plan = {
        "layers.*.self_attn.q_proj": "colwise",
        "layers.*.self_attn.k_proj": "colwise",
        "layers.*.self_attn.v_proj": "colwise",
        "layers.*.self_attn.q_norm": "replicated_with_grad_allreduce",
        "layers.*.self_attn.k_norm": "replicated_with_grad_allreduce",
        "layers.*.self_attn.o_proj": "rowwise",
        "layers.*.mlp.gate_proj": "colwise",
        "layers.*.mlp.up_proj": "colwise",
        "layers.*.mlp.down_proj": "rowwise",
    }

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    max_position_embeddings: int
    qk_norm: bool
    tie_word_embeddings: bool
    init_output: str
    initializer_range: float
    rms_norm_eps: float
    rope_parameters: dict[str, Any]
    hidden_act: str = "silu"
    use_cache: bool = True
    attention_bias: bool = False
    attention_dropout: float = 0.0
    pad_token_id: int | None = 3
    bos_token_id: int | None = 2
    eos_token_id: int | None = 2

    @property
    def rope(self) -> Mapping[str, Any]:
        """Rotary parameters under transformers' names: ``rope_type``, ``rope_theta`` and what the type needs."""
        return self.rope_parameters


AutoConfig.register(BessemerConfig.model_type, BessemerConfig, exist_ok=True)
