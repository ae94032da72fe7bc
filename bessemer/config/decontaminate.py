"""Parameters of ``decontaminate``."""

from typing import Literal, Self

from pydantic import Field, model_validator

from bessemer.config.base import Strict


class HubSet(Strict):
    """A data set of the Hugging Face Hub, pinned."""

    repository: str = Field(min_length=1, description="name on the Hub: owner/data-set; or a local folder")
    revision: str = Field(pattern=r"^[0-9a-f]{40}$", description="commit: what is looked for may not change unseen")
    config: str | None = Field(None, description="configuration (subset) of the data set; none: its default")
    split: str = Field("test", min_length=1, description="split to read")


class EvaluationSet(Strict):
    """A set of texts that models are judged by, one item a record."""

    name: str = Field(min_length=1, description="short name, used in the ledger and the report")
    path: str | None = Field(None, min_length=1, description="file relative to the root; .gz and .zst are unpacked")
    huggingface: HubSet | None = Field(None, description="a data set of the Hub, instead of a path")
    format: Literal["jsonl", "parquet", "text"] = Field("jsonl", description="text: the whole file is one item")
    fields: list[str] = Field(["text"], min_length=1, description="fields (columns) whose texts make up an item")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.path is None) == (self.huggingface is None):
            raise ValueError("an evaluation has either a path or huggingface")
        return self


class DecontaminateParams(Strict):
    """Overlap of documents with evaluation sets in word n-grams (13: Brown et al. 2020)."""

    evaluations: list[EvaluationSet] = Field(
        default_factory=list, description="sets to look for; none: every overlap is 0"
    )
    ngram_words: int = Field(13, ge=2, le=64, description="words in an n-gram")
    shortest_item_words: int = Field(
        8, ge=1, description="an item shorter than an n-gram is looked for whole if it has at least this many words"
    )
    informative_words: int = Field(
        6,
        ge=1,
        description="distinct words with a letter that an n-gram needs to count: rules and figures are no evidence",
    )
    max_documents: int | None = Field(
        10,
        ge=1,
        description="an n-gram that more documents have without most of an item with it is boilerplate and does not "
        "count (Brown et al. 2020); null: all count",
    )
    margin_words: int = Field(
        30,
        ge=0,
        le=10_000,
        description="words on each side of what is shared that are cut with it, where `curate.contamination.cut` says "
        "so (Brown et al. 2020 cut 200 characters)",
    )
    samples: int = Field(10, ge=0, le=1000, description="documents shown in the report")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.informative_words > self.ngram_words:
            raise ValueError("informative_words is more than ngram_words: no n-gram could count")
        names = [evaluation.name for evaluation in self.evaluations]
        if len(set(names)) != len(names):
            raise ValueError("two evaluations have the same name")
        return self
