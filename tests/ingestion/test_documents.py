"""Records as documents: identity, cutting, what is kept of the record."""

import json

from hypothesis import given
from hypothesis import strategies as st

from bessemer.config.ingest import IngestParams
from bessemer.config.sources import Source
from bessemer.documents import document_id
from bessemer.ingestion.documents import Document, documents_of, documents_of_items
from bessemer.readers.records import Reason, Record, Skip, Skipped, Unreadable
from bessemer.watch import Watch

PARAMS = IngestParams(split_bytes=1000)
SOURCE = Source(name="s", path="x", license="CC0-1.0")
BOOK = "\n\n".join(f"Paragraph {n} of a book, with enough words to make it a paragraph." for n in range(100))


def documents(record: Record, source: Source = SOURCE) -> list[Document]:
    result = documents_of(record, source, PARAMS)
    assert not isinstance(result, Unreadable | Skipped)
    return list(result)


def test_a_record_is_a_document_with_the_identity_of_its_place() -> None:
    record = Record("a.jsonl:3", 9, text="x\r\ny ", url="u", date="2020", license="MIT", meta={"b": 1, "a": None})
    (document,) = documents(record)
    assert document.row == {
        "id": document_id("s", "a.jsonl:3"),
        "text": "x\ny",
        "source": "s",
        "url": "u",
        "date": "2020",
        "license": "MIT",
        "meta": '{"a":null,"b":1,"locator":"a.jsonl:3"}',
    }
    assert documents(Record("p", 1, text="z"))[0].row["license"] == "CC0-1.0"


def test_a_long_file_is_cut_at_paragraph_ends_and_a_long_record_is_not() -> None:
    parts = documents(Record("book.txt", len(BOOK), text=BOOK, charset="utf-8", whole_file=True))
    assert "\n\n".join(part.row["text"] for part in parts) == BOOK
    assert all(part.bytes <= 1000 for part in parts)
    assert [part.locator for part in parts] == [f"book.txt#{number}" for number in range(1, len(parts) + 1)]
    assert json.loads(parts[1].row["meta"]) == {
        "charset": "utf-8",
        "locator": "book.txt#2",
        "part": 2,
        "parts": len(parts),
    }
    assert len({part.row["id"] for part in parts}) == len(parts)
    assert len(documents(Record("a.jsonl:1", len(BOOK), text=BOOK))) == 1


def test_the_source_may_say_otherwise() -> None:
    cut = Source(name="s", path="x", split_documents=True)
    whole = Source(name="s", path="x", split_documents=False)
    assert len(documents(Record("a.jsonl:1", 1, text=BOOK), cut)) > 1
    assert len(documents(Record("book.txt", 1, text=BOOK, whole_file=True), whole)) == 1


@given(st.text(st.sampled_from("ab \n.é自"), max_size=4000))
def test_cutting_loses_no_word(text: str) -> None:
    result = documents_of(Record("t", 1, text=text, whole_file=True), SOURCE, PARAMS)
    if isinstance(result, Skipped):
        assert not text.split()
        return
    assert not isinstance(result, Unreadable)
    assert "".join("".join(document.row["text"].split()) for document in result) == "".join(text.split())


def test_what_has_no_text_is_a_stated_skip_and_what_fails_is_quarantined() -> None:
    assert documents_of(Record("t", 1, text=" \x00\n"), SOURCE, PARAMS) == Skipped(Skip.EMPTY_TEXT)
    assert documents_of(Record("t", 1, html=b"<script>x</script>"), SOURCE, PARAMS) == Skipped(Skip.EMPTY_TEXT)
    deep = documents_of(Record("t", 1, html=b"<div>" * 9000), SOURCE, PARAMS)
    assert isinstance(deep, Unreadable)
    assert deep.reason is Reason.EXTRACTION
    undecodable = documents_of(Record("t", 1, html=b"\x81\x8d\x8f" * 50, charset="utf-8"), SOURCE, PARAMS)
    assert isinstance(undecodable, Unreadable)
    assert undecodable.reason is Reason.ENCODING


def test_records_together_become_what_each_becomes_alone() -> None:
    items = [
        Record("a", 1, html=b"<p>one</p>"),
        Skipped(Skip.BLANK_LINE),
        Record("b", 1, html=b"<div>" * 9000),
        Record("c", 1, text=BOOK, whole_file=True),
        Record("d", 1, text=" "),
        Unreadable("e", Reason.MALFORMED, "bad"),
        Record("f", 1, html="größe".encode("cp1252"), charset="cp1252"),
        Record("g", 1, html=b"\x81\x8d\x8f" * 50, charset="utf-8"),
    ]
    alone = [documents_of(item, SOURCE, PARAMS) if isinstance(item, Record) else item for item in items]
    assert documents_of_items(items, SOURCE, PARAMS, Watch()) == alone
