"""The loops that training is measured beside: of the same size, on the same tokens, and each of them learns."""

from multiprocessing import Pipe
from pathlib import Path
from threading import Thread

import pytest
import torch

from benchmarks.sample_tokens import write_sample_tokens
from benchmarks.train import SHAPES, parameters_of
from benchmarks.train_loops import Loop, Task, huggingface_style, nanogpt_style, ours
from benchmarks.train_worker import NOT_COUNTED, serve
from bessemer.config.pretrain import PretrainParams
from bessemer.tokens.loader import TokenStream
from bessemer.training.topology import launched
from tests.training.conftest import small


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokens")
    write_sample_tokens(folder, 512, every=4)
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


@pytest.mark.parametrize("system", ["ours", "nanoGPT-style"])
def test_a_loop_makes_the_steps_that_it_is_asked_for_and_ends_when_none_asks(tokens: Path, system: str) -> None:
    asked = {"system": system, "vocabulary": 512, "tokens": str(tokens), "device": "cpu", "compile": False}
    ours_end, theirs = Pipe()
    thread = Thread(target=serve, args=(asked | {"params": small().model_dump()}, theirs))
    thread.start()
    seconds = []
    for question in ("first steps", "step", "step"):
        ours_end.send(question)
        seconds.append(ours_end.recv())
    ours_end.send("results")
    told = ours_end.recv()
    ours_end.close()
    thread.join(60)
    assert not thread.is_alive()
    assert (told["steps"], told["first_s"]) == (NOT_COUNTED + 2, seconds[0])
    assert told["tokens_per_s"] == pytest.approx(small().batch_tokens / (sum(seconds[1:]) / 2))


def test_the_tokens_of_the_sample_are_its_prose(tokens: Path) -> None:
    train, held_out = TokenStream(tokens / "train"), TokenStream(tokens / "val")
    assert train.total_tokens > 5 * held_out.total_tokens > 50_000
    assert train.vocab_size == 512


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_are_runs_that_could_be_made(shape: str) -> None:
    assert PretrainParams.model_validate(parameters_of(shape, "fp32")).batch_sequences == SHAPES[shape][3]
