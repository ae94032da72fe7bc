"""Parameters of ``language``."""

from pydantic import Field

from bessemer.config.base import Fraction, Strict


class LanguageModel(Strict):
    """A fastText model in the place of lid.176, such as GlotLID (Kargaran et al. 2023, arXiv:2310.16248)."""

    path: str = Field(min_length=1, description="file relative to the root")
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="of the file, so that another one is another result")


class LanguageParams(Strict):
    """Language identification with fastText's lid.176 (Joulin et al. 2016), or with another model of fastText's."""

    characters: int = Field(
        2000, ge=50, le=1_000_000, description="characters from the start of a document that the model reads"
    )
    model: LanguageModel | None = Field(
        None, description="`path` and `sha256` of another fastText model, which each worker holds; null for lid.176"
    )
    second_from: float = Field(
        0.1,
        gt=0.0,
        le=1.0,
        description="paragraphs are looked at one by one where the second language is at least so probable",
    )
    mixed_share: Fraction = Field(
        0.2,
        description="a document is mixed if other languages have more than this share of its paragraphs' characters",
    )
