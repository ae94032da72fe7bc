"""Configuration of the training model, registered with the Auto classes as ``bessemer``."""

from collections.abc import Mapping
from typing import Any

from transformers import AutoConfig, PreTrainedConfig


class BessemerConfig(PreTrainedConfig):
    """Sizes and settings of :class:`~bessemer.model.modeling.BessemerForCausalLM`.

    Names follow ``Qwen3Config`` so that an export copies them. ``qk_norm`` selects the family of the export;
    ``init_output`` is ``scaled`` or ``zero`` and matters only before the first step.
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

    vocab_size: int = 8192
    hidden_size: int = 256
    intermediate_size: int = 704
    num_hidden_layers: int = 4
    num_attention_heads: int = 4
    num_key_value_heads: int = 2
    head_dim: int = 64
    hidden_act: str = "silu"
    max_position_embeddings: int = 512
    initializer_range: float = 0.02
    init_output: str = "scaled"
    rms_norm_eps: float = 1e-6
    qk_norm: bool = True
    use_cache: bool = True
    tie_word_embeddings: bool = True
    rope_parameters: dict[str, Any] | None = None
    attention_bias: bool = False
    attention_dropout: float = 0.0
    pad_token_id: int | None = 3
    bos_token_id: int | None = 2
    eos_token_id: int | None = 2

    def __post_init__(self, **kwargs: Any) -> None:
        """Fill in the default rotary parameters."""
        if self.rope_parameters is None:
            self.rope_parameters = {"rope_type": "default", "rope_theta": 10_000.0}
        super().__post_init__(**kwargs)

    @property
    def rope(self) -> Mapping[str, Any]:
        """Rotary parameters under transformers' names: ``rope_type``, ``rope_theta`` and what the type needs."""
        assert self.rope_parameters is not None
        return self.rope_parameters


AutoConfig.register(BessemerConfig.model_type, BessemerConfig, exist_ok=True)
