"""Parameters of the stage ``tokenizer``."""

from typing import Annotated

from pydantic import Field

from bessemer.config.base import Strict

Weight = Annotated[float, Field(ge=0.0, le=1000.0)]


class PinnedTokenizer(Strict):
    """A tokenizer that exists already, used as it is: with it, new text re-encodes only itself."""

    path: str = Field(
        description="folder with tokenizer.model or tokenizer.json, relative to the root of the checkout or absolute"
    )
    digest: str = Field(
        pattern="^[0-9a-f]{32}$",
        description="xxh3-128 over its tokenizer files; the stage prints the right one when it differs",
    )


class TokenizerParams(Strict):
    """SentencePiece BPE with byte fallback (Kudo and Richardson 2018), or a pinned tokenizer."""

    vocab_size: int = Field(
        8192,
        ge=512,
        le=1_048_576,
        description="number of ids, with 4 special ones and 256 bytes; at most 65,536 fit uint16",
    )
    sample_bytes: int = Field(
        200_000_000,
        ge=100_000,
        description="UTF-8 bytes of text to train on, whole documents; training needs about 7 times that in memory",
    )
    source_weights: dict[str, Weight] = Field(
        default_factory=dict, description="source name: how much likelier its documents are sampled; 1 where not named"
    )
    language_weights: dict[str, Weight] = Field(
        default_factory=dict, description="language code: the same for languages; multiplied with the source's weight"
    )
    seed: int = Field(0, ge=0, description="key of the sample")
    character_coverage: float = Field(
        0.999, ge=0.9, le=1.0, description="share of characters that get a piece of their own; the others become bytes"
    )
    max_piece_characters: int = Field(16, ge=1, le=64, description="longest piece, in characters")
    split_digits: bool = Field(True, description="each digit is a piece, so that numbers are read digit by digit")
    whitespace_pieces: bool = Field(
        True, description="runs of spaces and newlines may become pieces (indentation, verse, tables)"
    )
    max_line_bytes: int = Field(
        16_384, ge=256, le=1_000_000, description="longer stretches are cut for training, at a space where there is one"
    )
    model_max_length: int = Field(
        2048, ge=1, description="tokens; written into tokenizer_config.json, which warns above it"
    )
    from_: PinnedTokenizer | None = Field(
        None, alias="from", description="use this tokenizer instead of training one; the fields above are not used then"
    )
