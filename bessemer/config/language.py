"""Parameters of ``language``."""

from pydantic import Field

from bessemer.config.base import Strict


class LanguageParams(Strict):
    """Language identification with fastText's lid.176 (Joulin et al. 2016)."""

    characters: int = Field(
        2000, ge=50, le=1_000_000, description="characters from the start of a document that the model reads"
    )
