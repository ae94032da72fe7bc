"""Parameters of the stage ``shard``."""

from pydantic import Field

from bessemer.config.base import Fraction, Strict


class ShardParams(Strict):
    """Validation split, global order and token shards."""

    seed: int = Field(0, ge=0, description="key of the document order and of the choice of validation documents")
    shards: int = Field(
        4, ge=1, le=1000, description="pairs of .bin/.idx files of the training split, cut by hash range"
    )
    validation_fraction: float = Field(
        0.015, gt=0.0, le=0.5, description="share of documents held out, chosen by a keyed hash of the document's id"
    )
    validation_similarity: Fraction = Field(
        0.6,
        description="a training document leaves whose verified similarity to a validation document is at least this; "
        "pairs below dedup.floor are not known",
    )
    max_validation_overlap: Fraction = Field(
        0.05,
        description="a training document leaves when a larger share of its 13-grams is in validation, "
        "or when it holds a larger share of one validation document's 13-grams",
    )
