"""Bad input, through the command that users type: set aside with a reason, or one sentence and exit code 2 or 4."""

import gzip
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.checkout import ROOT, Checkout, make_checkout

GOOD = "It is a truth universally acknowledged, that a single man must be in want of a wife.\n\n" * 4


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkout(tmp_path_factory.mktemp("template") / "checkout").folder


@pytest.fixture
def checkout(template: Path, tmp_path: Path) -> Checkout:
    shutil.copytree(template, tmp_path / "checkout", symlinks=True)
    (tmp_path / "checkout/raw").mkdir()
    return Checkout(tmp_path / "checkout")


def ingest(checkout: Checkout, path: str = "raw", limit: float = 1.0) -> subprocess.CompletedProcess[str]:
    """Run the line up to ``ingest`` on one source."""
    checkout.change(
        {
            "sources": [{"name": "bad", "path": path}],
            "classifier": {"positives": [], "negatives": []},
            "curate": {"classifier": {"min_classifier_score": None}},
            "ingest": {"max_bad_fraction": limit},
        }
    )
    done = checkout.bessemer("run", "ingest", check=False)
    assert "Traceback" not in done.stdout + done.stderr
    return done


def truncated_gzip(folder: Path) -> None:
    whole = gzip.compress((GOOD * 2000).encode() + bytes(range(256)) * 50, mtime=0)
    (folder / "cut.txt.gz").write_bytes(whole[: len(whole) // 2])


def broken_warc(folder: Path) -> None:
    data = gzip.decompress((ROOT / "data/sample/warc/docs-00000.warc.gz").read_bytes())[:200_000]
    (folder / "broken.warc").write_bytes(data[:60_000] + b"\x00garbage\x00" * 50 + data[60_500:])


def invalid_utf8(folder: Path) -> None:
    (folder / "latin.jsonl").write_bytes(b'{"text": "fine words here"}\n{"text": "br\xff\xfeken"}\n')


def gzip_bomb(folder: Path) -> None:
    with gzip.GzipFile(folder / "bomb.jsonl.gz", "wb", compresslevel=9, mtime=0) as file:
        for _ in range(64):
            file.write(b"0" * (1 << 22))


def a_200_mb_line(folder: Path) -> None:
    with (folder / "long.jsonl").open("wb") as file:
        file.write(b'{"text": "good words stay"}\n{"text": "')
        for _ in range(200):
            file.write(b"a" * 1_000_000)
        file.write(b'"}\n')


@pytest.mark.long
@pytest.mark.parametrize("make", [truncated_gzip, broken_warc, invalid_utf8, gzip_bomb, a_200_mb_line])
def test_damaged_records_are_set_aside_with_a_reason_and_none_is_lost(
    checkout: Checkout, make: Callable[[Path], None]
) -> None:
    make(checkout.folder / "raw")
    (checkout.folder / "raw/good.txt").write_text(GOOD)
    done = ingest(checkout)
    assert done.returncode == 0, done.stdout + done.stderr
    metrics = checkout.metrics("ingest")
    assert metrics["records_quarantined"] >= 1
    assert metrics["records_read"] == sum(
        metrics[name] for name in ("records_parsed", "records_quarantined", "records_skipped")
    )
    quarantined = pa.concat_tables(
        [pq.read_table(path) for path in (checkout.folder / "data/quarantine").glob("*.parquet")]
    )
    assert quarantined.num_rows == metrics["records_quarantined"]
    assert all(quarantined["reason"].to_pylist())


def test_too_much_bad_input_is_one_sentence_and_exit_4(checkout: Checkout) -> None:
    invalid_utf8(checkout.folder / "raw")
    done = ingest(checkout, limit=0.0)
    assert done.returncode == 4
    assert "max_bad_fraction" in done.stdout + done.stderr


def unknown_extension(folder: Path) -> None:
    (folder / "notes.xyz").write_text(GOOD)


def parquet_without_text(folder: Path) -> None:
    pq.write_table(pa.table({"body": [GOOD], "when": ["2020"]}), folder / "rows.parquet")


def nothing(folder: Path) -> None:
    folder.rmdir()


@pytest.mark.parametrize(
    ("make", "said"),
    [(unknown_extension, "notes.xyz"), (parquet_without_text, "body"), (nothing, "raw")],
)
def test_what_cannot_be_a_source_is_one_sentence(checkout: Checkout, make: Callable[[Path], None], said: str) -> None:
    make(checkout.folder / "raw")
    done = ingest(checkout, limit=0.01)
    assert done.returncode in (2, 4), done.stdout + done.stderr
    assert said in done.stdout + done.stderr


def test_an_empty_file_is_said_and_not_fatal_beside_a_good_one(checkout: Checkout) -> None:
    (checkout.folder / "raw/empty.txt").write_text("")
    (checkout.folder / "raw/good.txt").write_text(GOOD)
    done = ingest(checkout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert checkout.metrics("ingest")["documents"] >= 1


def test_an_unknown_parameter_stops_everything_before_a_stage_and_names_the_key_meant(checkout: Checkout) -> None:
    checkout.change({"curate": {"length": {"min_word": 3}}})
    sentence = "curate.length.min_word is not a parameter; did you mean min_words?"
    done = checkout.bessemer("run", check=False)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert not (checkout.folder / ".runs").exists()
    plain = checkout.run("dvc", "repro", check=False)
    assert plain.returncode == 255
    assert sentence in plain.stderr + plain.stdout
    assert [path.name for path in (checkout.folder / ".runs").glob("*/*.json")] == ["check.json"]
