"""Formats are told from names; what no reader knows is one sentence."""

import pytest

from bessemer.errors import ConfigError
from bessemer.readers.formats import format_of


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.jsonl", "jsonl"),
        ("a.JSON.GZ", "json"),
        ("a.jsonl.bz2", "jsonl"),
        ("a.jsonl.xz", "jsonl"),
        ("README.md", "text"),
        ("a/b.c.jsonl.zst", "jsonl"),
        ("a.parquet", "parquet"),
        ("a.txt.gz", "text"),
        ("CC-MAIN-1.warc.gz", "warc"),
        ("CC-MAIN-1.warc.wet.gz", "wet"),
        ("index.htm", "html"),
        ("dump-pages-articles.xml.bz2", "mediawiki"),
        ("a.feather", "arrow"),
        ("archive.tar.gz", "tar"),
        ("archive.TXZ", "tar"),
        ("archive.zip", "zip"),
    ],
)
def test_the_extension_tells_the_format(name: str, kind: str) -> None:
    assert format_of(name) == kind


@pytest.mark.parametrize("name", ["a.docx", "README", "a.gz", "a.zst", "archive.7z", "a.docx.gz"])
def test_an_unknown_extension_is_refused_unless_the_format_is_stated(name: str) -> None:
    with pytest.raises(ConfigError, match="has an extension that no reader knows"):
        format_of(name)
    assert format_of(name, "text") == "text"
