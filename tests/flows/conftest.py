"""A small DVC project in a temporary folder: three stages in a row, one beside them, and a gate."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.runner import capture

DVC_YAML = """\
stages:
  read:
    cmd: python step.py read data/read
    desc: writes two files
    deps: [step.py, source.txt]
    params: [read]
    outs: [data/read]
  count:
    cmd: python step.py count data/count.txt
    deps: [step.py, data/read]
    params: [count]
    outs: [data/count.txt]
    meta: {prefect: {retries: 1}}
  side:
    cmd: python step.py side data/side.txt
    deps: [data/read]
    outs: [data/side.txt]
  last:
    cmd: python step.py last data/last.txt
    deps: [data/count.txt]
    outs: [data/last.txt]
"""

PARAMS = """\
read: {limit: 3, deep: {cut: 0.5, words: [a, b]}}
count: {by: 2}
"""

STEP = '''\
"""A stage that says how it ends in behaviour.json: a code, or a sleep in which it may ignore SIGTERM."""
import json, os, signal, sys, time
from pathlib import Path

name, out = sys.argv[1], Path(sys.argv[2])
behaviour = json.loads(Path("behaviour.json").read_text()).get(name, {})
print("hello from", name, flush=True)
if behaviour.get("stubborn"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "sleep" in behaviour:
    if os.fork() == 0:
        if behaviour.get("own_session"):
            os.setsid()
        Path(f"child-{name}.pid").write_text(str(os.getpid()))
        time.sleep(behaviour["sleep"])
        os._exit(0)
    Path(f"{name}.pid").write_text(str(os.getpid()))
    time.sleep(behaviour["sleep"])
if "signal" in behaviour:
    os.kill(os.getpid(), behaviour["signal"])
failed = Path(f"{name}.failed")
if behaviour.get("code") and not (behaviour.get("once") and failed.exists()):
    failed.touch()
    print("bessemer: " + name + ": it was told to fail", file=sys.stderr)
    sys.exit(behaviour["code"])
if name == "read":
    out.mkdir(parents=True, exist_ok=True)
    (out / "one.txt").write_text(Path("source.txt").read_text())
    (out / "two.txt").write_text("always the same")
else:
    out.write_text("constant" if behaviour.get("constant") else str(len(Path("data/read/one.txt").read_text())))
'''


class Project:
    """The project's folder, and how its stages shall behave."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def behave(self, **stages: dict[str, object]) -> None:
        """Set what the named stages do from now on."""
        (self.root / "behaviour.json").write_text(json.dumps(stages))

    def params(self, old: str, new: str) -> None:
        """Edit params.yaml."""
        path = self.root / "params.yaml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def dvc(self, *arguments: str) -> str:
        """Run dvc; its output."""
        code, text = capture([sys.executable, "-m", "dvc", *arguments], timeout_s=120, cwd=self.root)
        assert code == 0, text
        return text


@pytest.fixture(scope="session", autouse=True)
def interpreter_on_path() -> Iterator[None]:
    """``python`` in the commands of the project is this interpreter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
        yield


def build(root: Path) -> Project:
    """Write the project into ``root``."""
    made = Project(root)
    made.dvc("init", "--quiet", "--no-scm")
    (root / "dvc.yaml").write_text(DVC_YAML)
    (root / "params.yaml").write_text(PARAMS)
    (root / "step.py").write_text(STEP)
    (root / "source.txt").write_text("iron\n")
    (root / "data").mkdir()
    made.behave()
    return made


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A project before its first run, and one after it; tests work on copies."""
    new, done = tmp_path_factory.mktemp("new"), tmp_path_factory.mktemp("done")
    build(new)
    shutil.copytree(new, done, dirs_exist_ok=True)
    Project(done).dvc("repro", "--quiet")
    return {"new": new, "done": done}


@pytest.fixture
def project(templates: dict[str, Path], tmp_path: Path) -> Project:
    """A project that has not been run yet."""
    return Project(Path(shutil.copytree(templates["new"], tmp_path / "project")))


@pytest.fixture
def finished(templates: dict[str, Path], tmp_path: Path) -> Project:
    """A project in which nothing is left to do."""
    return Project(Path(shutil.copytree(templates["done"], tmp_path / "project")))
