"""Real processes: killed and continued to the bit; two, then one, then two; bad batches under each strategy."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from bessemer.training.checkpoint import CheckpointStore
from bessemer.training.contents import contents, differences
from bessemer.training.launch import run_and_kill
from bessemer.training.metrics import read_metrics
from bessemer.training.report import read_outcome
from bessemer.training.trial import Spec, read_samples
from bessemer.training.verify_resume import compare, never, prove, table
from tests.training.conftest import runtime, small

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def extensions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("extensions")


def spec(
    material: Path, scratch: Path, extensions: Path, strategy: str, *, processes: int | None = None, **changes: Any
) -> Spec:
    processes = processes or (1 if strategy == "none" else 2)
    optimizer = "adamw" if strategy.startswith("zero") else "muon"
    return Spec(
        train=material / "train",
        validation=material / "val",
        scratch=scratch,
        extensions=extensions,
        params=small(optimizer={"name": optimizer}, **changes),
        runtime=runtime(strategy=strategy, processes=processes, micro_batch=2, checkpoint_steps=4),
        until=20,
    )


def run(trial: Spec, module: str = "bessemer.training.trial", code: int = 0) -> None:
    trial.write()
    processes = trial.runtime.processes
    assert isinstance(processes, int)
    ranks = processes if trial.runtime.strategy != "none" else 0
    codes = run_and_kill([module, str(trial.file)], ranks, root=ROOT, when=never, timeout_s=1200)
    assert codes == [code] * processes


@pytest.mark.parametrize("strategy", ["ddp", "fsdp2", "zero2"])
def test_a_signal_to_one_rank_ends_all_between_two_micro_batches_and_nothing_of_the_step_stays(
    material: Path, extensions: Path, tmp_path: Path, strategy: str
) -> None:
    one_at_a_time = runtime(strategy=strategy, processes=2, micro_batch=1)
    trials = [
        spec(material, tmp_path / name, extensions, strategy).model_copy(update={"runtime": one_at_a_time})
        for name in ("straight", "stopped")
    ]
    run(trials[0])
    run(trials[1], "tests.training.signalled", code=75)
    assert CheckpointStore(trials[1].scratch, 1).steps() == [6], "the step in which it came is not made"
    run(trials[1])
    found = compare(trials[0].scratch, trials[1].scratch, 20, 2)
    print(f"\n{strategy}\n{table(found)}")
    assert [item.different for item in found] == [[]] * 5


@pytest.mark.parametrize(("strategy", "processes"), [("none", 1), ("ddp", 2), ("ddp", 4), ("zero2", 2)])
def test_killed_twice_within_an_epoch_is_the_straight_run_to_the_bit(
    material: Path, extensions: Path, tmp_path: Path, strategy: str, processes: int
) -> None:
    trial = spec(material, tmp_path, extensions, strategy, processes=processes)
    found = prove(trial, kills=2, root=ROOT, timeout_s=1200)
    print(f"\n{strategy}\n{table(found)}")
    assert [item.different for item in found] == [[]] * 5
    assert all(item.compared for item in found)
    # An oracle of its own: the files of the two runs, read without the code that compared them.
    names = ("straight", "killed")
    assert len({(tmp_path / name / "metrics.jsonl").read_bytes() for name in names}) == 1
    read = [read_samples(tmp_path / names[1], rank) for rank in range(processes)]
    assert sorted(index for samples in read for index in samples) == list(range(160))


def test_the_proof_finds_one_flipped_bit(material: Path, extensions: Path, tmp_path: Path) -> None:
    trial = spec(material, tmp_path / "one", extensions, "none")
    run(trial)
    shutil.copytree(trial.scratch, tmp_path / "other")
    found = compare(trial.scratch, tmp_path / "other", 20, 1)
    assert [item.different for item in found] == [[]] * 5
    held = contents(trial.scratch / "step-0000020")
    changed = {name: value.clone() if hasattr(value, "clone") else value for name, value in held.items()}
    name = "model.model.layers.1.mlp.down_proj.weight"
    changed[name].view(-1).view(changed[name].dtype)[7] += 1e-7 * changed[name].abs().max()
    assert differences(held, changed) == [name]


def test_two_processes_then_one_then_two_read_the_same_samples_in_the_same_order(
    material: Path, extensions: Path, tmp_path: Path
) -> None:
    straight = spec(material, tmp_path / "straight", extensions, "none")
    run(straight)
    order: list[int] = []
    digests: dict[int, str] = {}
    for number, (strategy, until) in enumerate((("ddp", 7), ("none", 14), ("ddp", 20))):
        part = spec(material, tmp_path / "elastic", extensions, strategy).model_copy(update={"until": until})
        for old in part.scratch.glob("samples-*.jsonl") if number else ():
            old.unlink()
        run(part)
        ranks = [read_samples(part.scratch, rank) for rank in range(1 if strategy == "none" else 2)]
        step = [index for samples in ranks for index in samples]
        assert len(step) == len(set(step)), "a sample was read twice"
        order += sorted(step)
        digests |= {index: digest for samples in ranks for index, digest in samples.items()}
    whole = read_samples(straight.scratch, 0)
    assert order == list(whole)
    assert digests == whole
    rows = [read_metrics(folder) for folder in (straight.scratch, tmp_path / "elastic")]
    assert [row["step"] for row in rows[1]] == list(range(1, 21))
    # Muon's bf16 Newton-Schulz shows sums in another order after three digits.
    assert [row["loss"] for row in rows[1]] == pytest.approx([row["loss"] for row in rows[0]], abs=1e-3)


@pytest.mark.parametrize("strategy", ["none", "ddp", "zero2"])
def test_bad_batches_change_no_bit_and_are_left_out_alike_by_any_number_of_processes(
    material: Path, extensions: Path, tmp_path: Path, strategy: str
) -> None:
    trial = spec(material, tmp_path / strategy, extensions, strategy, guard={"patience": 2})
    run(trial, "tests.training.spoilt")
    for rank in range(1 if strategy == "none" else 2):
        steps = json.loads((trial.scratch / f"steps-{rank}.json").read_text())
        assert steps == [[True, True]] * 10 + [[False, False]] * 3 + [[True, True]] * 12
    outcome = read_outcome(trial.scratch)
    assert outcome["rollbacks"] == [{"at_step": 13, "to_step": 8, "first_sample": 80, "last_sample": 103}]
    assert [item["first_sample"] for item in outcome["skipped"]] == [80, 88, 96]
    assert [row["step"] for row in read_metrics(trial.scratch)] == list(range(1, 21))
