"""Parameters of ``classifier``."""

from typing import Self

from pydantic import Field, model_validator

from bessemer.config.base import Fraction, Strict


class ClassifierParams(Strict):
    """A fastText classifier that tells wanted from ordinary text, trained in two folds (after DCLM, Li et al. 2024)."""

    positives: list[str] = Field(
        default_factory=list, description="names of the sources whose documents are examples of wanted text"
    )
    negatives: list[str] = Field(
        default_factory=list, description="names of the sources whose documents are examples of ordinary text"
    )
    languages: list[str] = Field(
        ["en"], min_length=1, description="languages (as in the language sidecar) that are trained and calibrated on"
    )
    cap: int = Field(50_000, ge=2, description="most documents of each side, chosen by a keyed hash of their text")
    words: int = Field(512, ge=8, description="words from the start of a document that are read")
    keep_fraction: Fraction = Field(
        0.5, description="share of the documents in `languages` whose score reaches the cut"
    )
    dimensions: int = Field(16, ge=2, le=512, description="size of a word vector")
    buckets: int = Field(100_000, ge=1000, le=2_000_000, description="hash buckets for word n-grams")
    word_ngrams: int = Field(2, ge=1, le=5, description="longest word n-gram")
    min_count: int = Field(2, ge=1, description="a rarer word has no vector of its own")
    epochs: int = Field(20, ge=1, le=100, description="passes over the examples; few examples need many")
    learning_rate: float = Field(0.2, gt=0.0, le=5.0, description="fastText's learning rate at the start")
    seed: int = Field(0, ge=0, lt=2**31, description="seed of training, folds and choice")

    @model_validator(mode="after")
    def _sides_are_apart(self) -> Self:
        both = sorted(set(self.positives) & set(self.negatives))
        if both:
            raise ValueError(f"{both[0]} is among the positives and the negatives")
        if bool(self.positives) != bool(self.negatives):
            raise ValueError("positives and negatives are given together or left out together")
        return self
