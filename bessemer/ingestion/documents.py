"""A record as documents: extraction, cleaning, and the cutting of long texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bessemer.config.ingest import IngestParams
from bessemer.config.sources import Source
from bessemer.documents import document_id
from bessemer.extract.html import ExtractionFailed, Undecodable, decode_page, text_of_page
from bessemer.extract.split import split_text
from bessemer.extract.text import clean_text
from bessemer.readers.fields import dump_json
from bessemer.readers.records import EXCERPT_BYTES, Item, Reason, Record, Skip, Skipped, Unreadable
from bessemer.watch import Watch


@dataclass(frozen=True, slots=True)
class Document:
    """A row of ``data/documents``, its size in UTF-8 bytes, its place in the source, its charset if told."""

    row: dict[str, Any]
    bytes: int
    locator: str
    charset: str | None


@dataclass(frozen=True, slots=True)
class _Reading:
    """A record on its way to a document; ``text`` is that of a page, with its tags, until it was extracted."""

    record: Record
    text: str
    charset: str | None


def documents_of(record: Record, source: Source, params: IngestParams) -> Sequence[Document] | Unreadable | Skipped:
    """The documents that a record holds: one, or several when a long text is cut; or why there is none.

    Args:
        record: as a reader gave it.
        source: where it comes from; it may say whether long texts are cut (else plain-text files are).
        params: extractor, limits, size of the parts.
    """
    return documents_of_items([record], source, params, Watch())[0]


def documents_of_items(
    items: Sequence[Item], source: Source, params: IngestParams, watch: Watch
) -> list[Sequence[Document] | Unreadable | Skipped]:
    """What :func:`documents_of` gives for each record, and every other item as it is.

    Each step is done for all of them before the next: its code and tables stay in the processor's caches, which on web
    pages takes a fifth less time than page after page. ``watch`` is told of each page whose text is extracted.
    """
    decoded = [_decode(item, params) if isinstance(item, Record) else item for item in items]
    try:
        extracted = [_extract(item, params, watch) if isinstance(item, _Reading) else item for item in decoded]
    finally:
        watch.leave()
    cleaned = [_clean(item) if isinstance(item, _Reading) else item for item in extracted]
    return [_documents(item, source, params) if isinstance(item, _Reading) else item for item in cleaned]


def _decode(record: Record, params: IngestParams) -> _Reading | Unreadable:
    if record.html is None:
        return _Reading(record, record.text or "", record.charset)
    try:
        decoded = decode_page(record.html, record.charset, params.max_undecodable)
    except Undecodable as error:
        return _unreadable(record, Reason.ENCODING, str(error))
    except ExtractionFailed as error:
        return _unreadable(record, Reason.EXTRACTION, str(error))
    return _Reading(record, decoded.text, decoded.charset)


def _extract(reading: _Reading, params: IngestParams, watch: Watch) -> _Reading | Unreadable:
    record = reading.record
    if record.html is None:
        return reading
    if (ended := watch.enter(record.locator, params.max_record_seconds)) is not None:
        return _unreadable(record, Reason.FATAL, f"{params.html.extractor}: the page {ended}")
    try:
        return _Reading(record, text_of_page(reading.text, params.html), reading.charset)
    except ExtractionFailed as error:
        return _unreadable(record, Reason.EXTRACTION, str(error))


def _clean(reading: _Reading) -> _Reading | Skipped:
    cleaned = clean_text(reading.text)
    return _Reading(reading.record, cleaned, reading.charset) if cleaned else Skipped(Skip.EMPTY_TEXT)


def _documents(reading: _Reading, source: Source, params: IngestParams) -> list[Document]:
    record, charset = reading.record, reading.charset
    if not _is_cut(record, source):
        return [_document(record, source, reading.text, charset)]
    parts = [part for part in (part.strip() for part in split_text(reading.text, params.split_bytes)) if part]
    if len(parts) == 1:
        return [_document(record, source, parts[0], charset)]
    return [
        _document(record, source, part, charset, (number, len(parts))) for number, part in enumerate(parts, start=1)
    ]


def _is_cut(record: Record, source: Source) -> bool:
    if source.split_documents is not None:
        return source.split_documents
    return record.whole_file


def _document(
    record: Record, source: Source, text: str, charset: str | None, part: tuple[int, int] | None = None
) -> Document:
    locator = record.locator if part is None else f"{record.locator}#{part[0]}"
    meta = dict(record.meta) | {"locator": locator}
    if part is not None:
        meta |= {"part": part[0], "parts": part[1]}
    if charset is not None:
        meta["charset"] = charset
    row = {
        "id": document_id(source.name, locator),
        "text": text,
        "source": source.name,
        "url": record.url,
        "date": record.date,
        "license": record.license or source.license,
        "meta": dump_json(meta).decode(),
    }
    return Document(row, len(text.encode()), locator, charset)


def _unreadable(record: Record, reason: Reason, detail: str) -> Unreadable:
    excerpt = record.html[:EXCERPT_BYTES] if record.html is not None else b""
    return Unreadable(record.locator, reason, detail, record.size, excerpt)
