"""A small real file of every format, made of records of the repository's own sample, and ways to break it."""

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

SAMPLE = Path(__file__).resolve().parents[2] / "data/sample"
COUNT = 12


@cache
def rows() -> list[dict[str, str]]:
    """Short records of the sample's reference works: id, source, licence and text."""
    data = zstandard.ZstdDecompressor().stream_reader((SAMPLE / "jsonl/reference-00000.jsonl.zst").open("rb"))
    found = (json.loads(line) for line in io.TextIOWrapper(data, "utf-8"))
    return [row for row in found if 300 < len(row["text"]) < 3000][:COUNT]


@cache
def archive_records(name: str) -> list[bytes]:
    """The first records of one of the sample's web archives, each with the line ends that follow it."""
    data = gzip.GzipFile(SAMPLE / name).read(2_000_000)
    parts = data.split(b"\r\n\r\nWARC/1.0\r\n")
    return [(b"" if number == 0 else b"WARC/1.0\r\n") + part + b"\r\n\r\n" for number, part in enumerate(parts[:COUNT])]


def jsonl() -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows())


def json_array() -> bytes:
    return json.dumps(rows(), ensure_ascii=False, indent=1).encode()


def text() -> bytes:
    return "\n\n".join(row["text"] for row in rows()).encode()


def markdown() -> bytes:
    return "\n\n".join(f"# {row['id']}\n\n{row['text']}" for row in rows()).encode()


def html() -> bytes:
    data = gzip.GzipFile(SAMPLE / "warc/docs-00000.warc.gz").read(2_000_000)
    start = data.index(b"<!DOCTYPE html")
    return data[start : data.index(b"</html>", start) + 7]


def warc() -> bytes:
    return b"".join(archive_records("warc/docs-00000.warc.gz"))


def wet() -> bytes:
    return b"".join(archive_records("wet/help-00000.warc.wet.gz"))


def table() -> pa.Table:
    return pa.Table.from_pylist(rows())


def parquet() -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table(), buffer, row_group_size=5, compression="zstd")
    return buffer.getvalue()


def arrow_file(compression: str | None = "zstd") -> bytes:
    buffer = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_file(buffer, table().schema, options=options) as writer:
        writer.write_table(table(), max_chunksize=5)
    return buffer.getvalue()


def arrow_stream() -> bytes:
    buffer = io.BytesIO()
    with pa.ipc.new_stream(buffer, table().schema) as writer:
        writer.write_table(table(), max_chunksize=5)
    return buffer.getvalue()


def wiki_page(number: int, title: str, text: str, *, namespace: int = 0, extra: str = "") -> str:
    """A page as a dump has it (export schema 0.11)."""
    return (
        f"  <page>\n    <title>{escape(title)}</title>\n    <ns>{namespace}</ns>\n    <id>{number}</id>\n{extra}"
        f"    <revision>\n      <id>{number + 1000}</id>\n"
        f"      <timestamp>2024-01-0{number % 9 + 1}T00:00:00Z</timestamp>\n"
        "      <contributor><username>A writer</username><id>7</id></contributor>\n      <model>wikitext</model>\n"
        "      <format>text/x-wiki</format>\n"
        f'      <text bytes="{len(text.encode())}" xml:space="preserve">{escape(text)}</text>\n'
        "      <sha1>0</sha1>\n    </revision>\n  </page>\n"
    )


def mediawiki() -> bytes:
    """A dump of ten articles, a redirect and a talk page."""
    head = (
        '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="en">\n  <siteinfo>\n'
        "    <sitename>Reference</sitename>\n    <dbname>reference</dbname>\n"
        "    <base>https://wiki.example/wiki/Main_Page</base>\n    <case>first-letter</case>\n    <namespaces>\n"
        '      <namespace key="0" case="first-letter" />\n'
        '      <namespace key="1" case="first-letter">Talk</namespace>\n'
        '      <namespace key="6" case="first-letter">Datei</namespace>\n    </namespaces>\n  </siteinfo>\n'
    )
    pages = [
        wiki_page(number, row["id"], f"{{{{Infobox|a=b}}}}\n'''{row['id']}''' is [[work|a work]].\n\n{row['text']}")
        for number, row in enumerate(rows()[: COUNT - 2], start=1)
    ]
    pages.insert(3, wiki_page(50, "Old name", "#REDIRECT [[work]]", extra='    <redirect title="work" />\n'))
    pages.insert(6, wiki_page(51, "Talk:Work", "Is this [[work]] finished?", namespace=1))
    return (head + "".join(pages) + "</mediawiki>\n").encode()


def members() -> list[tuple[str, bytes]]:
    """What the archives hold: a file of several formats, one that no reader knows, one that is compressed."""
    return [
        ("a/rows.jsonl", jsonl()),
        ("a/page.html", html()),
        ("../../outside.md", markdown()),
        ("b/rows.parquet", parquet()),
        ("b/rows.arrow", arrow_file()),
        ("b/picture.png", b"\x89PNG"),
        ("c/array.json.gz", gzip.compress(json_array(), mtime=0)),
    ]


def tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in members():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def zip_archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


IN_ARCHIVE = COUNT + 1 + 1 + COUNT + COUNT + 1 + COUNT
FORMATS: dict[str, tuple[Callable[[], bytes], int]] = {
    "rows.jsonl": (jsonl, COUNT),
    "array.json": (json_array, COUNT),
    "book.txt": (text, 1),
    "book.md": (markdown, 1),
    "page.html": (html, 1),
    "docs.warc": (warc, COUNT),
    "help.wet": (wet, COUNT),
    "rows.parquet": (parquet, COUNT),
    "rows.arrow": (arrow_file, COUNT),
    "rows.feather": (arrow_stream, COUNT),
    "dump.xml": (mediawiki, COUNT),
    "all.tar": (tar, IN_ARCHIVE),
    "all.zip": (zip_archive, IN_ARCHIVE),
}
"""By name: how the file is made, and how many records it holds."""

COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": lambda data: gzip.compress(data, mtime=0),
    ".zst": zstandard.ZstdCompressor().compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


def whole_files() -> dict[str, tuple[bytes, int]]:
    """Every format in every compression, but zip, which is compressed by itself: bytes and number of records."""
    return {
        name + suffix: (compress(make()), count)
        for name, (make, count) in FORMATS.items()
        for suffix, compress in COMPRESSIONS.items()
        if not (suffix and name.endswith(".zip"))
    }
