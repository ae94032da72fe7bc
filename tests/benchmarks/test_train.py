"""The loops that training is measured beside: of the same size, on the same tokens, and each of them learns."""

from pathlib import Path

import pytest
import torch

from benchmarks.sample_tokens import write_sample_tokens
from benchmarks.train import SHAPES, parameters_of
from benchmarks.train_loops import Loop, Task, huggingface_style, nanogpt_style, ours
from bessemer.config.pretrain import PretrainParams
from bessemer.tokens.loader import TokenStream
from bessemer.training.topology import launched
from tests.training.conftest import small


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokens")
    write_sample_tokens(folder, 512)
    return folder


def built(tokens: Path) -> dict[str, Loop]:
    rates = {"adamw": {"learning_rate": 3e-3, "embedding_learning_rate": 3e-3}, "name": "adamw"}
    task = Task(small(optimizer=rates), 512, tokens, torch.device("cpu"), compile=False)
    return {"ours": ours(task, "adamw"), "nanogpt": nanogpt_style(task), "huggingface": huggingface_style(task)}


def test_the_loops_are_of_one_size_and_each_learns(tokens: Path) -> None:
    assert not launched()
    loops = built(tokens)
    counts = {name: loop.parameters for name, loop in loops.items()}
    assert counts["huggingface"] == counts["ours"] - 2 * 2 * 16  # without q/k norm: two layers, heads of 16
    assert counts["ours"] < counts["nanogpt"] < 2 * counts["ours"]  # it has positions, and keys for every head
    for loop in loops.values():
        before = loop.held_out()
        for _ in range(25):
            loop.step()
        assert loop.held_out() < before - 0.5


def test_the_tokens_of_the_sample_are_its_prose(tokens: Path) -> None:
    train, held_out = TokenStream(tokens / "train"), TokenStream(tokens / "val")
    assert train.total_tokens > 5 * held_out.total_tokens > 100_000
    assert train.vocab_size == 512


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_are_runs_that_could_be_made(shape: str) -> None:
    assert PretrainParams.model_validate(parameters_of(shape, "fp32")).batch_sequences == SHAPES[shape][3]
