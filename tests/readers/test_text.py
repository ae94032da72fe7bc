"""Plain text files and HTML files: one record each, or bounded pieces that give the text back."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bessemer.readers import streams
from bessemer.readers.html import read_html
from bessemer.readers.records import Item, Limits, Reason, Record, Unreadable
from bessemer.readers.text import read_text
from tests.readers import hostile
from tests.readers.hostile import LIMITS

SMALL = Limits(record_bytes=2000, expansion=1000.0, undecodable=0.001)


def read(path: Path, limits: Limits = LIMITS) -> list[Item]:
    return list(read_text(path, path.name, limits))


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "cp1251", "euc-jp", "gb18030"])
def test_the_charset_of_a_text_file_is_found(tmp_path: Path, charset: str) -> None:
    text = {
        "cp1251": "Все люди рождаются свободными и равными в своем достоинстве и правах. " * 5,
        "euc-jp": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。" * 5,
        "gb18030": "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。" * 5,
    }.get(charset, "Élan vital, naïveté – 自由")
    (tmp_path / "a.txt").write_bytes(text.encode(charset))
    (item,) = read(tmp_path / "a.txt")
    assert isinstance(item, Record)
    assert item.text == text


@pytest.mark.parametrize("charset", ["utf-8", "utf-16"])
def test_a_file_larger_than_a_record_comes_in_pieces_that_give_it_back(tmp_path: Path, charset: str) -> None:
    text = "".join(f"Paragraph {n} says: naïve 自由.\nIts second line.\n\n" for n in range(400))
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(text.encode(charset), mtime=0))
    found = read(tmp_path / "a.txt.gz", SMALL)
    assert all(isinstance(item, Record) for item in found)
    pieces = [item.text or "" for item in found if isinstance(item, Record)]
    assert "".join(pieces) == text
    assert max(map(len, pieces)) <= 2000
    assert all(piece.endswith("\n\n") for piece in pieces)
    assert [item.locator for item in found if isinstance(item, Record)] == [
        f"a.txt.gz:{number}" for number in range(1, len(pieces) + 1)
    ]


def test_one_endless_line_is_quarantined_and_what_follows_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("before\n" + "x" * 5_000_000 + "\nafter\n")
    found = read(tmp_path / "a.txt")
    assert [item.reason for item in found if isinstance(item, Unreadable)] == [Reason.TOO_LARGE]
    assert [item.text for item in found if isinstance(item, Record)] == ["before\n", "after\n"]


@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(st.text("ab 自é", max_size=120) | st.integers(90, 400).map("x".__mul__) | st.just(""), max_size=40),
    limit=st.integers(40, 100),
    piece=st.integers(1, 300),
)
def test_every_line_within_the_limit_survives_whatever_stands_around_it(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], limit: int, piece: int
) -> None:
    path = tmp_path_factory.mktemp("lines") / "a.txt"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "PIECE", piece)
        found = read(path, Limits(record_bytes=limit, expansion=1000.0, undecodable=0.001))
    kept = "".join(item.text or "" for item in found if isinstance(item, Record))
    assert kept == "".join(f"{line}\n" for line in lines if len(line) < limit)
    too_large = [item for item in found if isinstance(item, Unreadable) and item.reason is Reason.TOO_LARGE]
    assert len(too_large) == sum(len(line) >= limit for line in lines)


def test_a_line_just_over_the_limit_costs_itself_only(tmp_path: Path) -> None:
    good = "".join(f"Paragraph {n} is short.\n\n" for n in range(300))
    (tmp_path / "a.txt").write_text("x" * 2050 + "\n" + good)
    lost, *found = read(tmp_path / "a.txt", SMALL)
    assert isinstance(lost, Unreadable)
    assert (lost.reason, lost.size) == (Reason.TOO_LARGE, 2050)
    assert "".join(item.text or "" for item in found if isinstance(item, Record)) == good


def test_what_no_charset_decodes_is_quarantined(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("Größe ".encode() * 20 + b"\x81\x8d\x8f\x90\x9d" * 30)
    (item,) = read(tmp_path / "a.txt")
    assert isinstance(item, Unreadable)
    assert item.reason is Reason.ENCODING


def test_damaged_and_empty_files_are_reported(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_bytes(b"")
    (empty,) = read(tmp_path / "empty.txt")
    assert isinstance(empty, Unreadable)
    assert empty.reason is Reason.EMPTY_FILE
    text = hostile.json_lines(500)
    *pieces, end = read(hostile.truncated_gzip(tmp_path / "a.txt.gz", text))
    assert (
        b"".join((item.text or "").encode() for item in pieces if isinstance(item, Record))
        == text[: sum(len(item.text or "") for item in pieces if isinstance(item, Record))]
    )
    assert isinstance(end, Unreadable)
    assert (end.reason, end.ends_file) == (Reason.TRUNCATED, True)
    (bomb,) = [i for i in read(hostile.gzip_bomb(tmp_path / "b.txt.gz")) if isinstance(i, Unreadable) and i.ends_file]
    assert bomb.reason is Reason.EXPANSION


def test_html_files_are_pages_and_too_large_ones_are_not(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(hostile.page(1))
    (tmp_path / "b.html").write_bytes(b"<p>" * 100_000)
    (tmp_path / "c.html.gz").write_bytes(gzip.compress(hostile.page(3), mtime=0)[:-9])
    (tmp_path / "d.html").write_bytes(b"")
    found = [next(read_html(path, path.name, LIMITS)) for path in sorted(tmp_path.iterdir())]
    assert isinstance(found[0], Record)
    assert found[0].html == hostile.page(1)
    assert [item.reason for item in found if isinstance(item, Unreadable)] == [
        Reason.TOO_LARGE,
        Reason.TRUNCATED,
        Reason.EMPTY_FILE,
    ]
