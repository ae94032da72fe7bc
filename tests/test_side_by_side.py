"""Stages side by side: the same results as one after the other, in no more time than plain DVC takes."""

import json
import time
from pathlib import Path

import pytest

from tests.checkout import DATA_STAGES, Checkout, make_checkout

pytestmark = pytest.mark.long

SIBLINGS = ("language", "dedup", "decontaminate")


def spans(checkout: Checkout) -> dict[str, tuple[float, float]]:
    """Stage to beginning and end, in seconds since the epoch, as its record has them."""
    records = {path.stem: json.loads(path.read_text()) for path in (checkout.folder / ".runs").glob("*/*.json")}
    return {name: (item["started"], item["finished"]) for name, item in records.items() if name != "run"}


def test_siblings_overlap_share_the_workers_and_end_as_dvc_repro_does(tmp_path: Path) -> None:
    plain = make_checkout(tmp_path / "plain", runtime={"workers": 2})
    ours = make_checkout(tmp_path / "ours", runtime={"workers": 2, "parallel_stages": 2})
    started = time.monotonic()
    plain.bessemer("sources", "lock")
    plain.run("dvc", "repro", "corpus_gate")
    between = time.monotonic()
    ours.bessemer("run", "corpus_gate")
    taken, serial = time.monotonic() - between, between - started
    times = spans(ours)
    overlaps = [
        (first, second)
        for first in SIBLINGS
        for second in SIBLINGS
        if first < second and times[first][0] < times[second][1] and times[second][0] < times[first][1]
    ]
    print(f"dvc repro {serial:.1f} s, side by side {taken:.1f} s; at the same time: {overlaps}")
    assert overlaps
    for stage in DATA_STAGES:
        assert ours.locked()[stage] == plain.locked()[stage]
    assert taken <= 1.05 * serial + 30
