"""Cases on which systems of the field lose documents or miss copies, each with what must happen to it."""

import random
from pathlib import Path

import numpy as np
import pytest

from bessemer.config.dedup import DedupParams
from bessemer.dedup.resolve import resolve_duplicates
from tests.dedup.documents import find, found_pairs

THRESHOLD = 0.8
VOCABULARY = [f"{first}{second}" for first in ("ba", "ke", "lo", "mi", "nu", "pra") for second in ("ton", "r", "sel")]


def prose(seed: int, words: int) -> list[str]:
    """Words in an order that no other seed shares five of."""
    chooser = random.Random(seed)
    return [chooser.choice(VOCABULARY) + str(chooser.randrange(200)) for _ in range(words)]


@pytest.mark.parametrize("length", [300, 500, 1000])
def test_one_word_inserted_in_a_long_document_is_found(length: int, tmp_path: Path) -> None:
    texts = []
    for seed in range(50):
        words = prose(seed, length)
        place = random.Random(seed).randrange(1, length)
        texts += [" ".join(words), " ".join([*words[:place], "inserted", *words[place:]])]
    pairs = found_pairs(find(tmp_path, texts), texts)
    assert set(pairs) == {(2 * seed, 2 * seed + 1) for seed in range(50)}
    # An insertion in the middle replaces four shingles by five.
    assert min(pairs.values()) == pytest.approx((length - 8) / (length + 1))


def test_profiles_of_one_template_with_other_content_are_kept_apart(tmp_path: Path) -> None:
    template = (
        "Welcome to the member page of our club. Here you see who this member is. Interests and biography follow."
    )
    texts = [f"{template} {' '.join(prose(seed, 60))} {template}" for seed in range(200)]
    assert all(value < THRESHOLD for value in found_pairs(find(tmp_path, texts), texts).values())


def test_a_document_quoted_whole_in_a_longer_one_is_kept_apart(tmp_path: Path) -> None:
    quoted = " ".join(prose(1, 200))
    texts = [quoted, f"{' '.join(prose(2, 400))} {quoted} {' '.join(prose(3, 400))}"]
    assert found_pairs(find(tmp_path, texts), texts) == {}


def test_revisions_of_a_page_are_found(tmp_path: Path) -> None:
    words = prose(7, 600)
    texts = []
    for revision in range(8):
        changed = list(words)
        changed[revision * 60] = f"corrected{revision}"
        texts.append(" ".join(changed))
    pairs = found_pairs(find(tmp_path, texts), texts)
    assert len(pairs) == 8 * 7 // 2
    assert min(pairs.values()) > 0.95


@pytest.mark.parametrize("words", [1, 2, 3, 4])
def test_documents_of_few_words_are_compared_whole(words: int, tmp_path: Path) -> None:
    own = prose(words, words)
    texts = [" ".join(own), f"«{', '.join(own).upper()}!»", " ".join([*own, "more"]), " ".join(reversed(own)) + " x"]
    assert found_pairs(find(tmp_path, texts), texts) == {(0, 1): 1.0}


@pytest.mark.parametrize(
    ("sentence", "inserted"),
    [
        ("敏捷的棕色狐狸跳过了懒狗然后在河边休息了一会儿直到太阳下山才回家去看望它的朋友们", "很"),
        ("吾輩は猫であるまだ名前はないどこで生れたか頓と見当がつかぬ何でも薄暗いじめじめした所で泣いていた", "も"),
        ("สุนัขจิ้งจอกสีน้ำตาลกระโดดข้ามสุนัขขี้เกียจแล้วไปพักผ่อนริมแม่น้ำจนพระอาทิตย์ตกดิน", "ก็"),
    ],
    ids=["Chinese", "Japanese", "Thai"],
)
def test_near_copies_in_scripts_without_spaces_are_found(sentence: str, inserted: str, tmp_path: Path) -> None:
    long = "。".join(f"{sentence}{number}" for number in range(20))
    middle = len(long) // 2
    texts = [long, f"{long[:middle]}{inserted}{long[middle:]}", sentence[::-1]]
    pairs = found_pairs(find(tmp_path, texts), texts)
    assert list(pairs) == [(0, 1)]
    assert pairs[0, 1] > 0.9


def test_of_a_chain_the_far_end_stays(tmp_path: Path) -> None:
    a = prose(11, 1000)
    b = [*a[100:], *prose(12, 100)]
    c = [*b[100:], *prose(13, 100)]
    texts = [" ".join(words) for words in (a, b, c)]
    pairs = found_pairs(find(tmp_path, texts), texts)
    assert min(pairs[0, 1], pairs[1, 2]) >= THRESHOLD > pairs.get((0, 2), 0.0)
    survivors = resolve_duplicates(
        eligible=np.ones(3, np.bool_),
        rank=np.arange(3),
        group=np.arange(3),
        pairs=np.array(list(pairs)),
        similarity=np.array(list(pairs.values()), np.float32),
        threshold=THRESHOLD,
    )
    assert survivors.dropped.tolist() == [False, True, False]
    assert survivors.evidence.tolist()[1] == 0


@pytest.mark.parametrize("copies", [500, 2000, pytest.param(200_000, marks=pytest.mark.long)])
def test_a_template_costs_pairs_in_proportion_to_its_copies(copies: int, tmp_path: Path) -> None:
    template = prose(21, 200)
    texts = [" ".join([*template[:-1], f"number{number}"]) for number in range(copies)]
    params = DedupParams(bucket_cap=8)
    found = find(tmp_path, texts, params, per_shard=1000)
    # Hubs are the documents with the smallest ids, so all bands have the same ones unless a band misses a document.
    assert (copies - 8) * 8 <= found.near.candidates <= copies * 8 * 3
    assert found.near.buckets.left_out > 0
    joined = {int(row) for pair in found.near.pairs for row in pair}
    assert len(joined) == copies
