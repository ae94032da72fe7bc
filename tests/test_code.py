"""The import closure: everything that a stage is made of, and nothing that only draws pages."""

import importlib.metadata
import sys
import unicodedata
from pathlib import Path
from types import SimpleNamespace

import pytest

from bessemer import code


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    files = {
        "bessemer/__init__.py": "",
        "bessemer/a.py": "from bessemer import b\nimport numpy\n",
        "bessemer/b.py": "def late():\n    from .deep import c\n",
        "bessemer/deep/__init__.py": "",
        "bessemer/deep/c.py": "import xxhash.something\n",
        "bessemer/deep/data/model.ftz": "weights",
        "bessemer/unused.py": "",
        "bessemer/reporting/__init__.py": "",
        "bessemer/reporting/html.py": "import bessemer.unused\n",
        "stages/__init__.py": "",
        "stages/one.py": "import bessemer.a\nfrom bessemer.reporting.html import page\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(code, "ROOT", tmp_path)
    code._closure.cache_clear()
    yield tmp_path
    code._closure.cache_clear()


def test_the_closure_follows_imports_inside_functions_and_packages(tree: Path) -> None:
    assert [path.as_posix() for path in code.import_closure("stages.one")] == [
        "bessemer/__init__.py",
        "bessemer/a.py",
        "bessemer/b.py",
        "bessemer/deep/__init__.py",
        "bessemer/deep/c.py",
        "bessemer/deep/data/model.ftz",
        "stages/__init__.py",
        "stages/one.py",
    ]


def test_the_digest_changes_with_any_line_of_the_closure_and_with_no_other(tree: Path) -> None:
    before = code.code_digest("stages.one")
    (tree / "bessemer/unused.py").write_text("x = 1\n")
    (tree / "bessemer/reporting/html.py").write_text("y = 1\n")
    code._closure.cache_clear()
    assert code.code_digest("stages.one") == before
    (tree / "bessemer/deep/c.py").write_text("import xxhash\nz = 1\n")
    code._closure.cache_clear()
    assert code.code_digest("stages.one") != before


def test_the_digest_changes_with_the_minor_version_of_python_and_with_its_unicode_data(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = code.code_digest("stages.one")
    version = sys.version_info
    with monkeypatch.context() as patch:
        patch.setattr(code.sys, "version_info", SimpleNamespace(major=3, minor=version.minor + 1))
        other_python = code.code_digest("stages.one")
        patch.setattr(code.sys, "version_info", SimpleNamespace(major=3, minor=version.minor, micro=99))
        assert code.code_digest("stages.one") == here, "the same Unicode data and the same text"
    monkeypatch.setattr(unicodedata, "unidata_version", "1.1.5")
    assert len({here, other_python, code.code_digest("stages.one")}) == 3


def test_packages_are_named_with_their_versions(tree: Path) -> None:
    versions = code.package_versions("stages.one")
    assert set(versions) == {"numpy", "xxhash"}
    assert all(version[0].isdigit() for version in versions.values())


def test_the_providers_of_a_module_are_those_that_importlib_names() -> None:
    for module, names in importlib.metadata.packages_distributions().items():
        expected = {f"{name}=={importlib.metadata.version(name)}" for name in names}
        assert code.distributions_of({module}) == expected, module


def test_of_two_copies_the_imported_one_counts_and_leftovers_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, about in (("numpy-0.1.dist-info", "Name: NumPy\nVersion: 0.1\n"), ("~umpy-9.dist-info", None)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "RECORD").write_text("numpy/__init__.py,,\n")
        if about:
            (tmp_path / folder / "METADATA").write_text(about)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    code._installed.cache_clear()
    assert code.distributions_of({"numpy"}) == {f"numpy=={importlib.metadata.version('numpy')}"}
    code._installed.cache_clear()


def test_no_data_stage_is_made_of_torch() -> None:
    for stage in ("ingest", "curate", "shard"):
        assert "torch" not in code.package_versions(f"stages.{stage}")
