"""Token shards of the shipped sample's prose, made in seconds, for measuring training where no line has run."""

import io
import json
from pathlib import Path

import numpy as np
import zstandard
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from bessemer.tokens.directory import write_token_directory

PROSE = Path(__file__).parent.parent / "data" / "sample" / "jsonl" / "prose-00000.jsonl.zst"
SPECIAL = ["<unk>", "<s>", "</s>", "<pad>"]
_END = SPECIAL.index("</s>")
_HELD_OUT = 10
"""One document of so many is held out."""


def write_sample_tokens(folder: Path, vocabulary: int, every: int = 1) -> None:
    """Folders ``train`` and ``val``, and ``tokenizer/tokenizer.json``, a byte-level BPE of ``vocabulary`` tokens.

    Args:
        folder: that gets them.
        vocabulary: of the tokenizer.
        every: one in so many texts is taken.
    """
    with PROSE.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as reader:
        texts = [json.loads(line)["text"] for line in io.TextIOWrapper(reader, encoding="utf-8")][::every]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    encoded = [np.array([*item.ids, _END], dtype=np.uint16) for item in tokenizer.encode_batch(texts)]
    write_token_directory(
        folder / "train", [[ids for number, ids in enumerate(encoded) if number % _HELD_OUT]], vocab_size=vocabulary
    )
    write_token_directory(folder / "val", [encoded[::_HELD_OUT]], vocab_size=vocabulary)
    (folder / "tokenizer").mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer" / "tokenizer.json"))
