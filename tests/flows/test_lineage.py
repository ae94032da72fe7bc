"""Lineage is read from dvc.lock: complete to the sources, and nothing that did not take part."""

from pathlib import Path

import pytest

from bessemer.config.sources import Source
from bessemer.errors import ConfigError
from bessemer.sources import lock_sources, write_lock
from flows.lineage import describe, trace
from flows.pins import differences
from tests.flows.conftest import Project


def lock(root: Path) -> None:
    (root / "raw").mkdir(exist_ok=True)
    (root / "raw/a.txt").write_text("pig iron")
    write_lock(lock_sources([Source(name="raw", path="raw")], root, None), root / "sources.lock.yaml")


def test_an_artifact_is_traced_to_sources_parameters_and_stages(finished: Project) -> None:
    lock(finished.root)
    lineage = trace("data/last.txt", finished.root)
    assert [made.stage for made in lineage.made_by] == ["read", "count", "last"], "side did not take part"
    read = lineage.made_by[0]
    assert set(read.inputs) == {"step.py", "source.txt"}
    assert read.parameters == {"read": {"limit": 3, "deep": {"cut": 0.5, "words": ["a", "b"]}}}
    assert read.outputs["data/read"].endswith(".dir")
    assert [(source["path"], source["bytes"]) for source in lineage.sources] == [("raw/a.txt", 8)]
    text = "\n".join(describe(lineage))
    assert "  with  read.deep.cut = 0.5" in text
    assert lineage.sources[0]["digest"] in text


def test_a_file_within_an_output_is_traced_too(finished: Project) -> None:
    lock(finished.root)
    assert [made.stage for made in trace("data/read/one.txt", finished.root).made_by] == ["read"]


def test_what_no_stage_has_made_is_a_sentence_that_lists_what_there_is(finished: Project) -> None:
    with pytest.raises(ConfigError, match=r"has no output models/gone; it has data/count\.txt"):
        trace("models/gone", finished.root)


def test_differences_of_locks_name_files_that_came_left_and_changed(tmp_path: Path) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    sources = [Source(name="raw", path="raw")]
    for name in ("a", "b", "c"):
        (folder / f"{name}.txt").write_text(name)
    before = lock_sources(sources, tmp_path, None)
    (folder / "a.txt").unlink()
    (folder / "b.txt").write_text("other")
    (folder / "d.txt").write_text("d")
    after = lock_sources(sources, tmp_path, None)
    assert list(differences(before, after)) == ["- raw/a.txt", "~ raw/b.txt", "+ raw/d.txt"]
    assert list(differences(None, after)) == ["+ raw/b.txt", "+ raw/c.txt", "+ raw/d.txt"]
