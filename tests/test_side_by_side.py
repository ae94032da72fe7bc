"""Stages side by side end as one after the other; how long both take is for benchmarks/side_by_side.py."""

import json
from itertools import combinations
from pathlib import Path

import pytest

from tests.checkout import DATA_STAGES, Checkout, make_checkout

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]

SIBLINGS = ("language", "dedup", "decontaminate")


def spans(checkout: Checkout) -> dict[str, tuple[float, float]]:
    """Stage to beginning and end, in seconds since the epoch, as its record has them."""
    records = [json.loads(path.read_text()) for path in (checkout.folder / ".runs").glob("*/*.json")]
    return {item["stage"]: (item["started"], item["finished"]) for item in records if "stage" in item}


def test_siblings_overlap_share_the_workers_and_end_as_dvc_repro_does(tmp_path: Path) -> None:
    plain = make_checkout(tmp_path / "plain", runtime={"workers": 2})
    plain.bessemer("sources", "lock")
    plain.run("dvc", "repro", "corpus_gate")
    ours = make_checkout(tmp_path / "ours", runtime={"workers": 2, "parallel_stages": 2})
    ours.bessemer("run", "corpus_gate")
    times = spans(ours)
    assert set(times) == set(DATA_STAGES)
    overlaps = [
        (first, second)
        for first, second in combinations(SIBLINGS, 2)
        if times[first][0] < times[second][1] and times[second][0] < times[first][1]
    ]
    assert overlaps, f"siblings ran one after the other: {times}"
    for stage in DATA_STAGES:
        assert ours.locked()[stage] == plain.locked()[stage]
