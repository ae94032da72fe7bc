"""The document: one row, one id, for ever. Nothing downstream of ``ingest`` rewrites it."""

import pyarrow as pa
import xxhash

DOCUMENT_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("text", pa.large_string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("date", pa.string()),
        pa.field("license", pa.string()),
        pa.field("meta", pa.string(), nullable=False),
    ]
)
"""``meta`` is a JSON object; ``date`` is ISO 8601 where the source gives one."""

CURATED_SCHEMA = pa.schema(
    [
        *DOCUMENT_SCHEMA,
        pa.field("language", pa.string()),
        pa.field("quality", pa.float32()),
        pa.field("cut_bytes", pa.int64(), nullable=False),
        pa.field("removed_bytes", pa.int64(), nullable=False),
        pa.field("added_bytes", pa.int64(), nullable=False),
        pa.field("family", pa.int64(), nullable=False),
        pa.field("weight", pa.float32(), nullable=False),
    ]
)
"""Kept documents: the text after cutting and redaction.

``cut_bytes`` are the UTF-8 bytes of lines, paragraphs and evaluation text that were cut; redaction took out
``removed_bytes`` and put in ``added_bytes``. ``family`` counts the documents that this one stands for, itself among
them; ``weight`` is how often it is to be trained on, on average.
"""


def document_id(source: str, locator: str) -> str:
    """Identity of a document: 32 hex digits, xxh3-128 of its source's name and its place in that source.

    It depends on nothing else, so neither other files nor more workers move an id.

    Args:
        source: name of the source in params.yaml.
        locator: the record's place, stable as long as its file is (for example ``crawl.warc.gz:<offset>#<part>``).
    """
    return xxhash.xxh3_128_hexdigest(f"{source}\0{locator}".encode("utf-8", "surrogatepass"))
