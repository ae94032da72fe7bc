"""Lines and paragraphs that several documents have: found whatever the shards, the workers and the ranges."""

from collections import defaultdict
from pathlib import Path

import pyarrow as pa
import pytest

from bessemer.config.dedup import DedupParams
from bessemer.dedup import parts as module
from bessemer.dedup.exact import exact_groups
from bessemer.dedup.parts import RepeatedParts, find_repeated_parts
from bessemer.shards import directory_digest, read_directory, read_shard, shard_names, verify
from bessemer.text.words import split
from stages import dedup, layout
from tests.dedup.documents import context, find, write_documents
from tests.dedup.test_hard_cases import prose

MENU = "Home, About us, Contact"
NOTICE = "All rights reserved by the publisher of these pages.\nWrite to us for a licence."


def pages(count: int) -> list[str]:
    """Pages of their own text below a menu and above a notice, which they write in their own ways."""
    texts = []
    for number in range(count):
        menu = MENU.upper() if number % 2 else MENU
        notice = NOTICE.replace("\n", "\n\n" if number % 3 == 0 else " ")
        texts.append(f"{menu}\n\n{' '.join(prose(number, 60))}\n\n{notice}")
    return texts


def run(root: Path, texts: list[str], params: DedupParams, *, per_shard: int = 7, workers: int = 2) -> Path:
    write_documents(root / layout.DOCUMENTS, texts, per_shard)
    report = dedup.main(context(root, params, workers))
    assert [table.name for table in report.tables] == (["index"] if params.parts is None else ["index", "parts"])
    return root


def repeated_texts(root: Path) -> list[list[str]]:
    """The repeated parts of each document."""
    found = []
    for shard in shard_names(root / layout.DEDUP_PARTS):
        texts = read_shard(root / layout.DOCUMENTS, shard, ["text"]).column("text").to_pylist()
        own: list[list[str]] = [[] for _ in texts]
        for row in read_shard(root / layout.DEDUP_PARTS, shard).to_pylist():
            data = texts[row["row"]].encode()
            own[row["row"]].append(data[row["start"] : row["end"]].decode())
            assert row["document_bytes"] == len(data)
        found += own
    return found


def by_hand(texts: list[str], min_words: int) -> list[list[str]]:
    """The same lines by comparing the words of all, with identical documents counted once."""
    holders: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for text in texts:
        for line in text.split("\n"):
            holders[tuple(split(line))].add(" ".join(text.casefold().split()))
    return [
        [
            line
            for line in text.splitlines(keepends=True)
            if len(split(line)) >= min_words and len(holders[tuple(split(line))]) > 1
        ]
        for text in texts
    ]


@pytest.mark.parametrize("keys", [4_000_000, 10])
def test_repeated_lines_are_those_that_a_comparison_of_all_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: int
) -> None:
    monkeypatch.setattr(module, "KEYS_PER_TASK", keys)
    texts = [*pages(20), *pages(2), "Quite alone here.", ""]
    root = run(tmp_path, texts, DedupParams(parts="line", part_words=4))
    assert repeated_texts(root) == by_hand(texts, 4)
    assert any(NOTICE.splitlines()[1] in own for own in repeated_texts(root))


def test_paragraphs_and_the_signals_beside_the_documents(tmp_path: Path) -> None:
    texts = pages(6)
    root = run(tmp_path, texts, DedupParams(parts="paragraph"))
    found = repeated_texts(root)
    assert [own[0].casefold() for own in found] == [f"{MENU}\n\n".casefold()] * 6
    assert [len(own) for own in found] == [3, 2, 2, 3, 2, 2]
    exact = read_directory(root / layout.DEDUP_EXACT)
    assert exact.column("repeated_parts").to_pylist() == [len(own) for own in found]
    shares = [sum(map(len, own)) / len(text) for own, text in zip(found, texts, strict=True)]
    assert exact.column("repeated_part_fraction").to_pylist() == pytest.approx(shares)


def test_the_same_bytes_for_any_workers_and_in_two_steps_and_nothing_if_not_asked(tmp_path: Path) -> None:
    params, texts = DedupParams(parts="line"), pages(30)
    one = run(tmp_path / "one", texts, params, workers=1)
    run(tmp_path / "grown", texts[:14], params)
    grown = run(tmp_path / "grown", texts, params)
    for directory in (layout.DEDUP_PARTS, layout.DEDUP_EXACT, layout.DEDUP_PAIRS):
        verify(one / directory)
        assert directory_digest(one / directory) == directory_digest(grown / directory)
    none = run(tmp_path / "none", texts, params)
    assert (none / layout.DEDUP_PARTS).exists()
    none = run(tmp_path / "none", texts, DedupParams())
    assert not (none / layout.DEDUP_PARTS).exists()
    assert read_directory(none / layout.DEDUP_EXACT).column("repeated_parts").null_count == 30


def test_the_report_shows_the_commonest(tmp_path: Path) -> None:
    texts = pages(9)
    write_documents(tmp_path / layout.DOCUMENTS, texts, 2)
    table = dedup.main(context(tmp_path, DedupParams(parts="paragraph"))).tables[1]
    counts = [9, 6, 3, 3]
    shown = [MENU, " ".join(NOTICE.split("\n")), *sorted(NOTICE.split("\n"))]
    assert [row[0] for row in table.rows] == counts
    assert [row[1] for row in table.rows[:2]] + sorted(str(row[1]) for row in table.rows[2:]) == shown


def test_counts_and_copies_of_whole_documents(tmp_path: Path) -> None:
    """A document's twin makes none of its lines repeated."""
    text = "One line of the text\nand another line of it"
    found = find(tmp_path, [text, text.upper(), "one line of the text\nthat differs"], per_shard=2)
    counts = find_repeated_parts(
        DedupParams(parts="line"),
        found.corpus,
        exact_groups(found.corpus.ids, found.corpus.hashes),
        documents=tmp_path / "documents",
        directory=Path("parts"),
        made_from={},
        stage=context(tmp_path, DedupParams(parts="line")),
    )
    line = len("One line of the text\n")
    assert counts == RepeatedParts(
        parts=5, repeated_parts=3, part_bytes=2 * len(text) + line, repeated_part_bytes=3 * line
    )
    assert pa.types.is_uint64(read_directory(tmp_path / "parts").schema.field("hash").type)
