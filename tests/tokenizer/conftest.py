"""One small tokenizer, trained once on the sample's languages and scripts."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bessemer.config.tokenizer import TokenizerParams
from bessemer.tokenizer.convert import write_fast_tokenizer
from bessemer.tokenizer.train import train_model

SAMPLE = Path(__file__).resolve().parents[2] / "data/sample"
PARAMS = TokenizerParams(vocab_size=3000, character_coverage=0.99)


@pytest.fixture(scope="session")
def texts() -> list[str]:
    """Scripture, verse and the Universal Declaration in 56 languages, with code and tables between them."""
    table = pq.read_table(SAMPLE / "parquet/multilingual-00000.parquet", columns=["text"])
    found = table.column("text").to_pylist()[::4]
    return [*found, "def f(x):\n    if x:\n        return 10_000\n\n\n" * 30, "|  a  |   b   |\n|-----|-------|\n" * 30]


@pytest.fixture(scope="session")
def model(texts: list[str]) -> bytes:
    """A SentencePiece model."""
    return train_model(texts, PARAMS)


@pytest.fixture(scope="session")
def folder(model: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, as the stage writes it."""
    directory = tmp_path_factory.mktemp("tokenizer")
    write_fast_tokenizer(directory, model, model_max_length=512)
    return directory
