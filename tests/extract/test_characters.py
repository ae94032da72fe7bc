"""The marks by which cleaning passes over what it would leave alone miss nothing that it would change."""

import random
import re
import sys
import unicodedata

from ftfy.badness import BADNESS_RE, MOJIBAKE_CATEGORIES, is_bad

from bessemer.extract.characters import MOJIBAKE, STABLE, marks_of


def test_without_a_marked_character_ftfy_finds_no_mojibake() -> None:
    classes = [re.compile(f"[{category}]") for category in MOJIBAKE_CATEGORIES.values()]
    known = [character for character in map(chr, range(1 << 16)) if any(one.match(character) for one in classes)]
    unmarked = [
        character
        for character in sorted({*known, *BADNESS_RE.pattern, *map(chr, range(128))})
        if not MOJIBAKE.match(character)
    ]
    assert len(unmarked) > 200
    assert not is_bad("".join(random.Random(3).choices(unmarked, k=1_000_000)))


def test_nfc_leaves_stable_characters_alone_wherever_they_stand() -> None:
    seconds = set()
    for code in range(sys.maxunicode + 1):
        decomposed = unicodedata.decomposition(chr(code)).split()
        if len(decomposed) == 2 and not decomposed[0].startswith("<"):
            seconds.add(int(decomposed[1], 16))
    stable = [code for first, last in STABLE for code in range(first, last + 1)]
    assert not seconds & set(stable)
    assert not any(unicodedata.combining(chr(code)) for code in stable)
    assert all(unicodedata.is_normalized("NFC", chr(code)) for code in stable)


def test_every_code_unit_has_a_mark_of_its_own() -> None:
    assert marks_of("abc é\n").tolist() == [0] * 6
    assert all(marks_of("\u2028\x07Â\u0301").tolist())
    assert len(marks_of("a\U0001f600")) == 3
    assert marks_of("\U000e0001")[0] & 2
