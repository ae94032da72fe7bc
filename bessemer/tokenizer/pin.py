"""Use a tokenizer that exists already, as it is, after making sure that it is the one that was meant."""

from __future__ import annotations

from pathlib import Path

from bessemer.errors import ConfigError, DataError
from bessemer.shards import write_bytes
from bessemer.tokenizer.convert import (
    CONFIG_FILE,
    FAST_FILE,
    MODEL_FILE,
    SPECIAL_FILE,
    fast_tokenizer,
    write_fast_tokenizer,
)
from bessemer.tokenizer.encode import tokenizer_digest


def pin_tokenizer(source: Path, target: Path, digest: str, *, model_max_length: int) -> None:
    """Copy a tokenizer folder.

    A folder with ``tokenizer.json`` is copied; its ``tokenizer.model`` comes along only if both give the same ids by
    construction, so that readers of either agree. A folder with ``tokenizer.model`` alone is converted.

    Args:
        source: folder to copy from.
        target: folder to write.
        digest: what :func:`bessemer.tokenizer.encode.tokenizer_digest` must say of ``source``.
        model_max_length: used only where ``source`` has no ``tokenizer.json``.

    Raises:
        ConfigError: ``source`` has no tokenizer.
        DataError: it is another one than pinned, or cannot be converted exactly.
    """
    model, fast = source / MODEL_FILE, source / FAST_FILE
    if not model.exists() and not fast.exists():
        raise ConfigError(f"tokenizer.from.path: {source} has neither {MODEL_FILE} nor {FAST_FILE}; correct the path.")
    found = tokenizer_digest(source)
    if found != digest:
        raise DataError(f"{source} is not the pinned tokenizer; if it is right, set tokenizer.from.digest to {found}.")
    if not fast.exists():
        write_fast_tokenizer(target, model.read_bytes(), model_max_length=model_max_length)
        return
    if not (source / CONFIG_FILE).exists():
        raise DataError(f"{source} has no {CONFIG_FILE}, which names the end-of-text token; add it and pin again.")
    for name in (FAST_FILE, CONFIG_FILE, SPECIAL_FILE):
        if (source / name).exists():
            write_bytes(target / name, (source / name).read_bytes())
    if model.exists() and _same_ids(model, fast):
        write_bytes(target / MODEL_FILE, model.read_bytes())


def _same_ids(model: Path, fast: Path) -> bool:
    from tokenizers import Tokenizer

    try:
        return fast_tokenizer(model.read_bytes()).to_str() == Tokenizer.from_file(str(fast)).to_str()
    except DataError:
        return False
