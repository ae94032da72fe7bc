"""The digests of what lies here are those that DVC itself has written into dvc.lock."""

from pathlib import Path

import pytest

from bessemer.errors import ConfigError, DataError
from flows.recorded import Recorded, content_digest, read_dvc_lock
from tests.flows.conftest import Project


def test_digests_of_files_and_folders_are_those_that_dvc_has_written(finished: Project) -> None:
    recorded = Recorded(finished.root)
    outputs = [(name, out) for name, stage in recorded.stages.items() for out in stage["outs"]]
    assert any(out["md5"].endswith(".dir") for _, out in outputs)
    for name, out in outputs:
        assert recorded.require(name, out["path"]) == out["md5"] == content_digest(finished.root / out["path"])


def test_another_file_in_a_folder_is_found_though_no_file_was_changed(finished: Project) -> None:
    (finished.root / "data/read/three.txt").write_text("")
    with pytest.raises(DataError, match="data/read is not what read has written"):
        Recorded(finished.root).require("read", "data/read")


def test_numbers_with_an_exponent_are_numbers(tmp_path: Path) -> None:
    text = "stages:\n  a:\n    params: {p.yaml: {x: 1e-06, y: -2.5E+3, z: 1e, v: 1e5b, w: 12}}\n"
    (tmp_path / "dvc.lock").write_text(text)
    values = read_dvc_lock(tmp_path)["a"]["params"]["p.yaml"]
    assert values == {"x": 1e-06, "y": -2500.0, "z": "1e", "v": "1e5b", "w": 12}


@pytest.mark.parametrize("text", ["- 1\n", "stages: [1]\n", "stages: {pretrain: }\n", "stages: {"])
def test_a_lock_that_is_no_lock_is_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "dvc.lock").write_text(text)
    with pytest.raises(ConfigError, match=r"^dvc\.lock cannot be read"):
        read_dvc_lock(tmp_path)
