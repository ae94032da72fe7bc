"""Parameters of ``dedup``."""

from typing import Literal, Self

from pydantic import Field, model_validator

from bessemer.config.base import Fraction, Strict


class DedupParams(Strict):
    """Exact groups, and near-duplicate pairs found by MinHash LSH and decided by true Jaccard similarity."""

    shingle_words: int = Field(5, ge=1, le=64, description="words in a shingle; shorter documents are one shingle")
    permutations: int = Field(128, ge=4, le=1024, description="hash functions of a MinHash signature")
    hash_bits: Literal[32, 64] = Field(
        32,
        description="width of a place of the signature: datasketch's affine32, or affine64 for billions of documents, "
        "where 32 bits let so many places agree by chance that comparisons are wasted",
    )
    seed: int = Field(1, ge=0, lt=2**32, description="seed of the hash functions, as datasketch's")
    floor: Fraction = Field(0.6, description="least true Jaccard similarity of shingle sets for a pair to be stored")
    false_negative_weight: Fraction = Field(
        0.9,
        description="weight of a missed pair against a needless comparison when bands and rows are chosen for `floor`; "
        "verification removes needless ones, so it is high",
    )
    bands: int | None = Field(None, ge=2, description="bands of the index; null: chosen together with rows")
    rows: int | None = Field(None, ge=1, description="rows of a band; null: chosen together with bands")
    bucket_cap: int = Field(
        32,
        ge=2,
        description="documents of a larger bucket are compared with this many of them only, so that a template costs "
        "time in proportion to its copies; such buckets are reported",
    )
    parts: Literal["line", "paragraph"] | None = Field(
        None,
        description="look for lines or paragraphs that several documents have, case and punctuation aside (CCNet, "
        "Wenzek et al. 2020); null: do not; code, verse and text wrapped in mid-sentence share lines by nature",
    )
    part_words: int = Field(3, ge=1, description="fewest words of such a line or paragraph")
    samples: int = Field(10, ge=0, le=1000, description="pairs shown in the report")

    @model_validator(mode="after")
    def _bands_and_rows_fit(self) -> Self:
        if (self.bands is None) != (self.rows is None):
            raise ValueError("bands and rows are given together or left out together")
        if self.bands is not None and self.rows is not None and self.bands * self.rows > self.permutations:
            raise ValueError(f"bands * rows = {self.bands * self.rows} is more than permutations = {self.permutations}")
        return self
