"""Quality signals beside datatrove's filters and Dolma's taggers: speed on one core, and whether the verdicts agree.

    python -m benchmarks.signals [--quick] [--input FILE] [--json FILE] [--save]

Ours computes every signal of `quality` from UTF-8 bytes to the columns of a shard. datatrove runs its Gopher quality,
Gopher repetition and FineWeb quality filters with their defaults from Python strings, and a document leaves at the
first filter that drops it, which is less work. Dolma runs its taggers `gopher_v2` and `c4_v2` from Python strings to
the attributes that it writes: 24 kinds of numbers, and the places of lines. All are pinned to one core, one thread
each, in turn, on the same English documents: the sample's, or those given. Then our rules are set to datatrove's
limits, and keep or drop is compared for each document: with datatrove given our words, and with spaCy's, which it
takes by itself. And they are set to Gopher's and C4's limits as published, and compared rule by rule with the same
limits on Dolma's attributes. MB are 10^6 bytes of the documents' UTF-8 text. `make bench-signals` installs the peers
first.

--json writes flat keys:
  signals_mb_per_s_core  ours, MB a second of CPU time on one core, all documents
  vs_datatrove           how many times datatrove's MB/s ours are on the same documents; null without the peers
  vs_dolma               the same of Dolma's taggers; null where Dolma is not installed
  verdict_agreement      share of documents that both keep or both drop, datatrove given our words; null likewise
  dolma_agreement        share that Gopher's limits keep or drop both on our numbers and on Dolma's; null likewise
"""

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.by_rule import ByRule, by_rule_table
from benchmarks.command import parser_of, say, show
from benchmarks.dedup_speed import Speeds
from benchmarks.given import given_texts, up_to
from benchmarks.saved import save
from benchmarks.sentences import DOCUMENTS
from benchmarks.tables import Table
from benchmarks.verdicts import Agreement, agreement_table, differences_table
from benchmarks.workers import OURS, Worker, measured_core, python_of, workers
from bessemer.errors import BessemerError, DataError
from bessemer.shards import MANIFEST, read_directory
from bessemer.text.words import split

DATATROVE, DOLMA = "datatrove", "Dolma"
PUBLISHED = "ours, published limits"
MEASURED = {
    OURS: ("benchmarks.ours_signals",),
    DATATROVE: ("benchmarks.peers.datatrove_filters",),
    DOLMA: ("benchmarks.peers.dolma_taggers",),
}
MODULES = MEASURED | {PUBLISHED: ("benchmarks.ours_signals", "published")}
LANGUAGE = Path(__file__).parent.parent / "data" / "language"
_FIRST = 20
"""Documents of the first call, which compiles and loads."""


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        rounds: turns of both systems.
        seconds: that the slowest works in a turn, about.
        judged_mb: text of which verdicts are compared with our words, in 10^6 characters.
        spacy_mb: likewise with spaCy's.
        dolma_mb: likewise beside Dolma's attributes.
    """

    rounds: int
    seconds: float
    judged_mb: float
    spacy_mb: float
    dolma_mb: float


FULL = Size(5, 8.0, 60, 40, 60)
QUICK = Size(3, 2.0, 8, 1, 3)


def main() -> None:
    """Measure and print; write what is asked for."""
    parser = parser_of(
        "signals",
        __doc__,
        quick="fewer rounds, fewer documents judged",
        given="JSON lines (.gz too) with a `text` each, instead of the sample",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the order of the documents")
    asked = parser.parse_args()
    missing = [name for name in MEASURED if name not in installed()]
    if missing:
        print(f"Not installed, so not measured: {', '.join(missing)}; `make bench-signals` installs them.")
    try:
        flat, tables = measure_all(asked)
    except (BessemerError, OSError, RuntimeError) as error:
        sys.exit(f"benchmarks.signals: {error}")
    show(flat, tables, asked.json)
    if asked.save:
        save(
            "signals",
            "Quality signals, measured",
            flat,
            tables,
            (DATATROVE, "spacy", "numpy"),
            dolma_packages=("dolma",),
        )


def installed() -> list[str]:
    """The systems that can be measured here."""
    return [name for name, (module, *_) in MEASURED.items() if python_of(module).exists()]


def measure_all(asked: argparse.Namespace) -> tuple[dict[str, float | None], list[Table]]:
    """Speeds, then verdicts."""
    texts = given_texts(asked.input) if asked.input else english_texts()
    random.Random(asked.seed).shuffle(texts)
    names = installed()
    size = QUICK if asked.quick else FULL
    with tempfile.TemporaryDirectory(prefix="bessemer-bench-") as folder:
        path, words = Path(folder) / "texts.jsonl", Path(folder) / "words.jsonl"
        with path.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(text) + "\n" for text in texts)
        with workers(names, path, measured_core(), MODULES) as running:
            say("signals", "speed")
            speeds, ours = measure(running, size.rounds, size.seconds, len(texts))
            tables = [speed_table(speeds, ours)]
            flat: dict[str, float | None] = {
                "signals_mb_per_s_core": ours.mb_per_s(OURS),
                "vs_datatrove": speeds.ratio(DATATROVE),
                "vs_dolma": speeds.ratio(DOLMA),
                "verdict_agreement": None,
                "dolma_agreement": None,
            }
            if DATATROVE in running:
                with words.open("w", encoding="utf-8") as file:
                    file.writelines(json.dumps(split(text)) + "\n" for text in texts)
                judged = compare(running, words, texts, size)
                flat["verdict_agreement"] = judged[0].share
                tables += [agreement_table(judged), differences_table(judged)]
        if DOLMA in names:
            by_rule = compare_rules(path, texts, size)
            flat["dolma_agreement"] = round(by_rule.share, 4)
            tables.append(by_rule_table(by_rule))
    return flat, tables


def english_texts() -> list[str]:
    """The sample's documents that ``language`` takes for English.

    Raises:
        DataError: they have not been made.
    """
    if not all((folder / MANIFEST).exists() for folder in (DOCUMENTS, LANGUAGE)):
        raise DataError("data/language is missing: make it by `bessemer run language`, or give other documents.")
    texts = read_directory(DOCUMENTS, ["text"]).column("text").to_pylist()
    languages = read_directory(LANGUAGE, ["language"]).column("language").to_pylist()
    return [text for text, language in zip(texts, languages, strict=True) if language == "en"]


def measure(running: Mapping[str, Worker], rounds: int, seconds: float, documents: int) -> tuple[Speeds, Speeds]:
    """All systems on as many documents as the slowest does in about ``seconds``, and ours on all, in turn."""
    first = {name: worker.ask(do="sign", documents=_FIRST)["wall_s"] for name, worker in running.items()}
    spent = max(worker.ask(do="sign", documents=_FIRST)["cpu_s"] for worker in running.values())
    count = min(documents, max(_FIRST, round(_FIRST * seconds / max(spent, 1e-4))))
    answers: dict[str, list[dict[str, Any]]] = {name: [] for name in running}
    ours: list[dict[str, Any]] = []
    for _ in range(rounds):
        ours.append(running[OURS].ask(do="sign", documents=documents))
        for name, worker in running.items():
            answers[name].append(worker.ask(do="sign", documents=count))
    return Speeds(answers, first), Speeds({OURS: ours}, first)


def speed_table(speeds: Speeds, ours: Speeds) -> Table:
    """One row a system and number of documents."""
    rows = []
    for label, measured, name in [
        ("ours, all documents", ours, OURS),
        *((f"{name}, the same documents", speeds, name) for name in speeds.rounds),
    ]:
        answers = measured.rounds[name]
        rows.append(
            [
                label,
                f"{measured.mb_per_s(name):,.2f}",
                f"{sorted(a['bytes'] / a['wall_s'] / 1e6 for a in answers)[len(answers) // 2]:,.2f}",
                f"{speeds.ratio(name):,.0f}" if measured is speeds else "",
                f"{answers[0]['documents']:,}",
                f"{answers[0]['bytes'] / 1e6:,.1f}",
                f"{measured.first_s[name]:.1f}",
            ]
        )
    note = (
        f"all signals on one core, medians of {len(ours.rounds[OURS])} rounds in turn, MB of UTF-8 per second of CPU. "
        "datatrove's are three filters, of which a document meets the next only if the one before keeps it. Dolma's "
        "are two taggers. The first call compiles or loads, and is not counted."
    )
    columns = ["system", "MB/s", "MB/s by the clock", "ours is times", "documents", "MB", "first call s"]
    return Table("Speed", note, columns, rows)


def compare(running: Mapping[str, Worker], words: Path, texts: list[str], size: Size) -> list[Agreement]:
    """Verdicts with our words, and with spaCy's."""
    count, spacy_count = (len(list(up_to(texts, round(most * 1e6)))) for most in (size.judged_mb, size.spacy_mb))
    say("signals", "verdicts with our words")
    ours = running[OURS].ask(do="judge", documents=count, words=None)["reasons"]
    same = running[DATATROVE].ask(do="judge", documents=count, words=str(words))["reasons"]
    say("signals", "verdicts with spaCy's words")
    own = running[DATATROVE].ask(do="judge", documents=spacy_count, words=None)["reasons"]
    return [Agreement("our words", ours, same), Agreement("spaCy's words", ours[:spacy_count], own)]


def compare_rules(path: Path, texts: list[str], size: Size) -> ByRule:
    """The published limits on our numbers and on Dolma's, rule by rule."""
    say("signals", "verdicts beside Dolma's")
    count = len(list(up_to(texts, round(size.dolma_mb * 1e6))))
    with workers([PUBLISHED, DOLMA], path, measured_core(), MODULES) as running:
        told = {
            name: worker.ask(do="judge", documents=count, words=None)["reasons"] for name, worker in running.items()
        }
    return ByRule(told[PUBLISHED], told[DOLMA])


if __name__ == "__main__":
    main()
