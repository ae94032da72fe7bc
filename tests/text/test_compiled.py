"""Compiled code on disk: never stale, never in the way."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bessemer.text.kernel_folder import base_folder, kernel_sources, remove_old, sources_digest
from tests.text.oracles import slow_word_hash

PACKAGE = Path(__file__).parents[2] / "bessemer"
HASH = """
from bessemer.text.buffers import TextBuffer
from bessemer.text.hashes import whole_hashes
print(whole_hashes(TextBuffer.of_texts(["word"]))[0])
"""
SIGN = """
import sys
import numpy as np
from bessemer.dedup.minhash import minhash_signatures, permutations
from bessemer.text.ngrams import Ngrams
for bits in map(int, sys.argv[1:]):
    signatures = minhash_signatures(Ngrams(np.arange(7, dtype=np.uint64), np.array([0, 7])), permutations(9, 1, bits))
    print(bits, signatures.tolist())
"""


def started(program: str, *arguments: str, cache: Path, source: Path = PACKAGE) -> "subprocess.Popen[str]":
    environment = {**os.environ, "BESSEMER_KERNEL_CACHE": str(cache), "PYTHONPATH": str(source.parent)}
    command = [sys.executable, "-c", program, *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, cwd=source.parent, stdout=pipe, stderr=pipe, text=True)


def output(process: "subprocess.Popen[str]") -> list[str]:
    out, error = process.communicate(timeout=300)
    assert process.returncode == 0, error
    return out.splitlines()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package that may be edited."""
    target = tmp_path / "checkout" / "bessemer"
    for part in ("__init__.py", "text", "dedup"):
        source = PACKAGE / part
        if source.is_dir():
            shutil.copytree(source, target / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target / part)
    return target


def test_an_edit_in_a_called_module_is_never_answered_from_before_it(copy: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert output(started(HASH, cache=cache, source=copy)) == [str(slow_word_hash("word"))]
    called = copy / "text" / "word_hash.py"
    called.write_text(called.read_text().replace("SEED = np.uint64(0x243F6A8885A308D3)", "SEED = np.uint64(3)"))
    assert output(started(HASH, cache=cache, source=copy)) != [str(slow_word_hash("word"))]
    assert len(list(cache.iterdir())) == 2


def test_every_edit_beside_a_kernel_names_another_folder(copy: Path) -> None:
    def digest() -> str:
        return sources_digest(kernel_sources(copy), copy)

    seen = {digest()}
    for path in kernel_sources(copy):
        path.write_text(path.read_text() + "\n# a remark\n")
        seen.add(digest())
    assert {path.name for path in kernel_sources(copy)} > {"scan.py", "ngrams.py", "utf8.py", "minhash.py"}
    assert len(seen) == 1 + len(kernel_sources(copy))
    assert digest() == digest()


def test_processes_that_compile_at_once_get_their_own_code_and_leave_it_for_others(tmp_path: Path) -> None:
    alone = [output(started(SIGN, bits, cache=tmp_path / bits)) for bits in ("32", "64")]
    together = [started(SIGN, bits, cache=tmp_path / "both") for bits in ("32", "64", "32", "64")]
    assert [output(process) for process in together] == alone * 2
    stored = sorted((tmp_path / "both").rglob("*.nb?"))
    times = [path.stat().st_mtime_ns for path in stored]
    assert output(started(SIGN, "64", "32", cache=tmp_path / "both")) == [*alone[1], *alone[0]]
    assert sorted((tmp_path / "both").rglob("*.nb?")) == stored
    assert [path.stat().st_mtime_ns for path in stored] == times


def test_what_was_cut_off_is_compiled_again(tmp_path: Path) -> None:
    first = output(started(HASH, cache=tmp_path))
    for number, path in enumerate(sorted(tmp_path.rglob("*.nb?"))):
        path.write_bytes(path.read_bytes()[: number * 7])
    assert output(started(HASH, cache=tmp_path)) == first


def test_without_a_folder_to_write_to_everything_works(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert output(started(HASH, cache=tmp_path / "file" / "cache")) == [str(slow_word_hash("word"))]


def test_folders_used_last_stay(tmp_path: Path) -> None:
    for age in range(6):
        folder = tmp_path / f"{age:032x}"
        folder.mkdir()
        (folder / "kernel.nbc").touch()
        os.utime(folder, (1_000_000 - age, 1_000_000 - age))
    (tmp_path / "other").mkdir()
    remove_old(tmp_path, 4)
    assert sorted(path.name for path in tmp_path.iterdir()) == [*(f"{age:032x}" for age in range(4)), "other"]


def test_the_folder_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BESSEMER_KERNEL_CACHE", str(tmp_path / "mine"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert base_folder() == tmp_path / "mine"
    monkeypatch.delenv("BESSEMER_KERNEL_CACHE")
    assert base_folder() == tmp_path / "caches" / "bessemer" / "kernels"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert base_folder() == tmp_path / "home" / ".cache" / "bessemer" / "kernels"
