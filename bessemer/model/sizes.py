"""What a decoder weighs and costs, from its sizes alone: parameters, operations, bytes. Nothing here needs torch."""

from dataclasses import dataclass

from bessemer.config.model import ModelParams


@dataclass(frozen=True)
class ModelSize:
    """Sizes of a decoder, the rows of its embedding included."""

    vocabulary: int
    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    tied: bool
    qk_norm: bool

    @classmethod
    def of(cls, params: ModelParams, vocab_size: int) -> "ModelSize":
        """Of the model that ``params`` describe, for a tokenizer of ``vocab_size`` tokens."""
        shape = params.shape
        return cls(
            vocabulary=-(-vocab_size // params.vocab_multiple) * params.vocab_multiple,
            hidden=shape.hidden_size,
            intermediate=shape.intermediate_size,
            layers=shape.layers,
            heads=shape.heads,
            kv_heads=shape.kv_heads,
            head_dim=shape.head_dim,
            tied=shape.tie_embeddings,
            qk_norm=shape.qk_norm,
        )

    @property
    def layer_matrices(self) -> int:
        """Weights of one layer's matrices."""
        attention = 2 * self.head_dim * (self.heads + self.kv_heads)
        return self.hidden * (attention + 3 * self.intermediate)

    @property
    def by_kind(self) -> dict[str, int]:
        """Parameters by kind, as :func:`bessemer.training.optimizer.parameter_groups` counts them."""
        norms = (2 * self.layers + 1) * self.hidden + (2 * self.layers * self.head_dim if self.qk_norm else 0)
        embeddings = self.vocabulary * self.hidden * (1 if self.tied else 2)
        return {"matrices": self.layers * self.layer_matrices, "embeddings": embeddings, "vectors": norms}

    @property
    def parameters(self) -> int:
        """All of them; a tied output layer counts once."""
        return sum(self.by_kind.values())

    @property
    def multiplied(self) -> int:
        """Weights that a token is multiplied with: all layers and the output layer, tied or not; no look-up."""
        return self.layers * self.layer_matrices + self.vocabulary * self.hidden

    def flops_per_token(self, sequence_length: int) -> tuple[int, int]:
        """Operations of a training token: 6 N + 12 L H Q T (PaLM), and 6 N + 6 L H Q T (causal), N being multiplied."""
        weights = 6 * self.multiplied
        attention = self.layers * self.heads * self.head_dim * sequence_length
        return weights + 12 * attention, weights + 6 * attention
