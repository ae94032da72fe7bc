"""Parameters of ``pretrain``: everything about a training run that its result depends on."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, PrivateAttr, ValidatorFunctionWrapHandler, WrapValidator, model_validator

from bessemer.config.base import Fraction, Strict
from bessemer.config.mixture import MixtureParams
from bessemer.config.model import ModelParams
from bessemer.config.scaling import AUTO, Derived, derive_batch, derive_learning_rate, derive_muon_learning_rate


def _or_auto(value: object, handler: ValidatorFunctionWrapHandler) -> Any:
    return value if value == AUTO else handler(value)


def _also_auto(schema: dict[str, Any]) -> None:
    bounds = {key: schema.pop(key) for key in list(schema) if key == "type" or "inimum" in key or "aximum" in key}
    schema["anyOf"] = [bounds, {"const": AUTO}]


AutoRate = Annotated[float, Field(gt=0.0, le=10.0, json_schema_extra=_also_auto), WrapValidator(_or_auto)]
"""A learning rate; ``auto`` becomes a number when PretrainParams are checked."""

AutoTokens = Annotated[int, Field(ge=1, json_schema_extra=_also_auto), WrapValidator(_or_auto)]


class MuonParams(Strict):
    """Muon for the matrices of the layers (Jordan et al. 2024); everything else is AdamW's."""

    learning_rate: AutoRate = Field(
        0.02, description="peak learning rate of an orthogonalised update; auto: for `scale`, see docs/training.md"
    )
    scale: Literal["spectral", "match_adamw"] = Field(
        "spectral",
        description="spectral: times sqrt(max(1, rows/columns)) (Jordan); match_adamw: times 0.2 sqrt(max(rows, "
        "columns)), so that AdamW's learning rates fit (Liu et al. 2025)",
    )
    momentum: float = Field(0.95, ge=0.0, lt=1.0, description="decay of the running mean of gradients")
    nesterov: bool = Field(True, description="look one step ahead along the momentum")
    newton_schulz_steps: int = Field(
        5, ge=1, le=20, description="iterations that orthogonalise an update, in `precision`"
    )
    weight_decay: float = Field(0.0, ge=0.0, le=1.0, description="decoupled decay, times the learning rate, a step")


class AdamWParams(Strict):
    """AdamW (Loshchilov & Hutter 2019)."""

    learning_rate: AutoRate = Field(
        3e-3, description="peak learning rate of matrices and norms; auto: from the number of parameters"
    )
    embedding_learning_rate: AutoRate = Field(
        3e-3, description="peak learning rate of the embedding and the output layer; auto: as learning_rate's"
    )
    beta1: float = Field(0.9, ge=0.0, lt=1.0, description="decay of the running mean of gradients")
    beta2: float = Field(0.95, ge=0.0, lt=1.0, description="decay of the running mean of squared gradients")
    epsilon: float = Field(1e-8, gt=0.0, le=1e-2, description="added to the root of the mean square")
    weight_decay: float = Field(
        0.1, ge=0.0, le=1.0, description="decoupled decay of matrices; embedding, output layer and norms have none"
    )


class OptimizerParams(Strict):
    """Which optimizer moves which weights, and how fast."""

    name: Literal["muon", "adamw"] = Field(
        "muon", description="muon: matrices by Muon, the rest by AdamW; adamw: all by AdamW"
    )
    muon: MuonParams = Field(default_factory=MuonParams, description="used if name is muon")
    adamw: AdamWParams = Field(default_factory=AdamWParams, description="used by both")


class ScheduleParams(Strict):
    """How the learning rates move over the run, as a factor on every peak."""

    name: Literal["wsd", "cosine", "linear"] = Field(
        "wsd",
        description="wsd: warm up, stay, decay (Hu et al. 2024); cosine: warm up, then half a cosine; linear: warm up, "
        "then a straight line",
    )
    warmup_tokens: int = Field(80_000, ge=0, description="tokens over which the factor rises linearly to 1")
    decay_fraction: Fraction = Field(0.4, description="last share of all tokens, in which wsd decays")
    decay_shape: Literal["linear", "sqrt"] = Field(
        "linear", description="linear, or 1 - sqrt(share of the decay that is over) (Hägele et al. 2024)"
    )
    final_fraction: Fraction = Field(0.05, description="factor at the last token; 0: decay to zero")


class GuardParams(Strict):
    """What happens when a loss or a gradient is not finite, or far above what the last steps had.

    Such a step is passed over: nothing of it is applied. Skipping by a running statistic of loss and gradient norm is
    that of OLMo 2 (Walsh et al. 2024: 6 standard deviations, 128 steps), with the median and its deviation for the mean
    and its own; going back and passing over the batches is PaLM's (Chowdhery et al. 2022).
    """

    spike: float | None = Field(
        6.0,
        gt=0.0,
        description="deviations above the median of the last steps from which a loss, or the logarithm of a gradient "
        "norm, is a spike; null: only values that are not finite are passed over",
    )
    window: int = Field(
        128, ge=8, le=4096, description="applied steps of that median; there are no spikes in the first half of it"
    )
    patience: int = Field(
        5,
        ge=1,
        description="steps in a row that may be passed over; one more goes back to the last checkpoint before them, "
        "and leaves out their batches",
    )
    rollbacks: int = Field(
        3, ge=0, description="times that a run may go back; one more ends it with an error (exit code 3)"
    )


class ValidationParams(Strict):
    """Loss on the corpus's own validation documents during the run."""

    every_tokens: int = Field(400_000, ge=1, description="training tokens between two validations; one is at the end")
    tokens: int = Field(32_768, ge=1, description="validation tokens that are read each time, always the same ones")


class SampleParams(Strict):
    """Short texts that the model writes during the run, to look at."""

    every_tokens: int | None = Field(None, ge=1, description="training tokens between two lots; null: none are written")
    prompts: list[str] = Field(
        default=["It was", "The President of the United States", "To install"],
        min_length=1,
        description="beginnings that the model continues",
    )
    new_tokens: int = Field(32, ge=1, le=1024, description="tokens to add to each")
    temperature: float = Field(0.8, ge=0.0, le=10.0, description="softmax temperature; 0: always the likeliest token")


class PretrainParams(Strict):
    """A training run. Its length is a number of tokens, never a time."""

    model: ModelParams = Field(default_factory=ModelParams, description="shape and initialisation")
    tokens: int = Field(1_600_000, ge=1, description="length of the run in tokens, rounded up to whole batches")
    batch_tokens: AutoTokens = Field(
        4096, description="tokens of one optimizer step over all processes; auto: from the length of the run"
    )
    sequence_length: int = Field(256, ge=8, description="tokens that one sample predicts")
    packing: Literal["stream", "best_fit"] = Field(
        "stream",
        description="stream: documents one after another, cut where a sample ends; best_fit: only documents longer "
        "than a sample are cut, at the price of some padding (Ding et al. 2024)",
    )
    mixture: MixtureParams = Field(default_factory=MixtureParams, description="shares of the sources, by phases")
    optimizer: OptimizerParams = Field(default_factory=OptimizerParams, description="AdamW or Muon")
    schedule: ScheduleParams = Field(default_factory=ScheduleParams, description="learning rate over the run")
    z_loss: float = Field(
        0.0,
        ge=0.0,
        le=1.0,
        description="times the squared logsumexp of a token's logits, added to its loss (Chowdhery et al. 2022: 1e-4; "
        "OLMo: 1e-5); 0: off; the training loss that is shown has it, bits per byte have not",
    )
    clip_norm: float | None = Field(1.0, gt=0.0, description="largest global gradient norm; null: no clipping")
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        "auto",
        description="auto: bf16 mixed precision where the hardware computes in it (GPUs from Ampere, CPUs with "
        "avx512_bf16 or amx_bf16), else fp32; fp16: with a scaled loss, for GPUs without bf16; weights and optimizer "
        "state are fp32 in all",
    )
    guard: GuardParams = Field(default_factory=GuardParams, description="steps that are passed over")
    validation: ValidationParams = Field(default_factory=ValidationParams, description="loss on held-out documents")
    samples: SampleParams = Field(default_factory=SampleParams, description="texts written during the run")
    seed: int = Field(0, ge=0, lt=2**31, description="seed of initial weights and of the order of samples")
    _derived: dict[str, Derived] = PrivateAttr(default_factory=dict)

    @property
    def derived(self) -> dict[str, Derived]:
        """What was ``auto``: key below ``pretrain`` to its value and derivation."""
        return dict(self._derived)

    @property
    def batch_sequences(self) -> int:
        """Samples of one optimizer step over all processes."""
        return self.batch_tokens // self.sequence_length

    @property
    def steps(self) -> int:
        """Optimizer steps of the run."""
        return -(-self.tokens // self.batch_tokens)

    @property
    def total_tokens(self) -> int:
        """Tokens of the run in whole batches."""
        return self.steps * self.batch_tokens

    @property
    def validation_steps(self) -> int:
        """Optimizer steps between two validations."""
        return max(1, self.validation.every_tokens // self.batch_tokens)

    @property
    def sample_steps(self) -> int | None:
        """Optimizer steps between two lots of sample texts, None without any."""
        every = self.samples.every_tokens
        return None if every is None else max(1, every // self.batch_tokens)

    @model_validator(mode="after")
    def _resolved(self) -> Self:
        """Put numbers in the place of ``auto``, so that whoever reads the parameters reads numbers."""
        parameters, optimizer = self.model.shape.layer_parameters, self.optimizer
        asked: object = self.batch_tokens
        if asked == AUTO:
            batch = derive_batch(parameters, self.tokens, self.sequence_length)
            self._derived["batch_tokens"] = batch
            object.__setattr__(self, "batch_tokens", int(batch.value))
        rates = {
            "muon": {"learning_rate": derive_muon_learning_rate(optimizer.muon.scale, parameters, self.tokens)},
            "adamw": dict.fromkeys(
                ("learning_rate", "embedding_learning_rate"), derive_learning_rate(parameters, self.tokens)
            ),
        }
        for name, found in rates.items():
            part = getattr(optimizer, name)
            auto = {key: rate for key, rate in found.items() if getattr(part, key) == AUTO}
            self._derived.update({f"optimizer.{name}.{key}": rate for key, rate in auto.items()})
            changed = part.model_copy(update={key: rate.value for key, rate in auto.items()})
            optimizer = optimizer.model_copy(update={name: changed})
        if optimizer != self.optimizer:
            object.__setattr__(self, "optimizer", optimizer)
        return self

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.batch_tokens % self.sequence_length:
            raise ValueError(
                f"batch_tokens ({self.batch_tokens}) must be a multiple of sequence_length ({self.sequence_length})"
            )
        if self.sequence_length > self.model.shape.context_length:
            raise ValueError(
                f"sequence_length ({self.sequence_length}) is more than model.context_length "
                f"({self.model.shape.context_length})"
            )
        if self.schedule.warmup_tokens > self.total_tokens:
            raise ValueError(f"schedule.warmup_tokens ({self.schedule.warmup_tokens}) is more than the run has tokens")
        if self.schedule.name == "wsd":
            stable = self.total_tokens * (1 - self.schedule.decay_fraction)
            if self.schedule.warmup_tokens > stable:
                raise ValueError("schedule.warmup_tokens reaches into the decay; lower it or schedule.decay_fraction")
        return self
