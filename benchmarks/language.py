"""Languages of documents, beside bare fastText: speed, and whether they agree.

    python -m benchmarks.language [--quick] [--input FILE] [--json FILE] [--save]

Ours is the job of the stage `language` with its defaults: it reads a shard, gives the model the first
`language.characters` characters of each text with all white space made even, and writes the sidecar. fastText is bare
(`benchmarks.identifiers`): the same model in a loop over the same texts in memory, in full, with newlines replaced, one
prediction each, and nothing else. As ours reads less of long documents, a second row gives fastText only the characters
that ours reads. All are pinned to one core and take turns; the texts are the sample's documents, several times over,
or those given. `make bench-language` runs it; fastText is among the project's own requirements.

--json writes flat keys:
  documents_per_s  ours, documents a second of CPU time on one core
  vs_fasttext      how many times the speed of bare fastText on the texts in full ours is
  label_agreement  share of documents of which bare fastText, on the text in full, tells the same language
"""

import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from benchmarks.command import parser_of, show
from benchmarks.given import given_texts
from benchmarks.passes import Passes, measure_passes
from benchmarks.saved import save
from benchmarks.sentences import sample_texts
from benchmarks.tables import Table
from benchmarks.workers import OURS, measured_core, workers
from bessemer.config.language import LanguageParams
from bessemer.documents import document_id
from bessemer.errors import BessemerError
from bessemer.shards import write_manifest, write_shard

WHOLE = "fastText, texts in full"
BEGINNINGS = f"fastText, {LanguageParams().characters:,} characters"
MODULES = {
    OURS: ("benchmarks.identifiers", "ours"),
    WHOLE: ("benchmarks.identifiers", "whole"),
    BEGINNINGS: ("benchmarks.identifiers", "beginnings"),
}


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        copies: of the sample's documents.
        rounds: turns of every system.
    """

    copies: int
    rounds: int


FULL = Size(2, 5)
QUICK = Size(1, 3)


def main() -> None:
    """Measure and print; write what is asked for."""
    parser = parser_of(
        "language",
        __doc__,
        quick="fewer documents, fewer rounds",
        given="JSON lines (.gz too) with a `text` each, instead of the sample",
    )
    asked = parser.parse_args()
    size = QUICK if asked.quick else FULL
    try:
        texts = given_texts(asked.input) if asked.input else sample_texts() * size.copies
        flat, tables = measure_all(texts, size.rounds)
    except (BessemerError, OSError, RuntimeError) as error:
        sys.exit(f"benchmarks.language: {error}")
    show(flat, tables, asked.json)
    if asked.save:
        packages = ("fasttext-community", "numpy", "pyarrow")
        save("language", "Language identification, measured", flat, tables, (), packages)


def measure_all(texts: Sequence[str], rounds: int) -> tuple[dict[str, float | None], list[Table]]:
    """Speeds, then languages."""
    with tempfile.TemporaryDirectory(prefix="bessemer-bench-") as folder:
        documents = Path(folder) / "documents"
        ids = [document_id("bench", str(number)) for number in range(len(texts))]
        table = pa.table({"id": ids, "text": pa.array(texts, pa.large_string())})
        write_manifest(documents, [write_shard(documents, "bench", table)], {})
        with workers(list(MODULES), documents, measured_core(), MODULES) as running:
            passes = measure_passes(running, rounds)
            languages = {name: worker.ask(do="tell")["told"] for name, worker in running.items()}
    flat = {
        "documents_per_s": passes.per_s(OURS),
        "vs_fasttext": passes.ratio(OURS, WHOLE),
        "label_agreement": agreement(languages[OURS], languages[WHOLE]),
    }
    return flat, [speed_table(passes), label_table(languages)]


def agreement(ours: Mapping[str, str], theirs: Mapping[str, str]) -> float:
    """Share of their documents of which ours has the same language."""
    return round(sum(ours[document] == language for document, language in theirs.items()) / max(1, len(theirs)), 4)


def speed_table(passes: Passes) -> Table:
    """One row a system."""
    note = (
        f"documents a second of CPU time on one core, medians of {len(passes.rounds[OURS])} rounds in turn. Ours reads "
        "shards and writes sidecars; fastText has the texts in memory. The first pass of each is not counted."
    )
    rows = [passes.row(name, OURS) for name in passes.rounds]
    return Table(
        "Speed", note, ["system", "documents/s", "documents/s by the clock", "ours is times", "documents"], rows
    )


def label_table(languages: Mapping[str, Mapping[str, str]]) -> Table:
    """One row a way of asking fastText."""
    rows = [
        [name, f"{agreement(languages[OURS], told):.4f}", f"{len(told):,}"]
        for name, told in languages.items()
        if name != OURS
    ]
    return Table("Languages", "share of documents of which ours tells the same.", ["system", "same", "documents"], rows)


if __name__ == "__main__":
    main()
