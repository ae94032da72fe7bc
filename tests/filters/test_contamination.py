"""Contamination: every shared n-gram is found, attributed, and only informative ones count."""

import gzip
import itertools
import json
import unicodedata
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bessemer.config.decontaminate import EvaluationSet
from bessemer.errors import ConfigError, DataError
from bessemer.filters.contamination import Index, Item, build_index, overlaps
from bessemer.filters.evaluations import evaluation_digest, read_items
from bessemer.text.words import YPOGEGRAMMENI, split, word_spans

PROSE = (
    "It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in want of a "
    "wife. However little known the feelings or views of such a man may be on his first entering a neighbourhood, this "
    "truth is so well fixed in the minds of the surrounding families"
)
OTHER = " ".join(f"filler{n}" for n in range(200))
ITEMS = [
    Item("novels", "pride", PROSE),
    Item("novels", "empty", ""),
    Item("quiz", "short", "Which planet of our system has the most moons today?"),
    Item("quiz", "tiny", "Who knows?"),
    Item("tables", "dots", ". . . | 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 | . . ."),
]


def index(**changes: int) -> Index:
    return build_index(ITEMS, **{"ngram_words": 13, "shortest_item_words": 8, "informative_words": 6, **changes})


def test_a_leak_is_found_and_named() -> None:
    found = overlaps([OTHER, f"{OTHER} {PROSE.upper()} {OTHER}"], index())
    assert found.evaluation == [None, "novels"]
    assert found.item == [None, "pride"]
    assert found.reverse_overlap.tolist() == [0.0, 1.0]
    places = len(split(PROSE)) - 12
    assert found.hits.tolist() == [0, places]


def test_thirteen_words_are_enough_and_twelve_are_not() -> None:
    words = split(PROSE)
    for count, hits in ((13, 1), (12, 0)):
        text = f"{OTHER} {' '.join(words[5 : 5 + count])} {OTHER}"
        assert overlaps([text], index()).hits.tolist() == [hits]


def test_dots_and_numbers_are_no_evidence() -> None:
    assert overlaps([ITEMS[4].text, ". . . . . . . . . . . . . . . ."], index()).hits.tolist() == [0, 0]
    assert overlaps(
        [ITEMS[4].text], build_index(ITEMS, ngram_words=13, shortest_item_words=8, informative_words=1)
    ).hits == [0]


def test_a_short_item_is_looked_for_whole() -> None:
    found = overlaps([f"{OTHER} {ITEMS[2].text} {OTHER}", f"{OTHER} has the most moons today {OTHER}"], index())
    assert found.item == ["short", None]
    assert found.reverse_overlap.tolist() == [1.0, 0.0]


def test_the_set_with_most_hits_is_named_and_so_is_that_of_the_largest_share() -> None:
    part = " ".join(split(PROSE)[:30])
    found = overlaps([f"{part} and {ITEMS[2].text}"], index())
    assert found.evaluation == ["novels"]
    assert found.item == ["pride"]
    assert found.reverse_overlap[0] == 1.0
    assert (found.reverse_evaluation, found.reverse_item) == (["quiz"], ["short"])


@pytest.mark.parametrize("margin", [0, 1, 7, 1000])
def test_what_is_shared_is_told_by_its_bytes_with_a_margin_of_words(margin: int) -> None:
    before, after = "Ünïcode… 𝔡rüben, „ẞo“ ", " – 日本語 İstanbul ǅ ends"
    shared = " ".join(PROSE.split()[3:25])
    text = f"{before}{shared}{after} {ITEMS[2].text.upper()} tail"
    found = overlaps([text, OTHER], index(), margin)
    spans = [
        text.encode()[start:end].decode() for start, end in zip(found.spans[0][::2], found.spans[0][1::2], strict=True)
    ]
    if margin == 0:
        assert spans == [shared, ITEMS[2].text.upper().rstrip("?")]
    if margin == 1:
        assert spans == [f"ẞo“ {shared} – 日", f"ends {ITEMS[2].text.upper()} tail"]
    if margin >= 7:
        assert len(spans) == 1
        assert split(spans[0]) == split(text)[-len(split(spans[0])) :]
    assert found.clean_words[0] == len(split(text)) - sum(len(split(span)) for span in spans)
    assert (found.spans[1], found.clean_words[1]) == ([], None)


def assert_words_are_where_they_are_found(text: str) -> None:
    folded = text.replace(YPOGEGRAMMENI, "ι")
    assert [split(folded[start:end]) for start, end in word_spans(text).tolist()] == [[word] for word in split(text)]


def test_folding_makes_no_word_of_what_was_none_and_a_letter_of_one_mark_only() -> None:
    changed = [chr(n) for n in itertools.chain(range(0xD800), range(0xE000, 0x110000)) if chr(n).casefold() != chr(n)]
    assert len(changed) > 1400
    for character in changed:
        assert_words_are_where_they_are_found(f"a{character}a")
    assert [c for c in changed if unicodedata.category(c).startswith("M")] == [YPOGEGRAMMENI]


@given(st.text(st.sampled_from("aB1 ẞŉİ·日กำ\u0301\u0345-")))
def test_words_are_where_they_are_found(text: str) -> None:
    assert_words_are_where_they_are_found(text)


def test_without_evaluations_nothing_is_found() -> None:
    found = overlaps([PROSE], build_index([], ngram_words=13, shortest_item_words=8, informative_words=6))
    assert (found.evaluation, found.hits.tolist()) == ([None], [0])


small = st.lists(st.sampled_from("abcd"), max_size=14).map(" ".join)


@given(
    st.lists(st.tuples(st.sampled_from(["x", "y"]), small), max_size=4), st.lists(small, max_size=4), st.integers(1, 3)
)
def test_equals_a_search_with_sets(evaluation: list[tuple[str, str]], texts: list[str], informative: int) -> None:
    n = 3
    items = [Item(name, str(number), text) for number, (name, text) in enumerate(evaluation)]
    found = overlaps(texts, build_index(items, ngram_words=n, shortest_item_words=n, informative_words=informative))

    def grams(text: str) -> list[tuple[str, ...]]:
        words = split(text)
        return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]

    wanted = [{gram for gram in grams(item.text) if len(set(gram)) >= informative} for item in items]
    for number, text in enumerate(texts):
        own = grams(text)
        hits = {
            name: sum(
                gram in set().union(*(w for w, i in zip(wanted, items, strict=True) if i.evaluation == name))
                for gram in own
            )
            for name in {item.evaluation for item in items}
        }
        shares = [len(grams_of & set(own)) / len(grams_of) for grams_of in wanted if grams_of]
        assert found.hits[number] == max(hits.values(), default=0)
        assert found.reverse_overlap[number] == pytest.approx(max(shares, default=0.0))
        assert found.overlap[number] == pytest.approx(found.hits[number] / max(1, len(own)))
        if found.hits[number]:
            assert hits[str(found.evaluation[number])] == found.hits[number]
            largest = int(str(found.reverse_item[number]))
            assert found.reverse_evaluation[number] == items[largest].evaluation
            assert len(wanted[largest] & set(own)) / len(wanted[largest]) == pytest.approx(max(shares))
        else:
            assert (found.reverse_evaluation[number], found.reverse_item[number]) == (None, None)


def test_items_are_read_from_every_format(tmp_path: Path) -> None:
    records = [{"id": "q1", "question": "Why?", "choices": ["Yes", "No"]}, {"question": "How?", "choices": []}]
    lines = "".join(json.dumps(record) + "\n" for record in records).encode()
    (tmp_path / "a.jsonl").write_bytes(lines)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines))
    (tmp_path / "a.jsonl.zst").write_bytes(zstandard.ZstdCompressor().compress(lines))
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "a.parquet")
    for name, form in (
        ("a.jsonl", "jsonl"),
        ("a.jsonl.gz", "jsonl"),
        ("a.jsonl.zst", "jsonl"),
        ("a.parquet", "parquet"),
    ):
        entry = EvaluationSet.model_validate(
            {"name": "e", "path": name, "format": form, "fields": ["question", "choices"]}
        )
        assert read_items(tmp_path, [entry]) == [Item("e", "q1", "Why?\nYes\nNo"), Item("e", "2", "How?")], name
    (tmp_path / "a.txt").write_text("All of it.\nOne item.\n")
    assert read_items(tmp_path, [EvaluationSet(name="t", path="a.txt", format="text")]) == [
        Item("t", "1", "All of it.\nOne item.\n")
    ]


def test_what_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text('{"text": "fine"}\nnot json\n')
    (tmp_path / "other.jsonl").write_text('{"body": "fine"}\n')
    with pytest.raises(ConfigError, match=r"none\.jsonl .*is no file"):
        read_items(tmp_path, [EvaluationSet(name="e", path="none.jsonl")])
    with pytest.raises(DataError, match=r"bad\.jsonl cannot be read as jsonl"):
        read_items(tmp_path, [EvaluationSet(name="e", path="bad.jsonl")])
    with pytest.raises(ConfigError, match="has no text in text"):
        read_items(tmp_path, [EvaluationSet(name="e", path="other.jsonl")])


def test_a_set_of_the_hub_is_pinned_and_read_through_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    (tmp_path / "exam").mkdir()
    records = [{"id": "q1", "question": "Why?", "choices": ["Yes", "No"]}, {"question": "How?", "choices": []}]
    (tmp_path / "exam" / "test.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    hub = {"repository": "exam", "revision": "a" * 40}
    entry = EvaluationSet.model_validate({"name": "e", "huggingface": hub, "fields": ["question", "choices"]})
    assert read_items(tmp_path, [entry]) == [Item("e", "q1", "Why?\nYes\nNo"), Item("e", "2", "How?")]
    assert evaluation_digest(tmp_path, entry).startswith("test.jsonl:")
    assert evaluation_digest(tmp_path / "elsewhere", entry) == f"exam@{'a' * 40}::test"
    other = EvaluationSet.model_validate({"name": "e", "huggingface": {**hub, "split": "none"}})
    with pytest.raises(DataError, match="exam at aaaaaaaaaaaa, split none, cannot be read"):
        read_items(tmp_path, [other])


@pytest.mark.parametrize(
    "place",
    [{}, {"path": "a", "huggingface": {"repository": "a/b", "revision": "a" * 40}}]
    + [{"huggingface": {"repository": "a/b", "revision": revision}} for revision in ("main", "", "A" * 40)],
)
def test_a_set_has_one_place_and_a_commit(place: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        EvaluationSet.model_validate({"name": "e", **place})
