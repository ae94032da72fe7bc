"""Lineage is read from dvc.lock: complete to the sources, and nothing that did not take part."""

import hashlib
from pathlib import Path

import pytest
import yaml

from bessemer.config.sources import Source
from bessemer.errors import ConfigError
from bessemer.sources import lock_sources, write_lock
from flows.lineage import Lineage, Made, describe, trace
from flows.pins import differences
from tests.flows.conftest import Project


def lock(root: Path) -> None:
    """Pin one file, and record in dvc.lock that the stage ``read`` has read the lock."""
    (root / "raw").mkdir(exist_ok=True)
    (root / "raw/a.txt").write_text("pig iron")
    write_lock(lock_sources([Source(name="raw", path="raw")], root, None), root / "sources.lock.yaml")
    digest = hashlib.md5((root / "sources.lock.yaml").read_bytes()).hexdigest()
    recorded = yaml.safe_load((root / "dvc.lock").read_text())
    recorded["stages"]["read"]["deps"].append({"path": "sources.lock.yaml", "hash": "md5", "md5": digest})
    (root / "dvc.lock").write_text(yaml.safe_dump(recorded))


def test_an_artifact_is_traced_to_sources_parameters_and_stages(finished: Project) -> None:
    lock(finished.root)
    lineage = trace("data/last.txt", finished.root)
    assert [made.stage for made in lineage.made_by] == ["read", "count", "last"], "side did not take part"
    read = lineage.made_by[0]
    assert set(read.inputs) == {"step.py", "source.txt", "sources.lock.yaml"}
    assert read.parameters == {"read": {"limit": 3, "deep": {"cut": 0.5, "words": ["a", "b"]}}}
    assert read.outputs["data/read"].endswith(".dir")
    assert [(source["path"], source["bytes"]) for source in lineage.sources] == [("raw/a.txt", 8)]
    text = "\n".join(describe(lineage))
    assert "  with  read.deep.cut = 0.5" in text
    assert lineage.sources[0]["digest"] in text


def test_every_parameter_is_said_once_at_the_last_stage_that_reads_it_and_empty_ones_too() -> None:
    every = {"a": {"x": 1, "none": {}}, "b": {"y": [{"z": 2}]}}
    made = [Made("check", {}, {}, {}, {}, every), Made("a", {}, {}, {"a.py": "0"}, {}, {"a": every["a"]})]
    text = list(describe(Lineage("out", made)))
    assert [line for line in text if "with" in line] == [
        "  with  b.y[0].z = 2",
        "  with  a.x = 1",
        "  with  a.none = {}",
    ]
    assert text[0] == "check"
    digests = [line.split()[-1] for line in text if "code" in line]
    assert len(set(digests)) == len(digests) == 2


def test_a_file_within_an_output_is_traced_too(finished: Project) -> None:
    lock(finished.root)
    assert [made.stage for made in trace("data/read/one.txt", finished.root).made_by] == ["read"]


def test_a_lock_that_was_changed_since_is_not_passed_off_as_the_sources(finished: Project) -> None:
    lock(finished.root)
    (finished.root / "raw/b.txt").write_text("came later")
    later = lock_sources([Source(name="raw", path="raw")], finished.root, None)
    write_lock(later, finished.root / "sources.lock.yaml")
    with pytest.raises(ConfigError, match=r"^sources\.lock\.yaml is not the one that read has read") as caught:
        trace("data/last.txt", finished.root)
    assert "\n" not in str(caught.value)


def test_an_artifact_without_sources_has_none(finished: Project) -> None:
    assert trace("data/last.txt", finished.root).sources == []


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
