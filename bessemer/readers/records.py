"""What readers yield: every record of a file ends as exactly one of these, so that none can go missing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Reason(StrEnum):
    """Why a record is in quarantine. Stored there: add, never rename."""

    EMPTY_FILE = "empty_file"  # a file without a byte
    TRUNCATED = "truncated"  # the file ends inside a record or a compressed stream
    CORRUPT = "corrupt"  # the compressed stream or the container is damaged
    EXPANSION = "expansion"  # decompresses to more than ingest.max_expansion allows
    TOO_LARGE = "too_large"  # larger than ingest.max_record_bytes
    MALFORMED = "malformed"  # not the JSON, WARC, HTTP or XML that it should be
    NO_TEXT_FIELD = "no_text_field"  # a JSON record without the field named by columns.text
    WRONG_TYPE = "wrong_type"  # the text is not a string
    ENCODING = "encoding"  # more than ingest.max_undecodable of it cannot be decoded
    EXTRACTION = "extraction"  # the extractor failed on the page, or the page is nested too deep for one
    FATAL = "fatal"  # the extractor ended the process on the page, or took longer than ingest.max_record_seconds
    UNSUPPORTED = "unsupported"  # an archive's member that is encrypted, sparse, an archive, or of a rare compression


class Skip(StrEnum):
    """Kinds of records that hold no document by their nature: counted and stated, never quarantined."""

    BLANK_LINE = "blank_line"
    EMPTY_TEXT = "empty_text"
    HTTP_STATUS = "http_status"
    NOT_HTML = "not_html"
    WARC_METADATA = "warc_metadata"
    WARC_REQUEST = "warc_request"
    WARC_REVISIT = "warc_revisit"
    WARC_INFO = "warc_info"
    WARC_OTHER = "warc_other"
    WIKI_REDIRECT = "wiki_redirect"
    WIKI_NAMESPACE = "wiki_namespace"
    WIKI_MODEL = "wiki_model"
    ARCHIVE_OTHER = "archive_other"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what a reader may hold in memory or believe.

    Attributes:
        record_bytes: largest record, decompressed.
        expansion: largest ratio of decompressed to compressed bytes beyond the first ``record_bytes``.
        undecodable: largest fraction of characters that may be replaced in decoding.
    """

    record_bytes: int
    expansion: float
    undecodable: float


@dataclass(frozen=True, slots=True)
class Record:
    """A record that was read: decoded text, or an HTML page still in bytes.

    Attributes:
        locator: place in the source, unique there and stable as long as the file is.
        size: bytes of the raw record.
        text: the text, where the format gives it; else ``html`` is set.
        html: the page.
        charset: charset used for ``text``; for ``html`` the one that the server stated, if any.
        whole_file: the record is (a stretch of) a plain-text file, which may be a whole book.
        meta: JSON-able facts that the source gives about the record.
    """

    locator: str
    size: int
    text: str | None = None
    html: bytes | None = None
    charset: str | None = None
    whole_file: bool = False
    url: str | None = None
    date: str | None = None
    license: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record (or ``records`` of them, where a container says how many) that goes to quarantine.

    Attributes:
        size: bytes seen of it.
        excerpt: its first bytes.
        ends_file: what follows in the file could not be read either, so more may be lost than is counted.
    """

    locator: str
    reason: Reason
    detail: str
    size: int = 0
    excerpt: bytes = b""
    records: int = 1
    ends_file: bool = False


@dataclass(frozen=True, slots=True)
class Skipped:
    """A record that is no document by its nature."""

    kind: Skip


Item = Record | Unreadable | Skipped

EXCERPT_BYTES = 200
"""Bytes of an unreadable record that quarantine shows."""
