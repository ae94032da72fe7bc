"""Checkpoints: whole or not there, damaged ones found, the last good one never lost."""

from pathlib import Path

import pytest

from bessemer.errors import ConfigError, TryAgain
from bessemer.training.checkpoint import CheckpointStore, checkpoint_digest, require_compatible, sole_trainer, verify


def put(store: CheckpointStore, step: int, *, kind: str = "torch", world: int = 1) -> Path:
    folder = store.prepare(step)
    (folder / "weights").write_bytes(bytes([step % 256]) * 1000)
    (folder / "part").mkdir()
    (folder / "part" / "rank0").write_bytes(b"optimizer")
    return store.commit(step, kind=kind, world=world, state={"step": step})


def test_the_newest_is_found_and_says_what_it_is(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path, keep=3)
    for step in (5, 10):
        put(store, step)
    found = store.newest(pytest.fail)
    assert found is not None
    path, manifest = found
    assert (path.name, manifest.step, manifest.state) == ("step-0000010", 10, {"step": 10})
    assert sorted(manifest.files) == ["part/rank0", "weights"]


def test_only_the_newest_stay(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path, keep=2)
    for step in range(1, 6):
        put(store, step)
    assert store.steps() == [4, 5]


def test_amid_trouble_none_is_dropped_and_after_it_as_usual(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path, keep=1)
    put(store, 100)
    for step in (200, 300):
        folder = store.prepare(step)
        (folder / "weights").write_bytes(b"w")
        store.commit(step, kind="torch", world=1, state={}, trouble=True)
    assert store.steps() == [100, 200, 300]
    put(store, 400)
    assert store.steps() == [400]


@pytest.mark.parametrize("harm", ["flip", "cut", "remove", "manifest"])
def test_a_damaged_newest_is_passed_over_with_a_reason(tmp_path: Path, harm: str) -> None:
    store = CheckpointStore(tmp_path, keep=3)
    put(store, 5)
    newest = put(store, 10)
    weights = newest / "weights"
    if harm == "flip":
        weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    elif harm == "cut":
        weights.write_bytes(weights.read_bytes()[:100])
    elif harm == "remove":
        weights.unlink()
    else:
        (newest / "manifest.json").write_text("{", encoding="utf-8")
    reasons: list[str] = []
    found = store.newest(reasons.append)
    assert found is not None
    assert found[1].step == 5
    assert len(reasons) == 1
    assert "damaged" in reasons[0]


def test_the_first_checkpoint_after_a_damaged_one_stays_and_is_the_only_future(tmp_path: Path) -> None:
    put(CheckpointStore(tmp_path, keep=2), 100)
    (put(CheckpointStore(tmp_path, keep=2), 200) / "weights").unlink()
    store = CheckpointStore(tmp_path, keep=1)
    put(store, 150)
    found = store.newest(pytest.fail)
    assert found is not None
    assert found[1].step == 150
    assert store.steps() == [150]


def test_a_checkpoint_is_named_by_every_byte_of_it(tmp_path: Path) -> None:
    first, second = (CheckpointStore(tmp_path / name, keep=1) for name in "ab")
    named = checkpoint_digest(put(first, 5))
    assert checkpoint_digest(put(second, 5)) == named
    (second.prepare(6) / "weights").write_bytes(b"other")
    assert checkpoint_digest(second.commit(6, kind="torch", world=1, state={})) != named
    with pytest.raises(ConfigError, match=r"runtime\.resume_from: .*no checkpoint"):
        checkpoint_digest(tmp_path / "c")


def test_a_save_that_was_killed_leaves_no_checkpoint_and_is_cleared_away(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path, keep=2)
    put(store, 5)
    (store.prepare(10) / "weights").write_bytes(b"half")
    assert store.steps() == [5]
    put(store, 15)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-0000005", "step-0000015"]


def test_when_all_are_damaged_there_is_none(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path, keep=2)
    (put(store, 5) / "weights").unlink()
    assert store.newest(lambda sentence: None) is None


def test_what_a_strategy_cannot_read_is_refused_with_the_way_out(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path, keep=4)
    torch_made = put(store, 1)
    zero_made = put(store, 2, kind="zero2", world=2)
    require_compatible(torch_made, verify(torch_made), "torch", 8)
    with pytest.raises(ConfigError, match=r"set distributed\.strategy back"):
        require_compatible(torch_made, verify(torch_made), "zero2", 1)
    with pytest.raises(ConfigError, match=r"set distributed\.processes to 2"):
        require_compatible(zero_made, verify(zero_made), "zero2", 4)


def test_a_second_trainer_is_turned_away(tmp_path: Path) -> None:
    with (
        sole_trainer(tmp_path),
        pytest.raises(TryAgain, match="in use by another training process"),
        sole_trainer(tmp_path),
    ):
        pytest.fail("two trainers in one folder")
    with sole_trainer(tmp_path):
        pass
