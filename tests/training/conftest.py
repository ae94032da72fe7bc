"""A small corpus of tokens with structure to learn, and parameters that train in seconds."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bessemer.config.distributed import DistributedRuntime
from bessemer.config.pretrain import PretrainParams
from bessemer.tokens.directory import write_token_directory
from bessemer.training.run import Places

WORDS = ["iron", "steel", "blast", "slag", "carbon", "furnace", "air", "melt", "ingot", "rail", "ore", "lime"]


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders ``train`` and ``val`` of sentences of a small grammar, a word a token."""
    root = tmp_path_factory.mktemp("material")
    rng = np.random.default_rng(7)
    texts = [
        " ".join(f"the {WORDS[a]} meets the {WORDS[(a * 5 + 1) % 12]}." for a in rng.integers(0, 12, size=length))
        for length in rng.integers(4, 40, size=160)
    ]
    words = sorted({word for text in texts for word in text.split()})
    ids = {word: number for number, word in enumerate(words, start=4)}
    tokens = [np.array([*(ids[word] for word in text.split()), 2], dtype=np.uint16) for text in texts]
    write_token_directory(root / "train", [tokens[:70], tokens[70:140]], vocab_size=64)
    write_token_directory(root / "val", [tokens[140:]], vocab_size=64)
    return root


def places(material: Path, scratch: Path) -> Places:
    """Places of a run on ``material`` with its own scratch folder."""
    return Places(material / "train", material / "val", scratch, scratch / "extensions")


def small(**changes: Any) -> PretrainParams:
    """Twenty steps of a two-layer model in fp32."""
    values: dict[str, Any] = {
        "model": {"hidden_size": 32, "intermediate_size": 64, "layers": 2, "heads": 2, "kv_heads": 1, "head_dim": 16},
        "tokens": 20 * 256,
        "batch_tokens": 256,
        "sequence_length": 32,
        "precision": "fp32",
        "schedule": {"warmup_tokens": 512, "decay_fraction": 0.3},
        "validation": {"every_tokens": 2560, "tokens": 256},
    }
    return PretrainParams.model_validate(values | changes)


def runtime(**changes: Any) -> DistributedRuntime:
    """One process, checkpoints every ten steps."""
    return DistributedRuntime.model_validate({"checkpoint_steps": 10, "threads": 1} | changes)
