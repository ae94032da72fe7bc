"""MediaWiki XML dumps: one record a page, its last revision's wikitext as plain text.

Pages are framed here and parsed one at a time, so that a damaged one is named and the next one found, and so that no
document type, hence no entity, is ever declared to the XML parser (export schema 0.11,
https://www.mediawiki.org/xml/export-0.11.xsd).
"""

import re
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from bessemer.extract.wikitext import MAX_WIKITEXT_BYTES, NotWikitext, wikitext_to_text
from bessemer.readers.members import Readable
from bessemer.readers.records import EXCERPT_BYTES, Item, Limits, Reason, Record, Skip, Skipped, Unreadable
from bessemer.readers.streams import ByteStream
from bessemer.readers.wiki_pages import WikiPages

_BASE = re.compile(rb"<base>([^<]{1,1000})</base>")
_NAMESPACE = re.compile(rb'<namespace key="(6|14)"[^>]{0,100}>([^<]{1,100})</namespace>')
_ARTICLES = "0"
_WIKITEXT = "wikitext"
_REDIRECT = re.compile(r"\s*#redirect\b", re.IGNORECASE)


@dataclass
class _Site:
    """What the head of the dump says: where its pages are, and what files and categories are called."""

    base: str | None = None
    namespaces: frozenset[str] = frozenset({"file", "image", "category"})


@dataclass
class _Page:
    """Texts of the elements of a page, by path; of a page with several revisions those of the last one."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    redirect: bool = False

    def text(self, path: str) -> str:
        return "".join(self.fields.get(path, []))


def read_mediawiki(path: Readable, locator: str, limits: Limits) -> Iterator[Item]:
    """Pages of a MediaWiki dump, plain or compressed.

    Args:
        path: the file.
        locator: its place in the source; a record's locator is ``<locator>:<number of the page from 1>``.
        limits: a larger page is passed over without being held.
    """
    site = _Site()
    with ByteStream(path, limits) as stream:
        if stream.empty:
            yield Unreadable(f"{locator}:1", Reason.EMPTY_FILE, "the file holds no bytes", ends_file=True)
            return
        frames = WikiPages(stream, limits.record_bytes)
        for number, frame in enumerate(frames, start=1):
            if number == 1:
                site = _site(frames.head or b"")
            place = f"{locator}:{number}"
            if isinstance(frame, Unreadable):
                yield Unreadable(
                    place, frame.reason, frame.detail, frame.size, frame.excerpt, ends_file=frame.ends_file
                )
            else:
                yield _read_page(frame, place, site)


def _read_page(data: bytes, locator: str, site: _Site) -> Item:
    excerpt = data[:EXCERPT_BYTES]
    try:
        page = _parse(data)
    except (expat.ExpatError, ValueError) as error:
        return Unreadable(locator, Reason.MALFORMED, f"the page is not XML ({error})", len(data), excerpt)
    if skip := _skip(page):
        return Skipped(skip)
    wikitext = page.text("revision/text")
    if len(wikitext.encode()) > MAX_WIKITEXT_BYTES:
        detail = f"a page of more than {MAX_WIKITEXT_BYTES:,} bytes, which is MediaWiki's own limit"
        return Unreadable(locator, Reason.TOO_LARGE, detail, len(data), excerpt)
    try:
        text = wikitext_to_text(wikitext, site.namespaces)
    except NotWikitext as error:
        return Unreadable(locator, Reason.EXTRACTION, str(error), len(data), excerpt)
    title = page.text("title")
    meta = {"title": title, "page": page.text("id"), "revision": page.text("revision/id")}
    url = None if site.base is None else site.base + urllib.parse.quote(title.replace(" ", "_"), safe="/:,()")
    return Record(locator, len(data), text=text, url=url, date=page.text("revision/timestamp") or None, meta=meta)


def _skip(page: _Page) -> Skip | None:
    """Why a page is no article, if it is none."""
    text = page.text("revision/text")
    if page.text("ns").strip() != _ARTICLES:
        return Skip.WIKI_NAMESPACE
    if page.redirect or _REDIRECT.match(text):
        return Skip.WIKI_REDIRECT
    if (page.text("revision/model") or _WIKITEXT) != _WIKITEXT:
        return Skip.WIKI_MODEL
    return None if text.strip() else Skip.EMPTY_TEXT


def _parse(page: bytes) -> _Page:
    found = _Page()
    open_elements: list[str] = []
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True

    def start(name: str, _: dict[str, str]) -> None:
        open_elements.append(name)
        path = "/".join(open_elements[1:])
        if path == "redirect":
            found.redirect = True
        elif path == "revision":
            found.fields = {key: value for key, value in found.fields.items() if not key.startswith("revision/")}

    def end(_: str) -> None:
        open_elements.pop()

    def characters(data: str) -> None:
        if len(open_elements) <= 3:
            found.fields.setdefault("/".join(open_elements[1:]), []).append(data)

    def refuse(*_: object) -> None:
        raise ValueError("it declares a document type")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.Parse(page, True)
    return found


def _site(head: bytes) -> _Site:
    site = _Site()
    if (base := _BASE.search(head)) and b"?" not in base.group(1):
        site.base = base.group(1).decode("utf-8", "replace").rpartition("/")[0] + "/"
    names = {name.decode("utf-8", "replace").lower() for _, name in _NAMESPACE.findall(head)}
    site.namespaces |= names
    return site
