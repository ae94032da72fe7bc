"""A system that takes text out of the pages of a web archive, as a process to be measured.

    python -m benchmarks.extractors FILE ours|resiliparse|trafilatura

Ours is the job of the stage `ingest`: it verifies the file against its pin, reads records, sets the damaged ones aside,
takes out and cleans the text, and writes shards of documents with their counts. The others are loops over FastWARC's
response records that are HTML with status 200: the charset that the server states or that resiliparse detects,
decoding, and the extractor with the settings that ours gives it. They keep the texts in memory and write nothing.
"""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import xxhash
from fastwarc.warc import ArchiveIterator, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import bytes_to_str, detect_encoding

from benchmarks.passes import serve_passes
from bessemer.config.ingest import IngestParams
from bessemer.config.sources import Source
from bessemer.engine import Job, OutputWriter
from bessemer.ingestion.job import DOCUMENTS, ingest_job
from bessemer.ingestion.plan import Work
from bessemer.readers.records import Skip
from bessemer.shards import file_digest, read_shard
from bessemer.sources import LockedFile
from bessemer.watch import Watch

_HTML = {"text/html", "application/xhtml+xml"}
Pages = Iterator[tuple[str, str]]
"""Record ids and texts."""


def job_of(path: Path) -> Job:
    """The stage's job of one file."""
    pinned = LockedFile(path=path.name, size=path.stat().st_size, xxh3=file_digest(path))
    return Job("bench", {}, Work(Source(name="bench", path=path.name, format="warc"), ".", (pinned,)))


def count_ingested(job: Job, root: Path) -> int:
    """Run the job, and say how many pages it read: those that became documents, were set aside, or have no text."""
    with tempfile.TemporaryDirectory(prefix="bessemer-bench-") as folder:
        writer = OutputWriter(Path(folder), Watch(Path(folder) / "note"))
        stats = ingest_job(job, writer, root=root, params=IngestParams())
    return int(stats["parsed"] + sum(stats["quarantined"].values()) + stats["skipped"].get(Skip.EMPTY_TEXT, 0))


def ingested(job: Job, root: Path) -> Pages:
    """What the job writes."""
    with tempfile.TemporaryDirectory(prefix="bessemer-bench-") as folder:
        writer = OutputWriter(Path(folder))
        ingest_job(job, writer, root=root, params=IngestParams())
        for shard in writer.shards.get(DOCUMENTS, []):
            table = read_shard(Path(folder) / DOCUMENTS, shard.name, ["meta", "text"])
            metas = (json.loads(meta) for meta in table.column("meta").to_pylist())
            yield from zip((meta["warc_record"] for meta in metas), table.column("text").to_pylist(), strict=True)


def extracted(path: Path, extract: Callable[[str], str]) -> Pages:
    """What a loop without anything else gives."""
    with path.open("rb") as file:
        for record in ArchiveIterator(file, record_types=WarcRecordType.response):
            if record.http_headers.status_code == 200 and record.http_content_type in _HTML:
                body = record.reader.read()
                charset = record.http_charset or detect_encoding(body)
                yield record.record_id, extract(bytes_to_str(body, charset))


def resiliparse(page: str) -> str:
    """As ours calls it."""
    return extract_plain_text(page, preserve_formatting=True, main_content=True, alt_texts=False)


def trafilatura(page: str) -> str:
    """As ours calls it where it is chosen."""
    from trafilatura import extract

    return extract(page, include_comments=False, include_images=False, deduplicate=False) or ""


def digest(text: str) -> str:
    """Digest of a text, whatever its white space."""
    return xxhash.xxh3_128_hexdigest(" ".join(text.split()).encode("utf-8", "replace"))


def told(pages: Pages) -> dict[str, str]:
    """Digests of the texts by record."""
    return {record: digest(text) for record, text in pages}


def main() -> None:
    """Serve the system that is named."""
    path, name = Path(sys.argv[1]), sys.argv[2]
    pa.set_cpu_count(1)
    if name == "ours":
        job = job_of(path)
        serve_passes(lambda: count_ingested(job, path.parent), lambda: told(ingested(job, path.parent)))
    else:
        extract = {"resiliparse": resiliparse, "trafilatura": trafilatura}[name]
        serve_passes(lambda: len(list(extracted(path, extract))), lambda: told(extracted(path, extract)))


if __name__ == "__main__":
    main()
