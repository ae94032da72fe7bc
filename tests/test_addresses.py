"""Files at an address: listed, pinned by version or digest, fetched, and read as local ones are."""

import functools
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import pytest
from pydantic import ValidationError

from bessemer import addresses
from bessemer.addresses import Remote, fetched, list_files
from bessemer.config.ingest import IngestParams
from bessemer.config.runtime import Runtime
from bessemer.config.sources import Source, SourcesParams
from bessemer.errors import ConfigError, DataError, TryAgain
from bessemer.shards import file_digest, read_directory
from bessemer.sources import Lock, lock_sources, read_lock, require_locked, write_lock
from bessemer.stage import RunRecord, StageContext
from stages import ingest, layout


class Store(SimpleHTTPRequestHandler):
    """Files of a folder; with a version of each, or without; the first ``failures`` answers are errors."""

    versions = True
    failures = 0

    def do_GET(self) -> None:
        if Store.failures > 0 and not self.path.endswith("/"):
            Store.failures -= 1
            self.send_error(503)
            return
        super().do_GET()

    def end_headers(self) -> None:
        path = Path(self.translate_path(self.path))
        if Store.versions and path.is_file():
            self.send_header("ETag", f'"{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}"')
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing: requests are no news here."""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    for name, lines in {"a.jsonl": 3, "sub/b.jsonl": 2, ".hidden.jsonl": 1, "sub/c.jsonl": 1}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        texts = [json.dumps({"text": f"Line {number} of {name}, which is long enough."}) for number in range(lines)]
        path.write_text("\n".join(texts) + "\n")
    return folder


@pytest.fixture
def store(files: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(Store, "versions", True)
    monkeypatch.setattr(Store, "failures", 0)
    monkeypatch.setattr(addresses, "_FIRST_PAUSE_S", 0.01)
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Store, directory=str(files)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def names(address: str) -> list[str]:
    return [file.path for file in list_files(address, {})[1]]


def test_a_file_a_folder_and_a_pattern_are_named_below_their_folder(store: str) -> None:
    assert list_files(f"{store}/sub/b.jsonl", {})[0] == f"{store}/sub"
    assert names(f"{store}/sub/b.jsonl") == ["b.jsonl"]
    assert names(f"{store}/sub/") == ["b.jsonl", "c.jsonl"]
    assert names(f"{store}/sub/*.jsonl") == ["b.jsonl", "c.jsonl"]
    base, found = list_files(f"{store}/", {})
    assert (base, [file.path for file in found]) == (store, [".hidden.jsonl", "a.jsonl", "sub/b.jsonl", "sub/c.jsonl"])


def test_other_protocols_are_those_of_fsspec(files: Path) -> None:
    system = fsspec.filesystem("memory")
    for path in ("crawl/x/1.jsonl", "crawl/2.jsonl"):
        system.pipe(f"/{path}", b"{}")
    assert list_files("memory://crawl", {})[1] == [Remote("2.jsonl", 2, None), Remote("x/1.jsonl", 2, None)]
    assert names("memory://crawl/*/*.jsonl") == ["x/1.jsonl"]
    assert names(f"file://{files}/sub") == ["b.jsonl", "c.jsonl"]


def test_a_store_that_lists_sizes_is_not_asked_for_each_file(monkeypatch: pytest.MonkeyPatch) -> None:
    system = fsspec.filesystem("memory")
    asked: list[str] = []
    ask = type(system).info
    monkeypatch.setattr(type(system), "info", lambda self, path, **how: asked.append(path) or ask(self, path, **how))
    counts = []
    for number in (3, 30):
        for name in range(number):
            system.pipe(f"/listed-{number}/{name}.jsonl", b"{}")
        asked.clear()
        assert len(names(f"memory://listed-{number}")) == len(names(f"memory://listed-{number}/*.jsonl")) == number
        counts.append(len(asked))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("address", "error", "sentence"),
    [
        ("nowhere://x", ConfigError, "no protocol nowhere://"),
        ("http://127.0.0.1:1/x.jsonl", DataError, "127.0.0.1:1/x.jsonl"),
    ],
)
def test_what_cannot_be_listed_is_one_sentence(address: str, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence) as raised:
        list_files(address, {})
    assert "\n" not in str(raised.value)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", refuse)
    with pytest.raises(ConfigError, match="reading s3:// needs s3fs; install it"):
        list_files("s3://bucket/crawl", {})


def test_options_without_an_address_are_refused() -> None:
    with pytest.raises(ValidationError, match="no address"):
        Source(name="s", path="data/raw", storage={"anon": True})


def lock(store: str, root: Path, previous: Lock | None = None, **changes: Any) -> Lock:
    return lock_sources(
        [Source.model_validate({"name": "crawl", "path": f"{store}/", **changes})], root, None, previous
    )


@pytest.mark.parametrize("versions", [True, False])
def test_a_file_is_pinned_by_its_version_or_else_its_digest(
    store: str, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, versions: bool
) -> None:
    monkeypatch.setattr(Store, "versions", versions)
    made = lock(store, tmp_path, exclude=["sub/c*"])
    (source,) = made.sources
    assert [file.path for file in source.files] == ["a.jsonl", "sub/b.jsonl"]
    for file in source.files:
        assert file.size == (files / file.path).stat().st_size
        assert (file.version is not None) == versions
        assert file.xxh3 == (None if versions else file_digest(files / file.path))
    write_lock(made, tmp_path / "sources.lock.yaml")
    assert read_lock(tmp_path / "sources.lock.yaml") == made
    require_locked(made, [Source(name="crawl", path=f"{store}/", exclude=["sub/c*"])])


def test_the_files_of_an_address_stay_pinned_until_a_refresh_or_another_choice(
    store: str, files: Path, tmp_path: Path
) -> None:
    made = lock(store, tmp_path)
    (files / "new.jsonl").write_text("{}\n")
    assert lock(store, tmp_path, made) == made
    assert len(lock(store, tmp_path).sources[0].files) == 4
    assert [file.path for file in lock(store, tmp_path, made, exclude=["sub/*"]).sources[0].files] == [
        "a.jsonl",
        "new.jsonl",
    ]


def read(root: Path, source: Source) -> list[str]:
    """The texts that ``ingest`` makes of what is locked."""
    context = StageContext(
        "ingest",
        {"ingest": IngestParams(), "sources": SourcesParams([source])},
        Runtime(workers=2),
        root,
        RunRecord("test", "ingest"),
        "stages.ingest",
    )
    ingest.main(context)
    return sorted(read_directory(root / layout.DOCUMENTS).column("text").to_pylist())


@pytest.mark.parametrize("versions", [True, False])
def test_it_is_read_as_a_local_folder_is(
    store: str, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, versions: bool
) -> None:
    monkeypatch.setattr(Store, "versions", versions)
    texts = []
    for place, path in (("there", f"{store}/"), ("here", str(files))):
        root = tmp_path / place
        root.mkdir()
        source = Source(name="crawl", path=path)
        write_lock(lock_sources([source], root, None), root / "sources.lock.yaml")
        texts.append(read(root, source))
        assert not list(root.rglob("fetched-*"))
    assert texts[0] == texts[1]
    assert len(texts[0]) == 6
    ids = [read_directory(tmp_path / place / layout.DOCUMENTS).column("id").to_pylist() for place in ("there", "here")]
    assert sorted(ids[0]) == sorted(ids[1])


@pytest.mark.parametrize("versions", [True, False])
def test_a_file_that_was_changed_since_is_not_read(
    store: str, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, versions: bool
) -> None:
    monkeypatch.setattr(Store, "versions", versions)
    source = Source(name="crawl", path=f"{store}/a.jsonl")
    write_lock(lock_sources([source], tmp_path, None), tmp_path / "sources.lock.yaml")
    text = (files / "a.jsonl").read_text()
    (files / "a.jsonl").write_text(text.replace("Line 0", "Lime 0"))
    with pytest.raises(DataError, match=r"a\.jsonl is not the file that sources\.lock\.yaml pins.*--refresh"):
        read(tmp_path, source)
    (files / "a.jsonl").unlink()
    with pytest.raises(DataError, match=r"a\.jsonl is not there"):
        read(tmp_path, source)


def test_a_store_that_fails_for_a_while_is_asked_again(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (remote,) = list_files(f"{store}/a.jsonl", {})[1]
    monkeypatch.setattr(Store, "failures", 2)
    with fetched(store, remote, {}, tmp_path) as path:
        assert path.read_text().count("Line") == 3
    assert Store.failures == 0
    assert not path.exists()
    monkeypatch.setattr(Store, "failures", 99)
    with pytest.raises(TryAgain, match=r"a\.jsonl cannot be read"), fetched(store, remote, {}, tmp_path):
        pass
    assert not list(tmp_path.glob("fetched-*"))
