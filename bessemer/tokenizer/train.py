"""Train SentencePiece BPE on a stream of texts, to the same bytes for any number of threads.

The settings are those under which the model converts exactly to a fast Hugging Face tokenizer: identity normalisation,
no added or removed spaces, byte fallback. Newlines take part in training, so that ends of sentences, paragraphs and
verses become pieces.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator

import sentencepiece

from bessemer.config.tokenizer import TokenizerParams
from bessemer.errors import DataError
from bessemer.tokenizer.convert import parse_model

_VOLATILE = ("input", "model_prefix", "num_threads", "self_test_sample_size", "seed_sentencepieces_file")
"""Fields of the embedded trainer settings that say where and how it ran, not what came out."""


def train_model(texts: Iterable[str], params: TokenizerParams, *, threads: int = 1) -> bytes:
    """Train and return the ``.model`` file as bytes.

    Args:
        texts: whole documents, read once and in this order.
        params: settings of the stage.
        threads: workers of the trainer; they do not change the result.

    Raises:
        DataError: there is too little text for the vocabulary, or too many characters.
    """
    writer = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=stretches(texts, params.max_line_bytes),
            model_writer=writer,
            model_type="bpe",
            vocab_size=params.vocab_size,
            character_coverage=params.character_coverage,
            max_sentencepiece_length=params.max_piece_characters,
            split_digits=params.split_digits,
            allow_whitespace_only_pieces=params.whitespace_pieces,
            byte_fallback=True,
            normalization_rule_name="identity",
            add_dummy_prefix=False,
            remove_extra_whitespaces=False,
            max_sentence_length=params.max_line_bytes + 1,
            num_threads=threads,
            minloglevel=2,
            unk_id=0,
            bos_id=1,
            eos_id=2,
            pad_id=3,
        )
    except (RuntimeError, ValueError) as error:
        raise _explained(str(error), params) from None
    return without_volatile_settings(writer.getvalue())


def _explained(message: str, params: TokenizerParams) -> DataError:
    """The trainer's complaint as a sentence with the way out."""
    what = f"a tokenizer of {params.vocab_size} pieces cannot be trained on this text"
    if "required_chars" in message:
        return DataError(
            f"{what}: it has more different characters than that; raise tokenizer.vocab_size or lower "
            "tokenizer.character_coverage, so that rare characters become bytes."
        )
    if "too high" in message or "is_empty" in message or "empty" in message:
        return DataError(f"{what}: there is too little of it; lower tokenizer.vocab_size or give it more text.")
    reason = message.strip().splitlines()[-1][:300]
    return DataError(f"{what} ({reason}); change tokenizer.vocab_size or the text.")


def without_volatile_settings(data: bytes) -> bytes:
    """The same model without the trainer settings that depend on the machine, in the one canonical serialisation."""
    proto = parse_model(data, "the trained model")
    for name in _VOLATILE:
        proto.trainer_spec.ClearField(name)
    return bytes(proto.SerializeToString(deterministic=True))


def stretches(texts: Iterable[str], limit: int) -> Iterator[str]:
    """Cut documents into stretches of at most ``limit`` UTF-8 bytes, which SentencePiece takes as its sentences.

    A stretch ends after a newline where there is one in its second half, else before a space, else between two
    characters; a longer one would be dropped by the trainer without a word. The trainer takes newlines off the end of a
    stretch, so stretches are made long. A NUL cannot be passed on and is left out.
    """
    for text in texts:
        data = text.replace("\0", "").encode()
        start = 0
        while start < len(data):
            stop = _cut(data, start, limit)
            yield data[start:stop].decode()
            start = stop


def _cut(data: bytes, start: int, limit: int) -> int:
    if len(data) - start <= limit:
        return len(data)
    stop = start + limit
    half = start + limit // 2
    newline = data.rfind(b"\n", half, stop)
    if newline >= 0:
        return newline + 1
    space = data.rfind(b" ", half, stop)
    if space > start:
        return space
    while data[stop] & 0xC0 == 0x80:
        stop -= 1
    return stop
