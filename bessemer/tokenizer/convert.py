"""From a SentencePiece BPE model to a fast Hugging Face tokenizer with the same ids, without torch or transformers.

SentencePiece merges, of all neighbours whose concatenation is a piece, those with the best-scored piece first, and
the leftmost of equals. The same follows from a list of merges that names, best piece first, every way to put a piece
together from two others. Only ordinary pieces take part: ``<s>`` typed into a text must not become the control symbol.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers

from bessemer.errors import DataError
from bessemer.shards import write_bytes, write_json

MODEL_FILE = "tokenizer.model"
FAST_FILE = "tokenizer.json"
CONFIG_FILE = "tokenizer_config.json"
SPECIAL_FILE = "special_tokens_map.json"
SPACE = "\u2581"
"""U+2581, which SentencePiece writes for a space."""

_BPE = 2
_ModelProto: Any = sentencepiece_model_pb2.ModelProto  # type: ignore[attr-defined]  # made at import time
_Piece = _ModelProto.SentencePiece


def parse_model(data: bytes, name: str) -> Any:
    """The protobuf of a SentencePiece model.

    Raises:
        DataError: ``data`` is not one; ``name`` says where it came from.
    """
    proto = _ModelProto()
    try:
        proto.ParseFromString(data)
    except Exception:
        raise DataError(
            f"{name} is not a SentencePiece model; give the .model file that SentencePiece wrote."
        ) from None
    if not proto.pieces:
        raise DataError(f"{name} is a SentencePiece model without pieces; give the .model file that was trained.")
    return proto


def fast_tokenizer(data: bytes, name: str = MODEL_FILE) -> Tokenizer:
    """A ``tokenizers.Tokenizer`` that gives the ids which SentencePiece gives for the model ``data``.

    Raises:
        DataError: the model has settings under which the two are not known to be equal.
    """
    proto = parse_model(data, name)
    _require_exact(proto, name)
    vocabulary = {piece.piece: index for index, piece in enumerate(proto.pieces)}
    unknown = next(piece.piece for piece in proto.pieces if piece.type == _Piece.UNKNOWN)
    tokenizer = Tokenizer(
        models.BPE(
            vocab=vocabulary, merges=merges(proto), unk_token=unknown, fuse_unk=True, byte_fallback=True, dropout=None
        )
    )
    tokenizer.normalizer = normalizers.Replace(" ", SPACE)
    tokenizer.decoder = decoders.Sequence([decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens(
        [
            AddedToken(piece.piece, special=True, normalized=False)
            for piece in proto.pieces
            if piece.type in (_Piece.UNKNOWN, _Piece.CONTROL)
        ]
    )
    return tokenizer


def merges(proto: Any) -> list[tuple[str, str]]:
    """Every pair of ordinary pieces that makes a third, in the order in which SentencePiece prefers the results."""
    scores = {piece.piece: piece.score for piece in proto.pieces if piece.type == _Piece.NORMAL}
    found: list[tuple[str, str]] = []
    for whole in sorted((piece for piece in scores if len(piece) > 1), key=lambda piece: -scores[piece]):
        splits = ((whole[:cut], whole[cut:]) for cut in range(1, len(whole)))
        found.extend((left, right) for left, right in splits if left in scores and right in scores)
    return found


def write_fast_tokenizer(directory: Path, data: bytes, *, model_max_length: int) -> None:
    """Write ``tokenizer.model`` and, beside it, what ``transformers.AutoTokenizer`` loads.

    Args:
        directory: created when missing.
        data: a SentencePiece model, as bytes.
        model_max_length: tokens; what the tokenizer warns above.
    """
    proto = parse_model(data, MODEL_FILE)
    names = special_names(proto)
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        **names,
        "add_bos_token": False,
        "add_eos_token": False,
        "clean_up_tokenization_spaces": False,
        "split_special_tokens": True,
        "model_max_length": model_max_length,
        "model_input_names": ["input_ids", "attention_mask"],
    }
    fast = json.loads(fast_tokenizer(data).to_str())
    write_bytes(directory / MODEL_FILE, data)
    write_bytes(directory / FAST_FILE, (json.dumps(fast, ensure_ascii=False, indent=1) + "\n").encode())
    write_json(directory / CONFIG_FILE, config)
    write_json(directory / SPECIAL_FILE, names)


def special_names(proto: Any) -> dict[str, str]:
    """The special tokens a model has, under the names transformers uses (``eos_token`` and so on)."""
    spec = proto.trainer_spec
    ids = {
        "unk_token": spec.unk_id,
        "bos_token": spec.bos_id,
        "eos_token": spec.eos_id,
        "pad_token": spec.pad_id,
    }
    return {name: proto.pieces[index].piece for name, index in ids.items() if 0 <= index < len(proto.pieces)}


def _require_exact(proto: Any, name: str) -> None:
    """The settings for which equality is proved by the tests."""
    trainer, normalizer = proto.trainer_spec, proto.normalizer_spec
    obstacles = {
        "it is not BPE": trainer.model_type != _BPE,
        "it has no byte fallback": not trainer.byte_fallback,
        "it adds a space in front": normalizer.add_dummy_prefix,
        "it removes spaces": normalizer.remove_extra_whitespaces,
        "it does not write spaces as U+2581": not normalizer.escape_whitespaces,
        "it puts the space behind words": trainer.treat_whitespace_as_suffix,
        "it normalises text": bool(normalizer.precompiled_charsmap),
        "it has pieces defined by the user": any(piece.type == _Piece.USER_DEFINED for piece in proto.pieces),
    }
    found = [reason for reason, present in obstacles.items() if present]
    if found:
        raise DataError(
            f"{name} cannot be turned into a fast tokenizer with equal ids ({', '.join(found)}); "
            "pin a folder that has a tokenizer.json."
        )
