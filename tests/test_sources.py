"""Sources and their lock: what is pinned is what is read, and every mistake is one sentence."""

import os
from pathlib import Path

import pytest
import xxhash
import yaml

from bessemer import sources as sources_module
from bessemer.config.sources import HuggingFace, Source
from bessemer.errors import ConfigError, DataError
from bessemer.sources import Lock, lock_sources, read_lock, require_locked, verify_file, write_lock

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("data/raw/a.jsonl", "data/raw/b.txt", "data/raw/sub/c.html", "data/raw/.hidden", "data/one.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"content of {name}\n")
    return tmp_path


def lock(root: Path, *sources: Source, cache: Path | None = None) -> Lock:
    return lock_sources(sources, root, cache)


def paths(root: Path, source: Source) -> list[str]:
    (locked,) = lock(root, source).sources
    return [f"{locked.base}|{file.path}" for file in locked.files]


def test_files_folders_and_patterns_are_named_below_their_folder(root: Path) -> None:
    assert paths(root, Source(name="s", path="data/one.jsonl")) == ["data|one.jsonl"]
    assert paths(root, Source(name="s", path="data/raw")) == [
        "data/raw|a.jsonl",
        "data/raw|b.txt",
        "data/raw|sub/c.html",
    ]
    assert paths(root, Source(name="s", path="data/raw/")) == paths(root, Source(name="s", path="data/raw"))
    assert paths(root, Source(name="s", path="data/*/*.txt")) == ["data|raw/b.txt"]
    assert paths(root, Source(name="s", path="data/raw", exclude=["sub/*", "*.txt"])) == ["data/raw|a.jsonl"]
    assert paths(root, Source(name="s", path=str(root / "data/one.jsonl")))[0].endswith("|one.jsonl")


def test_linked_folders_are_read_once_in_the_same_order_and_circles_end(root: Path) -> None:
    elsewhere = root / "elsewhere/deep"
    elsewhere.mkdir(parents=True)
    (elsewhere / "d.txt").write_text("d")
    (elsewhere / "back").symlink_to(root / "data")
    (root / "data/raw/a-link").symlink_to(root / "data/raw/sub")
    (root / "data/raw/linked").symlink_to(elsewhere.parent)
    (root / "data/raw/again").symlink_to("linked")
    (root / "data/raw/self").symlink_to(".")
    (root / "data/raw/gone").symlink_to("nowhere")
    (root / "data/raw/.store").mkdir()
    (root / "data/raw/.store/e.txt").write_text("e")
    (root / "data/raw/stored").symlink_to(".store")
    found = ["again/deep/back/one.jsonl", "again/deep/d.txt", "b.txt", "stored/e.txt", "sub/c.html"]
    assert paths(root, Source(name="s", path="data/raw")) == [f"data/raw|{name}" for name in ["a.jsonl", *found]]
    texts = [f"data|raw/{name}" for name in found if name.endswith(".txt")]
    assert paths(root, Source(name="s", path="data/**/*.txt")) == texts
    assert paths(root, Source(name="s", path="data/r*/**")) == [f"data|raw/{name}" for name in ["a.jsonl", *found]]
    verify_file(root, "data/raw", lock(root, Source(name="s", path="data/raw")).sources[0].files[1])


def test_a_pin_is_size_and_digest(root: Path) -> None:
    (file,) = lock(root, Source(name="s", path="data/one.jsonl")).sources[0].files
    data = (root / "data/one.jsonl").read_bytes()
    assert (file.size, file.xxh3) == (len(data), xxhash.xxh3_128_hexdigest(data))


def test_the_lock_is_the_same_bytes_for_the_same_content_and_is_read_back(root: Path) -> None:
    sources = [Source(name="b", path="data/raw"), Source(name="a", path="data/one.jsonl")]
    path = root / "sources.lock.yaml"
    assert write_lock(lock(root, *sources), path)
    first = path.read_bytes()
    assert not write_lock(lock(root, *reversed(sources)), path)
    assert path.read_bytes() == first
    assert read_lock(path) == lock(root, *sources)
    assert [source["name"] for source in yaml.safe_load(first)["sources"]] == ["a", "b"]
    assert str(root) not in first.decode()
    require_locked(read_lock(path), sources)


def test_digests_are_reused_only_while_size_and_times_stay(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, cache = root / "data/one.jsonl", root / ".cache"
    read: list[Path] = []
    real = sources_module.file_digest
    monkeypatch.setattr(sources_module, "file_digest", lambda path: read.append(path) or real(path))
    monkeypatch.setattr(sources_module, "_SETTLED_NS", -(10**18))
    source = Source(name="s", path="data/one.jsonl")
    before = lock(root, source, cache=cache)
    assert lock(root, source, cache=cache) == before
    assert len(read) == 1
    file.write_text("CONTENT of data/one.jsonl\n")
    after = lock(root, source, cache=cache)
    assert len(read) == 2
    assert after != before
    os.utime(file, ns=(1, 1))
    assert lock(root, source, cache=cache) == after
    assert len(read) == 3


def test_a_file_that_changed_a_moment_ago_is_not_remembered(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock(root, Source(name="s", path="data/one.jsonl"), cache=root / ".cache")
    assert not (root / ".cache").exists()


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (Source(name="s", path="data/missing.jsonl"), "s: data/missing.jsonl does not exist"),
        (Source(name="s", path="data/raw/*.parquet"), "gives no file"),
        (Source(name="s", path="nowhere://bucket/a.jsonl"), "fsspec knows no protocol nowhere://"),
        (Source(name="s", path="data/sample"), r"reference/english.jsonl is reference text"),
        (Source(name="s", path="data/sample/reference/english.jsonl"), "is reference text"),
        (Source(name="s", path="data/odd"), r"data/odd/notes.docx has an extension that no reader knows"),
    ],
)
def test_a_source_that_cannot_be_is_one_sentence(root: Path, source: Source, sentence: str) -> None:
    for name in ("data/sample/reference/english.jsonl", "data/odd/notes.docx"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    with pytest.raises(ConfigError, match=sentence) as caught:
        lock(root, source)
    assert "\n" not in str(caught.value)


def test_two_sources_of_one_name_are_refused(root: Path) -> None:
    with pytest.raises(ConfigError, match="two sources are called s"):
        lock(root, Source(name="s", path="data/one.jsonl"), Source(name="s", path="data/raw"))


def test_a_lock_of_other_sources_is_refused_with_the_command_that_refreshes_it(root: Path) -> None:
    one, other = Source(name="one", path="data/one.jsonl"), Source(name="other", path="data/raw")
    made = lock(root, one)
    for sources, problem in (
        ([one, other], "other is not in it"),
        ([], "one is no longer"),
        ([Source(name="one", path="data/raw")], "one was changed"),
    ):
        with pytest.raises(ConfigError, match=problem) as caught:
            require_locked(made, sources)
        assert "bessemer sources lock" in str(caught.value)
    for content in ("sources: [", "sources: {a: 1}", "format: 99\nsources: []"):
        (root / "sources.lock.yaml").write_text(content)
        with pytest.raises(ConfigError, match=r"bessemer sources lock"):
            read_lock(root / "sources.lock.yaml")
    with pytest.raises(ConfigError, match="is missing"):
        read_lock(root / "nowhere.yaml")


def test_a_changed_or_missing_file_is_refused(root: Path) -> None:
    (file,) = lock(root, Source(name="s", path="data/one.jsonl")).sources[0].files
    assert verify_file(root, "data", file) == root / "data/one.jsonl"
    (root / "data/one.jsonl").write_text("CONTENT of data/one.jsonl\n")
    with pytest.raises(DataError, match=r"^data/one.jsonl is not the file that .* pins; .*bessemer sources lock"):
        verify_file(root, "data", file)
    (root / "data/one.jsonl").unlink()
    with pytest.raises(DataError, match="but missing"):
        verify_file(root, "data", file)


def test_a_branch_keeps_the_commit_that_it_was_locked_at(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commits = iter([COMMIT, "f" * 40])
    monkeypatch.setattr(sources_module, "resolve_revision", lambda _: next(commits))
    monkeypatch.setattr(sources_module, "count_parts", lambda *_: 7)
    source = Source(name="hub", huggingface=HuggingFace(repository="a/b", revision="main"))
    first = lock(root, source)
    assert first.sources[0].huggingface is not None
    assert (first.sources[0].huggingface.commit, first.sources[0].huggingface.parts) == (COMMIT, 7)
    assert lock_sources([source], root, None, previous=first) == first
    write_lock(first, root / "l.yaml")
    assert read_lock(root / "l.yaml") == first
    require_locked(first, [source])
    moved = Source(name="hub", huggingface=HuggingFace(repository="a/b", revision="v2"))
    assert lock_sources([moved], root, None, previous=first) != first
