"""Reproducible across workers, checkouts and commits: real lines, compared by the hashes in dvc.lock."""

import shutil
from pathlib import Path

import pytest

from tests.checkout import DATA_STAGES, Checkout, make_checkout

pytestmark = pytest.mark.long


def test_one_worker_and_two_have_the_same_hashes_up_to_the_shards(tmp_path: Path) -> None:
    locks = []
    for workers in (1, 2):
        line = make_checkout(tmp_path / f"workers-{workers}", runtime={"workers": workers})
        line.bessemer("run", "corpus_gate")
        locks.append({stage: line.locked()[stage] for stage in DATA_STAGES})
    assert locks[0] == locks[1]
    assert sum(len(outs) for outs in locks[0].values()) > 20


def test_a_second_clone_pulls_everything_and_runs_nothing_and_an_old_commit_comes_back(
    finished_line: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished_line, tmp_path / "first", symlinks=True)
    first = Checkout(tmp_path / "first")
    first.run("dvc", "remote", "add", "-d", "storage", str(tmp_path / "remote"))
    first.commit("A remote")
    first.run("dvc", "push")

    first.git("clone", "-q", str(tmp_path / "first"), str(tmp_path / "second"))
    second = Checkout(tmp_path / "second")
    second.run("dvc", "pull")
    second.bessemer("run")
    assert second.ran() == []
    assert second.locked() == first.locked()
    weights = "models/pretrain/model.safetensors"
    assert (second.folder / weights).read_bytes() == (first.folder / weights).read_bytes()

    old = first.locked()
    old_weights = (first.folder / weights).read_bytes()
    first.change({"curate": {"length": {"min_words": 60}}})
    first.bessemer("run")
    first.commit("Longer documents")
    assert first.locked()["curate"] != old["curate"]
    first.git("checkout", "-q", "HEAD~1")
    first.run("dvc", "checkout")
    assert first.locked() == old
    assert (first.folder / weights).read_bytes() == old_weights
    first.bessemer("run")
    assert first.ran() == []
