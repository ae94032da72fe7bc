"""From a web archive to documents, beside bare FastWARC with resiliparse and with trafilatura: speed, and the texts.

    python -m benchmarks.extract [--quick] [--input FILE] [--json FILE] [--save]

Ours is the whole job of the stage `ingest` with its defaults, up to written shards; the peers are loops that read
responses, decode and extract, and nothing else (`benchmarks.extractors`). All are pinned to one core and take turns on
the same file, by default the sample's archives several times over. trafilatura is slow, so it and ours take turns on
the first pages alone. Then the texts are compared: ours are cleaned (mojibake, control characters, NFC) and come from
the charset that fits the page, also where the server states another; the sample has Korean pages of that kind.
`make bench-extract` runs it; the peers are among the project's own requirements.

--json writes flat keys:
  pages_per_s       ours, pages a second of CPU time on one core
  vs_resiliparse    how many times the speed of FastWARC + resiliparse ours is, on the same pages
  vs_trafilatura    the same of FastWARC + trafilatura; null where it is not installed
  text_agreement    share of pages whose text is resiliparse's, white space apart
"""

import importlib.util
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fastwarc.warc import ArchiveIterator, WarcRecordType

from benchmarks.command import parser_of, say, show
from benchmarks.extractors import digest
from benchmarks.passes import Passes, measure_passes
from benchmarks.saved import save
from benchmarks.tables import Table
from benchmarks.workers import OURS, ROOT, measured_core, workers
from bessemer.errors import BessemerError, DataError

RESILIPARSE = "FastWARC + resiliparse"
TRAFILATURA = "FastWARC + trafilatura"
MODULES = {
    OURS: ("benchmarks.extractors", "ours"),
    RESILIPARSE: ("benchmarks.extractors", "resiliparse"),
    TRAFILATURA: ("benchmarks.extractors", "trafilatura"),
}
SAMPLE = ROOT / "data" / "sample" / "warc"


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        copies: of the sample's archives.
        starts: of every system's process.
        rounds: turns of every system after a start.
        slow_pages: that trafilatura is given.
        slow_rounds: turns of it.
    """

    copies: int
    starts: int
    rounds: int
    slow_pages: int
    slow_rounds: int


FULL = Size(2, 6, 3, 515, 3)
QUICK = Size(2, 1, 3, 150, 1)


def main() -> None:
    """Measure and print; write what is asked for."""
    parser = parser_of(
        "extract",
        __doc__,
        quick="fewer pages, fewer rounds",
        given="a WARC file, plain or .gz, instead of the sample's",
    )
    asked = parser.parse_args()
    try:
        flat, tables = measure_all(asked.input, QUICK if asked.quick else FULL)
    except (BessemerError, OSError, RuntimeError) as error:
        sys.exit(f"benchmarks.extract: {error}")
    show(flat, tables, asked.json)
    if asked.save:
        save("extract", "Extraction, measured", flat, tables, (), ("FastWARC", "Resiliparse", "trafilatura", "pyarrow"))


def measure_all(given: Path | None, size: Size) -> tuple[dict[str, float | None], list[Table]]:
    """Speeds on all pages, texts, speeds on the first pages.

    Raises:
        DataError: the file given has no page.
    """
    with tempfile.TemporaryDirectory(prefix="bessemer-bench-") as folder:
        whole, start = Path(folder) / "pages.warc", Path(folder) / "first.warc"
        if given:
            shutil.copyfile(given, whole)
        else:
            archives = b"".join(path.read_bytes() for path in sorted(SAMPLE.glob("*.warc.gz")))
            whole.write_bytes(archives * size.copies)
        if not cut(whole, size.slow_pages, start):
            raise DataError(f"{given or SAMPLE} has no response; give a file with web pages.")
        say("extract", "all pages")
        fast = passes_of([OURS, RESILIPARSE], whole, size.starts, size.rounds)
        say("extract", "texts")
        with workers([OURS, RESILIPARSE], whole, measured_core(), MODULES) as running:
            texts = {name: worker.ask(do="tell")["told"] for name, worker in running.items()}
        slow = Passes({})
        if importlib.util.find_spec("trafilatura"):
            say("extract", "the first pages")
            slow = passes_of([OURS, TRAFILATURA], start, 1, size.slow_rounds)
    share = agreement(texts[OURS], texts[RESILIPARSE])
    flat = {
        "pages_per_s": fast.per_s(OURS),
        "vs_resiliparse": fast.ratio(OURS, RESILIPARSE),
        "vs_trafilatura": slow.ratio(OURS, TRAFILATURA),
        "text_agreement": share,
    }
    return flat, [speed_table(fast, slow), text_table(texts, share)]


def passes_of(systems: Sequence[str], path: Path, starts: int, rounds: int) -> Passes:
    """Passes in turn, of processes that were started several times: where their memory lies changes their speed."""
    answers: dict[str, list[Mapping[str, float]]] = {name: [] for name in systems}
    for _ in range(starts):
        with workers(systems, path, measured_core(), MODULES) as running:
            for name, rows in measure_passes(running, rounds).rounds.items():
                answers[name] += rows
    return Passes(answers)


def cut(archive: Path, pages: int, target: Path) -> int:
    """Write the beginning of an archive that has this many responses, or all that it has; say how many."""
    count, end = 0, archive.stat().st_size
    with archive.open("rb") as file:
        for record in ArchiveIterator(file, record_types=WarcRecordType.response, parse_http=False):
            if count == pages:
                end = record.stream_pos
                break
            count += 1
    with archive.open("rb") as file:
        target.write_bytes(file.read(end))
    return count


def agreement(ours: Mapping[str, str], theirs: Mapping[str, str]) -> float:
    """Share of their pages of which ours has the same text; a page of which ours has none must have no text."""
    empty = digest("")
    return round(sum(ours.get(page, empty) == text for page, text in theirs.items()) / max(1, len(theirs)), 4)


def speed_table(fast: Passes, slow: Passes) -> Table:
    """One row a system and number of pages."""
    rows = [passes.row(name, OURS) for passes in (fast, slow) for name in passes.rounds]
    note = (
        f"pages a second of CPU time on one core, medians of {len(fast.rounds[OURS])} rounds in turn on all pages, and "
        f"of {len(next(iter(slow.rounds.values()), []))} on the first pages. Ours verifies, reads, extracts, cleans, "
        "counts and writes; the peers read, decode and extract. The first pass after each start of a process is not "
        "counted."
    )
    return Table("Speed", note, ["system", "pages/s", "pages/s by the clock", "ours is times", "pages"], rows)


def text_table(texts: Mapping[str, Mapping[str, str]], share: float) -> Table:
    """How many pages have the same text."""
    row = [RESILIPARSE, f"{len(texts[RESILIPARSE]):,}", f"{len(texts[OURS]):,}", f"{share:.4f}"]
    note = "distinct pages, and the share of which ours has the same text when white space is made even."
    return Table("Texts", note, ["system", "pages", "documents of ours", "same text"], [row])


if __name__ == "__main__":
    main()
