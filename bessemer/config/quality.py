"""Parameters of ``quality``: how signals are counted. Limits on them are in ``curate``."""

from pydantic import Field

from bessemer.config.base import Strict


class QualityParams(Strict):
    """Heuristic signals as numbers."""

    short_line_characters: int = Field(
        30, ge=1, description="a line with fewer characters is short (FineWeb, Penedo et al. 2024)"
    )
    stop_words: list[str] = Field(
        ["the", "be", "to", "of", "and", "that", "have", "with"],
        description="case-folded words of which distinct ones are counted (Gopher, Rae et al. 2021, appendix A.1.1)",
    )
