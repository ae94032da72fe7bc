"""Tokenizer folders: both readers agree, a pinned one is used as it is or refused with the way out."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from bessemer.errors import ConfigError, DataError
from bessemer.tokenizer.encode import FastEncoder, SentencePieceEncoder, load_encoder, tokenizer_digest
from bessemer.tokenizer.pin import pin_tokenizer


@pytest.fixture
def byte_level(tmp_path, texts):
    """A folder as GPT-2's family has it: byte-level BPE and an end-of-text token, no SentencePiece model."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=["<|end|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(texts[:100], trainer)
    directory = tmp_path / "byte_level"
    directory.mkdir()
    tokenizer.save(str(directory / "tokenizer.json"))
    (directory / "tokenizer_config.json").write_text(json.dumps({"eos_token": {"content": "<|end|>"}}))
    return directory


def test_both_readers_of_a_trained_folder_agree(folder, texts):
    slow, fast = load_encoder(folder), FastEncoder(folder)
    assert isinstance(slow, SentencePieceEncoder)
    assert (slow.vocab_size, slow.eos_id) == (fast.vocab_size, fast.eos_id) == (3000, 2)
    probe = [*texts[:50], "<s></s>", ""]
    for text, one, other in zip(probe, slow.encode(probe), fast.encode(probe), strict=True):
        assert np.array_equal(one, other)
        assert slow.decode(one) == fast.decode(other) == text
    assert np.array_equal(slow.reserved, fast.reserved)


def test_a_folder_without_a_model_is_read_by_the_fast_library(byte_level):
    encoder = load_encoder(byte_level)
    assert (encoder.vocab_size, encoder.eos_id) == (600, 0)
    ids = encoder.encode(["a <|end|> b \n 中"])[0]
    assert encoder.eos_id not in ids
    assert encoder.decode(ids) == "a <|end|> b \n 中"


def test_a_pinned_folder_is_copied_byte_for_byte(folder, tmp_path):
    pin_tokenizer(folder, tmp_path / "out", tokenizer_digest(folder), model_max_length=1)
    for path in folder.iterdir():
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()


def test_a_pinned_model_alone_is_converted(folder, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    shutil.copy(folder / "tokenizer.model", source)
    pin_tokenizer(source, tmp_path / "out", tokenizer_digest(source), model_max_length=512)
    assert tokenizer_digest(tmp_path / "out") == tokenizer_digest(folder)


def test_a_model_that_disagrees_with_its_fast_tokenizer_does_not_come_along(folder, byte_level, tmp_path):
    """Readers of tokenizer.model and of tokenizer.json must never see different ids."""
    shutil.copy(folder / "tokenizer.model", byte_level)
    pin_tokenizer(byte_level, tmp_path / "out", tokenizer_digest(byte_level), model_max_length=1)
    assert not (tmp_path / "out/tokenizer.model").exists()
    assert load_encoder(tmp_path / "out").vocab_size == 600


def test_another_tokenizer_than_the_pinned_one_is_refused_with_its_digest(folder, tmp_path):
    with pytest.raises(DataError, match=tokenizer_digest(folder)):
        pin_tokenizer(folder, tmp_path / "out", "0" * 32, model_max_length=1)
    assert not (tmp_path / "out").exists()


def test_folders_that_cannot_be_pinned_say_why(tmp_path, byte_level):
    with pytest.raises(ConfigError, match="neither"):
        pin_tokenizer(tmp_path / "nowhere", tmp_path / "out", "0" * 32, model_max_length=1)
    (byte_level / "tokenizer_config.json").unlink()
    with pytest.raises(DataError, match="end-of-text"):
        pin_tokenizer(byte_level, tmp_path / "out", tokenizer_digest(byte_level), model_max_length=1)
    (byte_level / "tokenizer_config.json").write_text("{}")
    with pytest.raises(DataError, match="eos_token"):
        load_encoder(byte_level)
    (byte_level / "tokenizer.json").write_text("{}")
    with pytest.raises(DataError, match="cannot be read"):
        load_encoder(byte_level)
    with pytest.raises(DataError, match="run the stage"):
        load_encoder(tmp_path / "nowhere")


def test_the_data_stages_import_neither_torch_nor_transformers():
    code = "import sys, stages.tokenizer, stages.shard; sys.exit(bool({'torch', 'transformers'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
