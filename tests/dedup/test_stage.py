"""The stage as a process: killed at any moment it ends with the same bytes; a new file costs itself."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from bessemer.shards import directory_digest, verify
from stages import layout
from tests.dedup.documents import write_documents
from tests.dedup.test_hard_cases import prose

ROOT = Path(__file__).parents[2]
PARTS = (layout.DEDUP_EXACT, layout.DEDUP_PAIRS)


def families(count: int, words: int, *, first: int = 0) -> list[str]:
    """Documents in families of three: an original, a near copy, and an exact one."""
    texts = []
    for seed in range(first, first + count):
        own = prose(seed, words)
        texts += [" ".join(own), " ".join([*own[: words // 2], "inserted", *own[words // 2 :]]), " ".join(own).upper()]
    return texts


def prepare(root: Path, texts: list[str], per_shard: int = 200, workers: int = 2) -> Path:
    write_documents(root / layout.DOCUMENTS, texts, per_shard)
    (root / "params.yaml").write_text(yaml.safe_dump({"dedup": {}}))
    (root / "runtime.yaml").write_text(yaml.safe_dump({"workers": workers, "cache_dir": ".cache"}))
    return root


def start(root: Path) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-m", "stages.dedup"], cwd=root, env=environment)


def run(root: Path) -> dict[str, str]:
    assert start(root).wait(120) == 0
    for part in PARTS:
        verify(root / part)
    return {str(part): directory_digest(root / part) for part in PARTS}


def test_one_and_two_workers_and_a_new_file_in_two_steps_write_the_same_bytes(tmp_path: Path) -> None:
    texts = families(120, 80)
    whole = run(prepare(tmp_path / "whole", texts, workers=1))
    grown = prepare(tmp_path / "grown", texts[:200])
    first = run(grown)
    assert run(prepare(grown, texts)) == whole != first


@pytest.mark.long
def test_killed_at_ten_moments_the_stage_repeats_a_job_of_each_worker_and_ends_with_the_same_bytes(
    tmp_path: Path,
) -> None:
    texts = families(1500, 400)
    began = time.monotonic()
    expected = run(prepare(tmp_path / "undisturbed", texts))
    whole = time.monotonic() - began
    disturbed = prepare(tmp_path / "disturbed", texts)
    chooser = random.Random(5)
    for _ in range(10):
        before = set((disturbed / ".cache").glob(".tmp-*"))
        process = start(disturbed)
        time.sleep(chooser.uniform(0.3, 1.0) * whole)
        process.send_signal(signal.SIGKILL)
        process.wait()
        # What each of the two workers had in hand is lost, and the run's own folder: all else is in the cache.
        assert len(set((disturbed / ".cache").glob(".tmp-*")) - before) <= 2 + 1
    assert run(disturbed) == expected
