"""What a run says about itself: what happened beside what is the same in every run, samples, curves, traces."""

import gzip
import json
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers

from bessemer.errors import ConfigError, TryAgain
from bessemer.progress import progress
from bessemer.training.gpus import GPUS, recognise
from bessemer.training.logs import PHASES, SAMPLES, TRAINING, Tail, read_execution, read_lines, read_metrics
from bessemer.training.peak import best_gemm, peak_of
from bessemer.training.phases import Phases
from bessemer.training.run import Places, pretrain
from bessemer.training.trackers import PACKAGES, open_boards, require_trackers
from tests.training.conftest import WORDS, places, runtime, small
from tests.training.test_loop import Signalling


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A word a token, with the ids of the corpus of tests."""
    folder = tmp_path_factory.mktemp("tokenizer")
    words = sorted({word for name in WORDS for word in (name, f"{name}.")} | {"the", "meets"})
    vocabulary = {"<unk>": 0, "<s>": 1, "</s>": 2, "<pad>": 3} | {word: 4 + number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def with_samples(material: Path, scratch: Path, tokenizer: Path) -> Places:
    return Places(material / "train", material / "val", scratch, scratch / "extensions", tokenizer=tokenizer)


def test_an_interrupted_run_has_the_same_metrics_and_samples_and_two_attempts_beside_them(
    material: Path, tmp_path: Path, tokenizer: Path
) -> None:
    params = small(samples={"every_tokens": 1024, "prompts": ["the iron", "the"], "new_tokens": 5})
    pretrain(with_samples(material, tmp_path / "whole", tokenizer), params, runtime(), progress)
    cut = with_samples(material, tmp_path / "cut", tokenizer)
    with pytest.raises(TryAgain):
        pretrain(cut, params, runtime(), Signalling)
    pretrain(cut, params, runtime(profile_steps=2), progress)
    for name in ("metrics.jsonl", SAMPLES):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "cut" / name).read_bytes()
    samples = read_lines(tmp_path / "cut" / SAMPLES)
    assert [(row["step"], row["prompt"]) for row in samples[:2]] == [(4, "the iron"), (4, "the")]
    assert len(samples) == 10
    assert all(len(row["text"].split()) <= 5 for row in samples)

    rows = read_execution(tmp_path / "cut")
    assert [row["kind"] for row in rows if row["kind"] != "speed"] == ["start", "end", "start", "end"]
    assert [row["resumed_after_step"] for row in rows if row["kind"] == "start"] == [0, 7]
    assert ["SIGTERM" in row["how"] for row in rows if row["kind"] == "end"] == [True, False]
    speeds = [row for row in rows if row["kind"] == "speed"]
    assert sum(row["steps"] for row in speeds) == params.steps
    for row in speeds:
        training = sum(row["seconds"].get(phase, 0.0) for phase in TRAINING)
        assert row["tokens_per_second"] == pytest.approx(row["steps"] * params.batch_tokens / training, rel=0.05)
        assert row["memory_mb"] > 50
    trace = json.loads(gzip.decompress((tmp_path / "cut" / "profile" / "rank-0.json.gz").read_bytes()))
    assert sum("ProfilerStep#" in event.get("name", "") for event in trace["traceEvents"]) == 2
    assert "aten::mm" in (tmp_path / "cut" / "profile" / "rank-0.txt").read_text()


def test_samples_without_a_tokenizer_are_refused(material: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="run the stage `tokenizer`"):
        pretrain(with_samples(material, tmp_path, tmp_path), small(samples={"every_tokens": 1024}), runtime(), progress)


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_tracker_that_is_not_installed_is_one_sentence_and_one_that_is_takes_values(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if find_spec(PACKAGES[name]) is None:
        with pytest.raises(ConfigError, match=rf"names {name}, which is not installed; install it \(pip install"):
            require_trackers([name])
        return
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    for after_step in (0, 1):  # the second time it goes on
        boards = open_boards([name], tmp_path, after_step, {"steps": 2})
        boards.log({"loss": 1.5, "grad_norm": float("nan")}, after_step + 1)
        boards.close()


def test_curves_are_drawn_by_tensorboard_without_being_asked_for(material: Path, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    pretrain(places(material, tmp_path), small(), runtime(), progress)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [item.step for item in events.Scalars("loss")] == list(range(1, 21))
    losses = [row["loss"] for row in read_metrics(tmp_path)]
    assert [item.value for item in events.Scalars("loss")] == pytest.approx(losses)


def test_phases_add_up_to_the_time_that_has_passed() -> None:
    phases = Phases(torch.device("cpu"))
    started = time.perf_counter()
    for phase in PHASES[1:]:
        phases.enter(phase)
        time.sleep(0.01)
    with phases.hold():
        phases.enter("data")
    assert phases.current == PHASES[-1]
    phases.enter("other")
    seconds = phases.seconds()
    assert sum(seconds.values()) == pytest.approx(time.perf_counter() - started, abs=0.01)
    assert all(value >= 0.01 for phase, value in seconds.items() if phase != "start")


@pytest.mark.parametrize(
    ("driver", "key"),
    [
        ("NVIDIA H100 80GB HBM3", "h100"),
        ("NVIDIA H100 PCIe", "h100-pcie"),
        ("NVIDIA H100 NVL", "h100-nvl"),
        ("NVIDIA H200", "h200"),
        ("NVIDIA A100-SXM4-80GB", "a100-80gb"),
        ("NVIDIA A100-PCIE-40GB", "a100-40gb"),
        ("NVIDIA GeForce RTX 4090", "rtx4090"),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", None),
        ("NVIDIA L40S", "l40s"),
        ("NVIDIA L40", None),
        ("Tesla V100-SXM2-16GB", None),
    ],
)
def test_a_gpu_gets_its_own_peak_and_an_unknown_one_none(driver: str, key: str | None) -> None:
    found = recognise(driver)
    assert (None if found is None else found.key) == key


def test_names_of_gpus_are_distinct() -> None:
    assert len({gpu.key for gpu in GPUS}) == len(GPUS)


def test_the_peak_of_a_cpu_is_measured_and_named() -> None:
    peak = peak_of(torch.device("cpu"), "fp32", budget_s=0.0)
    assert peak.name.startswith("measured: best square fp32 product, 1024 x 1024")
    matrix = torch.rand(1024, 1024)
    torch.mm(matrix, matrix)
    started = time.perf_counter()
    for _ in range(3):
        torch.mm(matrix, matrix)
    own = 3 * 2 * 1024**3 / (time.perf_counter() - started)
    assert own / 4 < peak.flops < own * 4
    state = torch.get_rng_state()
    best_gemm(torch.device("cpu"), torch.float32, 0.0)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_tail_reads_what_was_added_and_notices_a_file_that_was_cut(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    tail = Tail(path)
    assert tail.added() == (False, [])
    path.write_text('{"step":1}\n{"step":2}\n{"st')
    assert tail.added() == (False, [{"step": 1}, {"step": 2}])
    with path.open("a") as file:
        file.write('ep":3}\n')
    assert tail.added() == (False, [{"step": 3}])
    path.write_text('{"step":1}\n')
    assert tail.added() == (True, [{"step": 1}])
