"""One interface to a tokenizer folder, whichever library reads it: texts to ids, and what the pieces are."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import sentencepiece
import xxhash
from numpy.typing import NDArray
from tokenizers import Tokenizer

from bessemer.errors import DataError
from bessemer.tokenizer.convert import (
    CONFIG_FILE,
    FAST_FILE,
    MODEL_FILE,
    SPACE,
    SPECIAL_FILE,
    parse_model,
    special_names,
)

TOKENIZER_FILES = (MODEL_FILE, FAST_FILE, CONFIG_FILE, SPECIAL_FILE)


class Encoder(Protocol):
    """What the data stages need of a tokenizer. Text that looks like a special token is encoded as the text it is."""

    vocab_size: int
    eos_id: int

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """Ids of each text, without special tokens: int32, shape (tokens,)."""

    def decode(self, ids: NDArray[np.integer]) -> str:
        """The text that ids stand for."""

    @property
    def pieces(self) -> list[str]:
        """The text of each id, with a space where a word begins; names in angle brackets for special ids and bytes."""

    @property
    def reserved(self) -> NDArray[np.bool_]:
        """Shape (vocab_size,): ids that text does not need to use, which are special tokens and single bytes."""


class SentencePieceEncoder:
    """``tokenizer.model`` read by SentencePiece."""

    def __init__(self, data: bytes, name: str = MODEL_FILE) -> None:
        self._proto = parse_model(data, name)
        self._processor = sentencepiece.SentencePieceProcessor(model_proto=data)
        self.vocab_size = len(self._proto.pieces)
        if "eos_token" not in special_names(self._proto):
            raise DataError(
                f"{name} has no end-of-text token, which ends every document; pin a tokenizer that has one."
            )
        self.eos_id = int(self._processor.eos_id())

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """See :class:`Encoder`."""
        return [np.array(ids, dtype=np.int32) for ids in self._processor.encode(list(texts), num_threads=1)]

    def decode(self, ids: NDArray[np.integer]) -> str:
        """See :class:`Encoder`."""
        return str(self._processor.decode(ids.tolist()))

    @cached_property
    def pieces(self) -> list[str]:
        """See :class:`Encoder`."""
        return [piece.piece.replace(SPACE, " ") for piece in self._proto.pieces]

    @cached_property
    def reserved(self) -> NDArray[np.bool_]:
        """See :class:`Encoder`."""
        return np.array([piece.type != piece.NORMAL for piece in self._proto.pieces])


class FastEncoder:
    """``tokenizer.json`` read by the tokenizers library."""

    def __init__(self, directory: Path) -> None:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        try:
            self._tokenizer = Tokenizer.from_file(str(directory / FAST_FILE))
            config = json.loads((directory / CONFIG_FILE).read_bytes())
        except Exception as error:
            reason = str(error).splitlines()[0]
            raise DataError(f"{directory} cannot be read as a tokenizer ({reason}); give a complete folder.") from None
        self._tokenizer.encode_special_tokens = True
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        vocabulary = self._tokenizer.get_vocab(with_added_tokens=True)
        self.vocab_size = max(vocabulary.values()) + 1
        eos = config.get("eos_token")
        eos_id = vocabulary.get(eos["content"] if isinstance(eos, dict) else eos)
        if eos_id is None:
            raise DataError(
                f"{directory / CONFIG_FILE} names no eos_token of the vocabulary, which ends every document; add it."
            )
        self.eos_id = int(eos_id)

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """See :class:`Encoder`."""
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [np.array(encoding.ids, dtype=np.int32) for encoding in encodings]

    def decode(self, ids: NDArray[np.integer]) -> str:
        """See :class:`Encoder`."""
        return str(self._tokenizer.decode(ids.tolist(), skip_special_tokens=False))

    @cached_property
    def pieces(self) -> list[str]:
        """See :class:`Encoder`. Pieces of a byte-level vocabulary are shown decoded."""
        return [self._tokenizer.decode([number], skip_special_tokens=False) for number in range(self.vocab_size)]

    @cached_property
    def reserved(self) -> NDArray[np.bool_]:
        """See :class:`Encoder`."""
        names = [self._tokenizer.id_to_token(number) for number in range(self.vocab_size)]
        added = set(self._tokenizer.get_added_tokens_decoder())
        return np.array(
            [
                number in added or name is None or (name.startswith("<0x") and len(name) == 6)
                for number, name in enumerate(names)
            ]
        )


def load_encoder(directory: Path) -> Encoder:
    """Open a tokenizer folder that the stage ``tokenizer`` wrote: by SentencePiece where it has a ``tokenizer.model``.

    Raises:
        DataError: neither file is there, or it cannot be read.
    """
    model = directory / MODEL_FILE
    if model.exists():
        return SentencePieceEncoder(model.read_bytes(), str(model))
    if (directory / FAST_FILE).exists():
        return FastEncoder(directory)
    raise DataError(f"{directory} has neither {MODEL_FILE} nor {FAST_FILE}; run the stage `tokenizer`.")


def tokenizer_digest(directory: Path) -> str:
    """xxh3-128 over the names and contents of the tokenizer files of a folder, in hex."""
    digest = xxhash.xxh3_128()
    for name in TOKENIZER_FILES:
        if (directory / name).exists():
            content = (directory / name).read_bytes()
            digest.update(f"{name}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()
