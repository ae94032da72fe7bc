"""Planted leaks: verbatim ones are all found, edited ones as often as the page says, boilerplate never."""

import random
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bessemer.filters.boilerplate import common_ngrams, sightings
from bessemer.filters.contamination import NOTHING, Index, Item, build_index, overlaps
from bessemer.jsonlines import read_objects
from bessemer.text.words import split

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "decontamination.md"
LENGTHS, EDITS, TRIALS = (13, 20, 30, 50, 100, 200), (0, 1, 2, 3, 5, 8), 200


def index_of(items: list[Item], boilerplate: NDArray[np.uint64] = NOTHING) -> Index:
    return build_index(items, ngram_words=13, shortest_item_words=8, informative_words=6, boilerplate=boilerplate)


@cache
def clean_documents() -> list[str]:
    """Beginnings of documents of the sample corpus that share nothing with the reference texts."""
    texts = [str(row["text"])[:6000] for row, _ in zip(_prose(), range(60), strict=False)]
    hits = overlaps(texts, index_of(reference_items())).hits
    return [text for text, count in zip(texts, hits, strict=True) if not count and len(split(text)) > 400]


def _prose():  # type: ignore[no-untyped-def]
    return read_objects(ROOT / "data/sample/jsonl/prose-00000.jsonl.zst")


@cache
def reference_items() -> list[Item]:
    rows = read_objects(ROOT / "data/sample/reference/english.jsonl.zst")
    return [Item("reference", str(number), str(row["text"])) for number, row in enumerate(rows)]


def shaken(words: list[str], generator: random.Random) -> str:
    """The same words in other case, with other punctuation, white space and markup between them."""
    between = [" ", "  ", "\n", "\r\n\r\n", "\t", ", ", " — ", "... ", "** _", "`; ", "\u00a0", "\u200b ", " | ", '" “']
    pieces = []
    for word in words:
        pieces += [generator.choice([word, word.upper(), word.title()]), generator.choice(between)]
    return "".join(pieces)


def places(text: str, leak: str) -> list[str]:
    """The leak at the beginning, at the end, alone, between lines, in markup, in a record."""
    half = text.find(" ", len(text) // 2)
    return [
        f"{leak} {text}",
        f"{text} {leak}",
        leak,
        f"{text[:half]}\n{leak}\n{text[half:]}",
        f"{text[:half]} <p class='q'>{leak}</p> {text[half:]}",
        f'{text[:half]} {{"question": "{leak}"}} {text[half:]}',
    ]


def test_every_verbatim_leak_of_thirteen_words_is_found_and_named() -> None:
    generator = random.Random(0)
    clean = clean_documents()
    items = [item for item in reference_items() if len(split(item.text)) >= 60]
    index = index_of(items)
    texts, wanted = [], []
    for number in range(120):
        item = items[number % len(items)]
        words = split(item.text)
        at = _informative_place(words, generator)
        leak = words[at : at + 13]
        written = " ".join(leak) if number % 2 else shaken(leak, generator)
        hosts = places(generator.choice(clean), written)
        texts += hosts
        wanted += [item.id] * len(hosts)
    found = overlaps(texts, index)
    assert (found.hits > 0).all()
    assert set(found.evaluation) == {"reference"}
    assert (
        np.mean([name == right for name, right in zip(found.item, wanted, strict=True)]) > 0.99
    )  # quoted by two items
    assert overlaps(clean, index).hits.sum() == 0


def _informative_place(words: list[str], generator: random.Random) -> int:
    while True:
        at = generator.randrange(len(words) - 12)
        if len({word for word in words[at : at + 13] if any(map(str.isalpha, word))}) >= 6:
            return at


def test_a_leak_inside_a_megabyte_is_found() -> None:
    generator = random.Random(1)
    host = "\n".join(clean_documents())
    host = host * (1 + 1_000_000 // len(host))
    item = next(item for item in reference_items() if len(split(item.text)) >= 60)
    words = split(item.text)
    at = _informative_place(words, generator)
    half = host.find(" ", len(host) // 2)
    text = f"{host[:half]} {shaken(words[at : at + 13], generator)} {host[half:]}"
    found = overlaps([host, text], index_of([item]))
    assert [hits > 0 for hits in found.hits] == [False, True]
    assert found.item == [None, item.id]


@pytest.mark.parametrize(
    ("item", "host"),
    [
        ("天地玄黃宇宙洪荒日月盈昃辰宿列張寒來暑往秋收冬藏", "北京是一座有三千多年歷史的城市，人口眾多。"),
        ("いろはにほへとちりぬるをわかよたれそつねならむ", "東京は日本の首都で、人口がとても多い都市です。"),
        ("กขคงจฉชซฌญฐฑฒณดตถทธนบปผฝพฟภมยรลวศษสหฬอฮ", "กรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย"),
        ("가나다라마바사아자차카타파하거너더러머버서어", "서울은 대한민국의 수도이며 가장 큰 도시이다."),
    ],
)
def test_thirteen_characters_are_a_leak_where_words_are_characters(item: str, host: str) -> None:
    index = index_of([Item("exam", "1", item)])
    words = split(item)
    for at in range(len(words) - 12):
        for leak in ("".join(words[at : at + 13]), "\n".join(words[at : at + 13]), "，".join(words[at : at + 13])):
            texts = [leak, f"{leak}。{host}", f"{host}{leak}", f"{host}「{leak}」{host}"]
            assert (overlaps(texts, index).hits > 0).all()
    assert overlaps([host, item[:12]], index).hits.tolist() == [0, 0]


def edited(words: list[str], edits: int, generator: random.Random) -> list[str]:
    """Words with so many of them changed, deleted, or followed by an inserted one, at different random places."""
    result: list[str] = []
    chosen = set(generator.sample(range(len(words)), min(edits, len(words))))
    for place, word in enumerate(words):
        if place not in chosen:
            result.append(word)
            continue
        kind = generator.choice(["change", "insert", "delete"])
        result += {"change": ["zyxwv"], "insert": [word, "zyxwv"], "delete": []}[kind]
    return result


@cache
def recall(length: int, edits: int) -> tuple[float, float]:
    """Share of edited items of which any n-gram is found, and of which more than a fifth is: these are dropped."""
    generator = random.Random(1000 * length + edits)
    long = [split(item.text) for item in reference_items() if len(split(item.text)) >= 200]
    items, texts = [], []
    for number in range(TRIALS):
        words = long[number % len(long)]
        at = generator.randrange(len(words) - length + 1)
        items.append(Item("exam", str(number), " ".join(words[at : at + length])))
        host = generator.choice(clean_documents()).split()[:100]
        leak = edited(words[at : at + length], edits, generator)
        texts.append(" ".join([*host[:50], *leak, *host[50:]]))
    shares = [overlaps([text], index_of([item])) for text, item in zip(texts, items, strict=True)]
    found = np.mean([share.hits[0] > 0 for share in shares])
    dropped = np.mean([share.reverse_overlap[0] > 0.2 for share in shares])
    return float(found), float(dropped)


def test_fewer_edits_and_longer_items_are_found_more_often_and_unedited_ones_always() -> None:
    for length in LENGTHS:
        assert recall(length, 0) == (1.0, 1.0)
        assert recall(length, 1)[0] >= recall(length, 8)[0]
    assert recall(50, 1)[0] == 1.0
    assert recall(100, 2)[0] == 1.0


def recall_table() -> str:
    rows = [
        "| words of the item | " + " | ".join("1 edit" if edits == 1 else f"{edits} edits" for edits in EDITS) + " |",
        "|---|" + "---|" * len(EDITS),
    ]
    for length in LENGTHS:
        cells = [f"{found:.1%} / {dropped:.1%}" for found, dropped in (recall(length, edits) for edits in EDITS)]
        rows.append(f"| {length} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def test_the_page_has_the_recall_of_edited_leaks() -> None:
    assert recall_table() in DOCS.read_text("utf-8"), f"docs/decontamination.md should have:\n{recall_table()}"


LICENCE = (
    "Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated "
    "documentation files, to deal in the software without restriction, including without limitation the rights to use"
)
COOKIES = (
    "We use cookies and similar technologies to improve your experience, to analyse our traffic and to show you what "
    "may interest you. By clicking accept all you agree to the storing of cookies on your device."
)
LOREM = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore"
NAVIGATION = (
    "Home | About us | Products | Support | Contact | Log in | Register | Terms of use | Privacy policy | Site map"
)
TEMPLATE = "Answer the following question by choosing the one correct letter among the four given options below."
MARKS = "… … … … … … … … … … … … … … … … . . . . . . . . . . . . . . . . . . . . ———————————— ************ ============"
FIGURES = (
    "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 | 3.1 4.1 5.9 2.6 5.3 5.8 9.7 | A. B. C. D. A. B. C. D. A. B. C. D. A. B."
)
BOILERPLATE = [LICENCE, COOKIES, LOREM, NAVIGATION, TEMPLATE, MARKS, FIGURES]


def exam() -> list[Item]:
    """Items of which each has text of its own between boilerplate."""
    items = []
    for number, item in enumerate(reference_items()[:40]):
        own = " ".join(split(item.text)[:80])
        items.append(Item("exam", str(number), f"{BOILERPLATE[number % 7]}\n{own}\n{BOILERPLATE[(number + 1) % 7]}"))
    return items


def test_clean_documents_full_of_boilerplate_have_no_hit_and_leaks_among_them_are_found() -> None:
    items = exam()
    index = index_of(items)
    clean = [f"{text[:2000]}\n" + "\n".join(BOILERPLATE) for text in clean_documents()]
    leaking = [f"{text}\n{item.text}" for text, item in zip(clean, items, strict=False)]
    halves = [clean[::2], [*clean[1::2], *leaking]]
    common = common_ngrams([sightings(texts, index) for texts in halves], 10)
    pruned = index_of(items, common)
    assert overlaps(clean, pruned).hits.sum() == 0
    found = overlaps(leaking, pruned)
    assert found.reverse_item == [item.id for item in items[: len(leaking)]]
    assert (found.reverse_overlap == 1).all()
    assert overlaps(clean, index).hits.all()


def test_dots_figures_and_option_letters_count_in_no_number_of_documents() -> None:
    index = index_of([Item("exam", "1", f"{MARKS}\n{FIGURES}"), Item("exam", "2", FIGURES)])
    assert overlaps([MARKS, FIGURES, f"{FIGURES} {MARKS}"], index).hits.tolist() == [0, 0, 0]


def test_a_question_copied_into_many_documents_is_a_leak_and_no_boilerplate() -> None:
    item = exam()[0]
    index = index_of([item])
    texts = [f"{text[:500]}\n{item.text}" for text in clean_documents()]
    assert len(texts) > 10
    assert len(common_ngrams([sightings(texts, index)], 10)) == 0
