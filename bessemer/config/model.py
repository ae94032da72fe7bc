"""The shape of the model: a named preset, and what is changed in it."""

from typing import Literal, NamedTuple, Self

from pydantic import Field, model_validator

from bessemer.config.base import Strict


class ModelShape(NamedTuple):
    """Sizes of a decoder; every preset is one, and :meth:`ModelParams.shape` is what is built."""

    hidden_size: int
    intermediate_size: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    context_length: int
    tie_embeddings: bool
    qk_norm: bool
    rope_theta: float

    @property
    def layer_parameters(self) -> int:
        """Weights of all layers' matrices: the N of scaling laws, without embedding and output layer."""
        attention = self.hidden_size * self.head_dim * 2 * (self.heads + self.kv_heads)
        return self.layers * (attention + 3 * self.hidden_size * self.intermediate_size)


PRESETS: dict[str, ModelShape] = {
    # 3.1M with a vocabulary of 8,192: minutes on two CPU cores, where a wider one sees fewer tokens.
    "tiny": ModelShape(192, 512, 4, 3, 1, 64, 512, tie_embeddings=True, qk_norm=True, rope_theta=10_000.0),
    # The depth, width and heads of GPT-2 small (Radford et al. 2019) with the parts of Llama; 124M with 50,257 tokens.
    "gpt2-124m": ModelShape(768, 2048, 12, 12, 12, 64, 1024, tie_embeddings=True, qk_norm=True, rope_theta=10_000.0),
    # The shape of Llama 3.2 1B (Meta 2024).
    "llama-1b": ModelShape(2048, 8192, 16, 32, 8, 64, 4096, tie_embeddings=True, qk_norm=False, rope_theta=500_000.0),
    # The shape of Llama 2 7B (Touvron et al. 2023) at a context of 2,048.
    "llama-7b": ModelShape(
        4096, 11008, 32, 32, 32, 128, 2048, tie_embeddings=False, qk_norm=False, rope_theta=10_000.0
    ),
}


class RopeScaling(Strict):
    """Rotary positions stretched over a longer context; names and meanings are those of transformers."""

    name: Literal["none", "linear", "llama3", "yarn"] = Field(
        "none",
        description="none; linear: all frequencies divided (Chen et al. 2023); llama3: the slow ones only (Meta 2024); "
        "yarn: the slow ones, and attention sharpened (Peng et al. 2023)",
    )
    factor: float = Field(8.0, ge=1.0, le=1024.0, description="how many times longer the context becomes")
    original_context: int = Field(
        8192, ge=16, description="context length in tokens before stretching, below context_length (llama3 and yarn)"
    )
    low_frequency_factor: float = Field(
        1.0, gt=0.0, description="turns over the original context below which a frequency is divided wholly (llama3)"
    )
    high_frequency_factor: float = Field(
        4.0, gt=0.0, description="turns over the original context above which a frequency stays as it is (llama3)"
    )
    beta_fast: float = Field(32.0, gt=0.0, description="turns above which a frequency stays as it is (yarn)")
    beta_slow: float = Field(1.0, gt=0.0, description="turns below which a frequency is divided wholly (yarn)")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low_frequency_factor >= self.high_frequency_factor:
            raise ValueError("low_frequency_factor must be below high_frequency_factor")
        if self.beta_slow >= self.beta_fast:
            raise ValueError("beta_slow must be below beta_fast")
        return self


class ModelParams(Strict):
    """A decoder of the Llama family. A field that is not given is the preset's."""

    preset: Literal["tiny", "gpt2-124m", "llama-1b", "llama-7b"] = Field("tiny", description="sizes to start from")
    hidden_size: int | None = Field(None, ge=16, multiple_of=8, description="width of the residual stream")
    intermediate_size: int | None = Field(None, ge=16, multiple_of=8, description="width of the SwiGLU inner layer")
    layers: int | None = Field(None, ge=1, le=512, description="decoder layers")
    heads: int | None = Field(None, ge=1, description="query heads")
    kv_heads: int | None = Field(None, ge=1, description="key and value heads; fewer than heads is GQA")
    head_dim: int | None = Field(None, ge=8, multiple_of=2, description="width of one head; need not be hidden/heads")
    context_length: int | None = Field(
        None, ge=16, description="longest sequence that the model is made for, in tokens"
    )
    tie_embeddings: bool | None = Field(None, description="the output layer is the embedding (right below about 2B)")
    qk_norm: bool | None = Field(None, description="RMSNorm on queries and keys: exports as Qwen3, otherwise as Llama")
    rope_theta: float | None = Field(None, gt=1.0, description="base of the rotary position embedding")
    rope_scaling: RopeScaling = Field(default_factory=RopeScaling, description="rotary positions of a longer context")
    norm_epsilon: float = Field(1e-6, gt=0.0, le=1e-3, description="added to the mean square in RMSNorm")
    init_std: float = Field(0.02, gt=0.0, le=1.0, description="standard deviation of the initial weights")
    init_output: Literal["scaled", "zero"] = Field(
        "scaled",
        description="last matrix of each residual branch: std / sqrt(2 layers) (GPT-2), or zero (muP, nanochat)",
    )
    vocab_multiple: int = Field(
        64, ge=1, le=1024, description="the embedding is padded to a multiple of this many rows, for tensor cores"
    )

    @property
    def shape(self) -> ModelShape:
        """The preset with the given fields put in."""
        preset = PRESETS[self.preset]
        given = {name: value for name in ModelShape._fields if (value := getattr(self, name)) is not None}
        return preset._replace(**given)

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        shape = self.shape
        if shape.heads % shape.kv_heads:
            raise ValueError(f"heads ({shape.heads}) must be a multiple of kv_heads ({shape.kv_heads})")
        if not self.shape.qk_norm and shape.hidden_size % shape.heads:
            raise ValueError(
                f"without qk_norm the model exports as Llama, where hidden_size ({shape.hidden_size}) must be a "
                f"multiple of heads ({shape.heads})"
            )
        return self

    @model_validator(mode="after")
    def _stretched(self) -> Self:
        scaling, context = self.rope_scaling, self.shape.context_length
        if scaling.name in ("llama3", "yarn") and scaling.original_context >= context:
            raise ValueError(
                f"rope_scaling.original_context ({scaling.original_context}) must be below context_length ({context}), "
                f"to which {scaling.name} stretches it; raise context_length, or set rope_scaling.name to none"
            )
        return self
