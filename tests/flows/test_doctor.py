"""The doctor names what stands in the way of the line, and what to do."""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from flows import doctor
from flows.doctor import Health

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("params.yaml", "runtime.yaml", "sources.lock.yaml", "dvc.yaml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def test_what_the_project_ships_is_in_order(checkout: Path) -> None:
    for check in (doctor.python_version, doctor.known_conflicts, doctor.configuration, doctor.source_lock):
        assert check(checkout).health is Health.GOOD, check(checkout).text


def test_a_version_that_is_not_the_pinned_one_is_named_with_both(checkout: Path) -> None:
    (checkout / "constraints.txt").write_text("numpy==0.0.1\nnot-installed-at-all==1.0\n")
    finding = doctor.pinned_versions(checkout)
    assert finding.health is Health.NOTE
    assert "numpy" in finding.text
    assert "(pinned 0.0.1)" in finding.text
    assert "not-installed" not in finding.text


def test_a_web_package_that_breaks_prefect_in_silence_is_named(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = {"fastapi": "0.151.0", "sqlalchemy": "2.0.58"}
    monkeypatch.setattr(importlib.metadata, "version", installed.__getitem__)
    finding = doctor.known_conflicts(checkout)
    assert finding.health is Health.BAD
    assert "fastapi 0.151.0 is not below 0.151" in finding.text
    assert "sqlalchemy" not in finding.text


def test_a_wrong_parameter_is_a_finding_and_no_traceback(checkout: Path) -> None:
    params = checkout / "params.yaml"
    params.write_text(params.read_text().replace("dedup:", "dedup:\n  nonsense: 1", 1))
    finding = doctor._guarded(doctor.configuration, checkout)
    assert finding.health is Health.BAD
    assert "nonsense" in finding.text


def test_a_source_that_is_not_locked_is_a_finding(checkout: Path) -> None:
    (checkout / "sources.lock.yaml").unlink()
    assert doctor._guarded(doctor.source_lock, checkout).health is Health.BAD


@pytest.fixture
def sleeper(checkout: Path) -> Path:
    """A stage that does nothing for a minute."""
    (checkout / "stages").mkdir()
    (checkout / "stages" / "__init__.py").touch()
    module = checkout / "stages" / "sleeps.py"
    module.write_text("import pathlib, time\npathlib.Path('started').touch()\ntime.sleep(60)\n")
    return module


@pytest.fixture
def orphan(checkout: Path, sleeper: Path) -> Iterator[int]:
    """A stage in the checkout whose parent has ended."""
    start = (
        "import subprocess as s, sys\n"
        "print(s.Popen([sys.executable, '-m', 'stages.sleeps'], stdout=s.DEVNULL, stderr=s.DEVNULL).pid)"
    )
    told = subprocess.run([sys.executable, "-c", start], cwd=checkout, stdout=subprocess.PIPE, text=True, check=False)
    process = int(told.stdout)
    yield process
    os.kill(process, 9)


def test_a_stage_without_a_parent_is_named_with_its_process(checkout: Path, orphan: int) -> None:
    finding = doctor.left_behind(checkout)
    assert finding.health is Health.BAD
    assert f"stages.sleeps (process {orphan})" in finding.text


def test_a_rank_in_a_session_of_its_own_is_not_left_behind(checkout: Path, sleeper: Path) -> None:
    launch = "import subprocess as s, sys; s.run([sys.executable, '-m', 'stages.sleeps'], start_new_session=True)"
    launcher = subprocess.Popen([sys.executable, "-c", f"# stages.pretrain\n{launch}"], cwd=checkout)
    try:
        while not (checkout / "started").exists():
            time.sleep(0.05)
        assert doctor.left_behind(checkout).health is Health.GOOD
    finally:
        for process in [*psutil.Process(launcher.pid).children(recursive=True), launcher]:
            process.kill()
        launcher.wait()


def test_a_command_says_all_as_json_and_ends_with_2_when_something_is_in_the_way(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    slow = ("devices", "prefect_server", "cache_links", "dvc_lock")
    for name in slow:
        monkeypatch.setattr(doctor, name, doctor.python_version)
    (checkout / "sources.lock.yaml").unlink()
    assert doctor.doctor_command(checkout, None, as_json=True) == 2  # type: ignore[arg-type]
    found = {finding["subject"]: finding["health"] for finding in json.loads(capsys.readouterr().out)}
    assert found["python"] == "good"
    assert found["source lock"] == "bad"
