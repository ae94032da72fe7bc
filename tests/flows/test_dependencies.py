"""dvc.yaml cannot drift: its code deps are the import closures, its params those that the stages read."""

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml

from bessemer.config.runtime import Runtime
from bessemer.errors import ConfigError
from flows.dependencies import is_code, require_stages, stale_stages, sync_deps
from flows.graph import Graph, StageNode

ROOT = Path(__file__).parents[2]
STAGES: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


def sections_read(stage: str) -> set[str]:
    """Names of the sections that a stage's ``run_stage(name, main, section=Model, …)`` asks for."""
    tree = ast.parse((ROOT / f"stages/{stage}.py").read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    call = next(node for node in calls if isinstance(node.func, ast.Name) and node.func.id == "run_stage")
    assert isinstance(call.args[0], ast.Constant)
    assert call.args[0].value == stage
    return {keyword.arg for keyword in call.keywords if keyword.arg}


def test_every_stage_lists_exactly_the_code_that_it_imports() -> None:
    assert stale_stages(ROOT) == {}, "run `bessemer sync-deps`"


def test_every_stage_module_is_a_stage_and_the_other_way_round() -> None:
    modules = {path.stem for path in (ROOT / "stages").glob("*.py")} - {"__init__", "layout"}
    assert modules == set(STAGES)


@pytest.mark.parametrize("stage", [name for name in STAGES if name != "check"])
def test_params_are_the_sections_that_the_stage_reads(stage: str) -> None:
    assert {name for name in STAGES[stage]["params"] if isinstance(name, str)} == sections_read(stage)


def test_check_depends_on_the_whole_of_params_yaml() -> None:
    assert {"params.yaml": None} in STAGES["check"]["params"]


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_depends_on_the_packages_that_it_imports(stage: str) -> None:
    assert [item for item in STAGES[stage]["params"] if "versions.yaml" in item] == [{"versions.yaml": [stage]}]
    assert yaml.safe_load((ROOT / "versions.yaml").read_text(encoding="utf-8"))[stage].keys() >= {"PyYAML", "numpy"}


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_is_one_plain_command_with_a_report(stage: str) -> None:
    entry = STAGES[stage]
    assert entry["cmd"] == f"python -m stages.{stage}"
    assert f"reports/{stage}/summary.json" in entry["outs"]
    assert entry["metrics"] == [f"reports/{stage}/metrics.json"]
    assert entry["desc"]


def test_runtime_settings_are_no_dependency_of_any_stage() -> None:
    assert "runtime.yaml" not in str(STAGES)


def test_sync_rewrites_the_generated_part_only(tmp_path: Path) -> None:
    path = tmp_path / "dvc.yaml"
    path.write_text(
        "# a remark that stays\n"
        "stages:\n"
        "  curate:\n"
        "    cmd: python -m stages.curate   # and so does this one\n"
        "    deps:\n"
        "      - data/documents\n"
        "      - bessemer/gone.py\n"
        "    params: [curate]\n"
        "    outs: [data/curated]\n",
        encoding="utf-8",
    )
    added, removed = sync_deps(tmp_path)["curate"]
    assert removed == ["bessemer/gone.py"]
    text = path.read_text(encoding="utf-8")
    assert "# a remark that stays" in text
    assert "# and so does this one" in text
    assert "params: [curate]" in text
    deps = yaml.safe_load(text)["stages"]["curate"]["deps"]
    assert deps[0] == "data/documents"
    assert deps[1:] == added == sorted(filter(is_code, deps))
    assert "stages/curate.py" in deps
    before = path.stat().st_mtime_ns
    assert sync_deps(tmp_path) == {}
    assert path.stat().st_mtime_ns == before


def test_a_deadline_of_no_stage_names_the_nearest_one() -> None:
    graph = Graph([StageNode(name, "", "", (), {}, (), frozenset(), False) for name in ("ingest", "pretrain")])
    require_stages(Runtime(deadlines_s={"ingest": 5}), graph)
    with pytest.raises(ConfigError, match=r"^runtime.yaml: deadlines_s.pretrian: .* did you mean pretrain\?$"):
        require_stages(Runtime(deadlines_s={"ingest": 5, "pretrian": 9}), graph)
    with pytest.raises(ConfigError, match=r"its stages are ingest, pretrain\.$"):
        require_stages(Runtime(deadlines_s={"x": 9}), graph)


def test_a_command_that_is_not_plain_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text("stages:\n  curate:\n    cmd: cd x && python -m stages.curate\n    deps: []\n")
    with pytest.raises(ConfigError, match=r"must be `python -m stages\.<name>`"):
        stale_stages(tmp_path)
