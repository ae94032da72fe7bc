"""MediaWiki dumps: pages, their facts, damage between good pages, and XML that attacks its parser."""

from pathlib import Path

import pytest

from bessemer.readers.mediawiki import read_mediawiki
from bessemer.readers.records import Item, Limits, Reason, Record, Skip, Skipped, Unreadable
from tests.readers.hostile import LIMITS
from tests.readers.real_files import mediawiki, wiki_page

HEAD = '<mediawiki version="0.11"><siteinfo><base>https://wiki.example/wiki/Main</base></siteinfo>\n'


def read(folder: Path, data: str | bytes, limits: Limits = LIMITS) -> list[Item]:
    path = folder / "dump.xml"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return list(read_mediawiki(path, path.name, limits))


def test_a_page_has_its_title_url_and_revision(tmp_path: Path) -> None:
    (item,) = read(tmp_path, HEAD + wiki_page(7, "Iron & steel", "'''Iron''' < steel.") + "</mediawiki>")
    assert isinstance(item, Record)
    assert (item.text, item.url) == ("Iron < steel.", "https://wiki.example/wiki/Iron_%26_steel")
    assert item.meta == {"title": "Iron & steel", "page": "7", "revision": "1007"}
    assert item.date == "2024-01-08T00:00:00Z"


def test_redirects_and_other_namespaces_are_stated_skips(tmp_path: Path) -> None:
    items = read(tmp_path, mediawiki())
    assert [item.kind for item in items if isinstance(item, Skipped)] == [Skip.WIKI_REDIRECT, Skip.WIKI_NAMESPACE]


def test_of_several_revisions_the_last_is_read(tmp_path: Path) -> None:
    page = wiki_page(1, "A", "old").replace("</page>", "<revision><id>9</id><text>new</text></revision></page>")
    (item,) = read(tmp_path, HEAD + page + "</mediawiki>")
    assert isinstance(item, Record)
    assert (item.text, item.meta["revision"]) == ("new", "9")


@pytest.mark.parametrize("broken", ["<page><title>x", "<page><b></page>", "garbage", "<page>&lol;</page>", "</page>"])
def test_damage_between_pages_is_one_record_and_the_next_page_is_found(tmp_path: Path, broken: str) -> None:
    items = read(tmp_path, HEAD + wiki_page(1, "A", "one") + broken + wiki_page(2, "B", "two") + "</mediawiki>")
    assert [item.text for item in items if isinstance(item, Record)] == ["one", "two"]
    assert [item.reason for item in items if isinstance(item, Unreadable)] == [Reason.MALFORMED]


def test_entities_that_grow_and_entities_that_read_files_do_nothing(tmp_path: Path) -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    dtd = f'<!DOCTYPE mediawiki [<!ENTITY l0 "ha">{laughs}<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    pages = [wiki_page(1, "A", "X"), wiki_page(2, "B", "X"), wiki_page(3, "C", "plain")]
    body = pages[0].replace(">X<", ">&l9;<") + pages[1].replace(">X<", ">&f;<") + pages[2]
    items = read(tmp_path, dtd + HEAD + body + "</mediawiki>")
    assert [item.text for item in items if isinstance(item, Record)] == ["plain"]
    assert [item.reason for item in items if isinstance(item, Unreadable)] == [Reason.MALFORMED] * 2


def test_a_page_larger_than_a_record_is_passed_over(tmp_path: Path) -> None:
    pages = wiki_page(1, "A", "one") + wiki_page(2, "B", "x" * 3_000_000) + wiki_page(3, "C", "three")
    first, large, last = read(tmp_path, HEAD + pages + "</mediawiki>")
    assert isinstance(first, Record)
    assert isinstance(last, Record)
    assert isinstance(large, Unreadable)
    assert large.reason is Reason.TOO_LARGE
    assert large.size > 3_000_000
