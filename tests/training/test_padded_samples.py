"""Samples with padding: the loss is what their documents have alone, divided by the tokens that are predicted."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from benchmarks.strategies import run_strategy
from bessemer.model.presets import build_model
from bessemer.progress import progress
from bessemer.tokens.arrange import arrange
from bessemer.tokens.loader import IGNORED, TokenStream
from bessemer.training.logs import read_metrics
from bessemer.training.run import Places, pretrain
from tests.training.conftest import places, runtime, small


def test_the_first_loss_is_that_of_each_document_alone_over_all_predicted_tokens(
    material: Path, tmp_path: Path
) -> None:
    params = small(
        packing="best_fit", tokens=1600, batch_tokens=800, sequence_length=200, schedule={"warmup_tokens": 0}
    )
    pretrain(places(material, tmp_path / "whole"), params, runtime(), progress)
    pretrain(places(material, tmp_path / "pieces"), params, runtime(micro_batch=2), progress)
    stream = TokenStream(material / "train")
    samples = arrange(stream, params, tmp_path).read(np.arange(params.batch_sequences))
    predicted = int((samples.targets != IGNORED).sum())
    assert predicted < params.batch_tokens

    model = build_model(params.model, stream.vocab_size, seed=params.seed, attention="eager", eos_token_id=2)
    nats = 0.0
    for inputs, targets, documents in zip(samples.inputs, samples.targets, samples.documents, strict=True):
        for number in np.unique(documents[targets != IGNORED]).tolist():
            mine = documents == number
            logits = model(torch.from_numpy(inputs[mine])[None], use_cache=False).logits[0]
            nats += float(functional.cross_entropy(logits, torch.from_numpy(targets[mine]), reduction="sum"))
    for run in ("whole", "pieces"):
        assert read_metrics(tmp_path / run)[0]["loss"] == pytest.approx(nats / predicted, rel=1e-5)
    losses = [[row["loss"] for row in read_metrics(tmp_path / run)] for run in ("whole", "pieces")]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@pytest.mark.long
@pytest.mark.parametrize("strategy", ["ddp", "zero2"])
def test_two_processes_divide_by_the_predicted_tokens_of_both(material: Path, tmp_path: Path, strategy: str) -> None:
    folders = Places(material / "train", material / "val", tmp_path, tmp_path / "extensions")
    params = small(packing="best_fit", optimizer={"name": "adamw"})
    alone, both = (run_strategy(folders, params, name, 2, tmp_path) for name in ("none", strategy))
    assert both.loss_difference(alone)[1] <= 1e-5
    assert both.resume_difference() == 0.0
