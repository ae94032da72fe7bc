"""Libraries are an input: an upgrade re-runs the stages that import the library, and equal versions re-run nothing."""

from pathlib import Path

import pytest
import yaml
from rich.console import Console

from bessemer.errors import ConfigError
from flows import versions
from flows.graph import read_graph_and_changes
from flows.lineage import describe, trace
from flows.versions import stale_versions, sync_versions_command, update_versions, with_stale, write_versions
from tests.flows.conftest import Project

DVC_YAML = """\
stages:
  curate: {cmd: python -m stages.curate, params: [curate, versions.yaml: [curate]]}
  pretrain: {cmd: python -m stages.pretrain, params: [pretrain, versions.yaml: [pretrain]]}
  other: {cmd: ./other.sh}
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, str]]:
    """What is installed, to be changed by a test; the checkout is ``tmp_path``."""
    (tmp_path / "dvc.yaml").write_text(DVC_YAML)
    packages = {"stages.curate": {"numpy": "2.0"}, "stages.pretrain": {"numpy": "2.0", "torch": "2.7.1+cpu"}}
    monkeypatch.setattr(versions, "package_versions", packages.__getitem__)
    return packages


def said(root: Path) -> dict[str, list[str]]:
    return {name: [str(change) for change in changes] for name, changes in stale_versions(root).items()}


def test_the_file_has_what_is_installed_and_is_left_alone_while_it_has(
    tmp_path: Path, installed: dict[str, dict[str, str]]
) -> None:
    assert set(write_versions(tmp_path)) == {"curate", "pretrain"}
    path = tmp_path / "versions.yaml"
    before = path.stat().st_mtime_ns
    assert yaml.safe_load(path.read_text()) == {
        "curate": {"numpy": "2.0"},
        "pretrain": {"numpy": "2.0", "torch": "2.7.1"},
    }
    installed["stages.pretrain"]["torch"] = "2.7.1+cu128"
    assert write_versions(tmp_path) == {}, "another build of the same release"
    assert path.stat().st_mtime_ns == before


def test_packages_that_come_leave_or_change_are_named(tmp_path: Path, installed: dict[str, dict[str, str]]) -> None:
    write_versions(tmp_path)
    installed["stages.pretrain"] |= {"torch": "2.8.0", "deepspeed": "0.19"}
    del installed["stages.curate"]["numpy"]
    assert said(tmp_path) == {
        "curate": ["versions.yaml: curate.numpy is gone, it was 2.0"],
        "pretrain": [
            "versions.yaml: pretrain.deepspeed is new: 0.19",
            "versions.yaml: pretrain.torch changed from 2.7.1 to 2.8.0",
        ],
    }


def test_check_refuses_a_stale_file_and_sync_mends_it(tmp_path: Path, installed: dict[str, dict[str, str]]) -> None:
    with pytest.raises(ConfigError, match=r"^versions\.yaml: curate\.numpy .*run `bessemer sync-deps`"):
        sync_versions_command(tmp_path, Console(quiet=True), check=True)
    assert not (tmp_path / "versions.yaml").exists()
    assert sync_versions_command(tmp_path, Console(quiet=True), check=False) == 0
    assert sync_versions_command(tmp_path, Console(quiet=True), check=True) == 0
    assert installed["stages.curate"] == {"numpy": "2.0"}


@pytest.fixture
def line(finished: Project, monkeypatch: pytest.MonkeyPatch) -> tuple[Project, dict[str, dict[str, str]]]:
    """A project that is done, of which ``count`` and ``last`` list their packages; and what is installed."""
    packages = {"count": {"numpy": "2.0"}, "last": {"rich": "15.0"}}
    monkeypatch.setattr(versions, "module_of", lambda name, stage: name)
    monkeypatch.setattr(versions, "package_versions", packages.__getitem__)
    path = finished.root / "dvc.yaml"
    stages = yaml.safe_load(path.read_text())
    for name in packages:
        stages["stages"][name].setdefault("params", []).append({"versions.yaml": [name]})
    path.write_text(yaml.safe_dump(stages))
    update_versions(finished.root, Console(quiet=True))
    finished.dvc("repro", "--quiet")
    return finished, packages


def changes(project: Project) -> dict[str, list[str]]:
    _, found = read_graph_and_changes(project.root)
    return {name: [str(change) for change in item] for name, item in found.items()}


def test_an_upgrade_reruns_the_stages_that_import_the_package_and_no_other(
    line: tuple[Project, dict[str, dict[str, str]]],
) -> None:
    project, packages = line
    update_versions(project.root, Console(quiet=True))
    assert changes(project) == {}, "equal versions re-run nothing"
    packages["count"]["numpy"] = "2.1"
    expected = {"count": ["versions.yaml: count.numpy changed from 2.0 to 2.1"]}
    planned = with_stale({}, project.root)
    assert {name: [str(change) for change in item] for name, item in planned.items()} == expected, "a plan says so"
    assert changes(project) == {}, "and writes nothing"
    update_versions(project.root, Console(quiet=True))
    assert changes(project) == expected


def test_lineage_names_the_packages_apart_from_the_parameters(line: tuple[Project, dict[str, dict[str, str]]]) -> None:
    lineage = trace("data/last.txt", line[0].root)
    made = {item.stage: item for item in lineage.made_by}
    assert (made["count"].packages, made["count"].parameters) == ({"numpy": "2.0"}, {"count": {"by": 2}})
    assert (made["last"].packages, made["last"].parameters) == ({"rich": "15.0"}, {})
    assert "  uses  rich 15.0" in describe(lineage)
