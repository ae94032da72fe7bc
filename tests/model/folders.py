"""A tokenizer folder whose tokens are bytes, so that every count can be checked by hand."""

from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

SPECIAL = ["<unk>", "<s>", "</s>", "<pad>"]
END = 2
VOCABULARY = 4 + 256


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """Ids 0 to 3 are special, the others stand for one byte each."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {piece: number for number, piece in enumerate([*SPECIAL, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )


def tokenizer_folder(folder: Path) -> Path:
    """The tokenizer, saved."""
    byte_tokenizer().save_pretrained(folder)
    return folder
