"""Parameters of ``evaluate`` and of ``model_gate``."""

from typing import Self

from pydantic import Field, model_validator

from bessemer.config.base import Strict
from bessemer.config.gates import GateCheck


class ReferenceSet(Strict):
    """Fixed text that models trained on different corpora are compared on: never a source, never filtered."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="its metric is reference_<name>_bits_per_byte")
    path: str = Field(min_length=1, description="jsonl file relative to the root; .gz and .zst are unpacked")
    field: str = Field("text", min_length=1, description="field with the text")
    group_field: str | None = Field(None, description="field by which bits per byte are also shown, such as language")


class ClozeParams(Strict):
    """Last-word prediction on held-out passages (after LAMBADA, Paperno et al. 2016)."""

    items: int = Field(200, ge=0, description="passages, chosen by a keyed hash; 0: none")
    context_words: int = Field(60, ge=4, description="words before the one that is asked for")


class GenerationParams(Strict):
    """Seeded samples from the model."""

    prompts: list[str] = Field(
        default_factory=lambda: ["It was", "The President of the United States", "In the beginning", "To install"],
        description="beginnings that the model continues",
    )
    new_tokens: int = Field(64, ge=1, le=4096, description="tokens to add to each")
    temperature: float = Field(0.8, gt=0.0, le=2.0, description="softmax temperature")
    top_p: float = Field(0.95, gt=0.0, le=1.0, description="nucleus (Holtzman et al. 2020)")


class EvaluateParams(Strict):
    """What the model is scored on."""

    references: list[ReferenceSet] = Field(
        default_factory=lambda: [
            ReferenceSet(name="english", path="data/sample/reference/english.jsonl.zst"),
            ReferenceSet(name="languages", path="data/sample/reference/languages.jsonl.zst", group_field="language"),
        ],
        description="fixed texts for bits per byte",
    )
    context_tokens: int | None = Field(
        None, ge=16, description="longest context in tokens; null: what the model is made for"
    )
    stride_fraction: float = Field(
        0.5, gt=0.0, le=1.0, description="a long document's windows advance by this share of the context"
    )
    validation_tokens: int | None = Field(
        None, ge=1, description="most validation tokens that are scored, in order of the keyed shuffle; null: all"
    )
    cloze: ClozeParams = Field(default_factory=ClozeParams, description="last-word prediction")
    generation: GenerationParams = Field(default_factory=GenerationParams, description="seeded samples")
    seed: int = Field(0, ge=0, lt=2**31, description="seed of the choice of passages and of the samples")

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [reference.name for reference in self.references]
        if len(set(names)) != len(names):
            raise ValueError("two references have the same name")
        return self


class ModelGateParams(Strict):
    """Bounds that a model must meet."""

    checks: list[GateCheck] = Field(
        default_factory=lambda: [
            GateCheck(
                metric="evaluate.reference_english_bits_per_byte",
                op="<=",
                bound=1.6,
                severity="error",
                reason="a 3M-parameter model trained for minutes reaches it; xz -9e needs 2.39",
            )
        ],
        description="bounds on metrics of earlier stages",
    )
    baseline_metric: str = Field(
        "reference_english_bits_per_byte", description="metric of evaluate that is compared with models/baseline.json"
    )
    baseline_tolerance: float = Field(
        0.01, ge=0.0, description="how much worse than the pinned baseline the metric may be, as a share of it"
    )
