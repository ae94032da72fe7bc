"""What a run takes is known before it, and what does not fit is refused."""

import dataclasses
from pathlib import Path

import pytest

from bessemer.config.dedup import DedupParams
from bessemer.dedup.preflight import Estimate, estimate, require_room
from bessemer.errors import ConfigError
from tests.dedup.documents import write_documents
from tests.dedup.test_hard_cases import prose


def test_documents_and_bytes_are_extrapolated_from_a_sample(tmp_path: Path) -> None:
    texts = [" ".join(prose(seed, 50 + seed % 100)) for seed in range(900)]
    write_documents(tmp_path, texts, per_shard=100)
    found = estimate(tmp_path, DedupParams(), workers=2)
    assert found.documents == 900
    assert found.bytes == pytest.approx(sum(len(text.encode()) for text in texts), rel=0.05)
    assert found.seconds > 0


def test_what_does_not_fit_is_refused_with_the_way_out(tmp_path: Path) -> None:
    small = Estimate(documents=1, bytes=1, seconds=0.1, memory=1, disk=1, workers=1)
    require_room(small, tmp_path / "not" / "there")
    with pytest.raises(ConfigError, match=r"GB of memory .* runtime\.workers"):
        require_room(dataclasses.replace(small, memory=10**15), tmp_path)
    with pytest.raises(ConfigError, match=r"runtime\.cache_dir"):
        require_room(dataclasses.replace(small, disk=10**18), tmp_path)


def test_lines_cost_memory_and_disk_where_they_are_looked_for(tmp_path: Path) -> None:
    texts = ["\n".join(" ".join(prose(seed * 20 + line, 8)) for line in range(20)) for seed in range(200)]
    write_documents(tmp_path, texts, per_shard=50)
    without, lines = (estimate(tmp_path, DedupParams(parts=unit), workers=2) for unit in (None, "line"))
    assert 4000 * 8 < lines.memory - without.memory < 4000 * 100
    assert 4000 * 16 < lines.disk - without.disk < 4000 * 100
