"""A system that tells the language of documents, as a process to be measured.

    python -m benchmarks.identifiers FOLDER ours|whole|beginnings

Ours is the job of the stage `language` for each shard of the folder: it reads the shard and writes its sidecar. The
others are bare fastText in a loop, with the model that ours loads: Python strings in memory, newlines replaced by
spaces, one prediction; of the whole texts, or of the characters that ours reads of them.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from benchmarks.passes import serve_passes
from benchmarks.workers import ROOT
from bessemer.config.language import LanguageParams
from bessemer.engine import Job, OutputWriter
from bessemer.filters.language import UNDETERMINED, load_model
from bessemer.shards import read_directory, read_shard, shard_names
from stages.language import identify_shard

PARAMS = LanguageParams()
CHARACTERS = PARAMS.characters


def count_identified(documents: Path) -> int:
    """Run the job of every shard, and count the documents."""
    with tempfile.TemporaryDirectory(prefix="bessemer-bench-") as folder:
        writer = OutputWriter(Path(folder))
        found = [identify_shard(ROOT, documents, PARAMS, Job(name, {}), writer) for name in shard_names(documents)]
    return sum(sum(stats["documents"].values()) for stats in found)


def identified(documents: Path) -> dict[str, str]:
    """Languages by document, as the job writes them."""
    languages: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="bessemer-bench-") as folder:
        writer = OutputWriter(Path(folder))
        for name in shard_names(documents):
            identify_shard(ROOT, documents, PARAMS, Job(name, {}), writer)
            table = read_shard(Path(folder) / "language", name, ["id", "language"])
            languages |= zip(table.column("id").to_pylist(), table.column("language").to_pylist(), strict=True)
    return languages


def predicted(texts: Sequence[str], characters: int | None) -> list[str]:
    """Languages as bare fastText tells them of so many characters of each text; of all if None."""
    model = load_model().fasttext
    labels = (model.predict(text[:characters].replace("\n", " "), k=1)[0] for text in texts)
    return [label[0].removeprefix("__label__") if label else UNDETERMINED for label in labels]


def main() -> None:
    """Serve the system that is named."""
    documents, name = Path(sys.argv[1]), sys.argv[2]
    pa.set_cpu_count(1)
    if name == "ours":
        serve_passes(lambda: count_identified(documents), lambda: identified(documents))
    else:
        characters = {"whole": None, "beginnings": CHARACTERS}[name]
        table = read_directory(documents, ["id", "text"])
        ids, texts = (table.column(column).to_pylist() for column in ("id", "text"))
        serve_passes(
            lambda: len(predicted(texts, characters)),
            lambda: dict(zip(ids, predicted(texts, characters), strict=True)),
        )


if __name__ == "__main__":
    main()
