"""``bessemer diff``: the ledger of a revision comes out of DVC's cache, and what cannot be had is one sentence."""

import io
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from bessemer.errors import ConfigError
from flows.documents import diff_command
from stages import layout
from tests.corpora import document, run_curate, write_corpus


def call(root: Path, *command: str) -> None:
    subprocess.run(command, cwd=root, check=True, capture_output=True)


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose first commit kept documents of 50 words; now those of 150 are kept."""
    root = tmp_path_factory.mktemp("diff")
    write_corpus(root, {"a": [document(n, f"Number {n}.", words=100 * n) for n in range(1, 5)]})
    run_curate(root, {"length": {"min_words": 50}})
    call(root, "git", "init", "-q", "-b", "main")
    call(root, sys.executable, "-m", "dvc", "init", "-q")
    call(root, sys.executable, "-m", "dvc", "add", "-q", str(layout.LEDGER))
    call(root, "git", "add", "-A")
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    call(root, "git", *identity, "commit", "-qm", "first")
    shutil.rmtree(root / layout.LEDGER)
    run_curate(root, {"length": {"min_words": 150}})
    return root


def said(root: Path, revision: str) -> str:
    out = io.StringIO()
    assert diff_command(root, revision, Console(file=out, width=200)) == 0
    return out.getvalue()


def test_it_says_what_is_kept_now_and_was_not_at_a_revision(committed: Path) -> None:
    text = said(committed, "main")
    assert text.startswith("from main to now\n")
    kept = next(line for line in text.splitlines() if line.startswith("kept "))
    assert kept.split()[:4] == ["kept", "4", "3", "-1"]
    assert "0 documents gained, 1 lost" in text
    assert f"{1:032x}  novels: kept → too_short\n    Number 1." in text


def test_a_revision_that_is_not_there_is_one_sentence(committed: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere is no commit, branch, tag or experiment"):
        said(committed, "nowhere")


@pytest.mark.parametrize("read_before", [False, True], ids=["never read", "read before"])
def test_what_the_cache_has_lost_is_one_sentence(committed: Path, tmp_path: Path, read_before: bool) -> None:
    root = shutil.copytree(committed, tmp_path / "copy")
    if read_before:
        said(root, "main")
    shutil.rmtree(root / ".dvc/cache")
    with pytest.raises(ConfigError, match="neither DVC's cache nor a remote has data/ledger of main"):
        said(root, "main")
