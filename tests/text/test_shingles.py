"""Shingles: those of the plain formula, in order or as sets, across the ends of blocks."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bessemer.dedup.verify import distinct_of_each
from bessemer.text.buffers import TextBuffer
from bessemer.text.ngrams import joined
from bessemer.text.rolling import begin, new_shingling, next_shingles, words_so_far
from bessemer.text.scan import at_end
from bessemer.text.shingles import shingles_of
from bessemer.text.words import split
from tests.text.hostile import buffer_of, hostile_bytes, read, texts
from tests.text.oracles import slow_shingles

batches = st.lists(hostile_bytes | texts.map(str.encode) | st.text("ab ", max_size=50).map(str.encode), max_size=6)


@given(batches, st.integers(1, 7))
def test_shingles_are_those_of_the_formula(batch: list[bytes], n: int) -> None:
    shingles = shingles_of(buffer_of(batch), n)
    for number, document in enumerate(batch):
        assert shingles.of(number).tolist() == slow_shingles(split(read(document)), n)
    assert shingles.offsets[-1] == len(shingles.hashes)


@given(batches, st.integers(1, 7))
def test_sets_are_distinct_and_in_order(batch: list[bytes], n: int) -> None:
    hashes, offsets = distinct_of_each(shingles_of(buffer_of(batch), n))
    for number, document in enumerate(batch):
        own = hashes[offsets[number] : offsets[number + 1]].tolist()
        assert own == list(dict.fromkeys(slow_shingles(split(read(document)), n)))
    assert offsets[-1] == len(hashes)


@given(st.lists(batches, max_size=4), st.integers(1, 7))
def test_batches_joined_are_one_batch(cut: list[list[bytes]], n: int) -> None:
    whole = shingles_of(buffer_of([document for batch in cut for document in batch]), n)
    parts = joined([shingles_of(buffer_of(batch), n) for batch in cut])
    assert parts.hashes.tolist() == whole.hashes.tolist()
    assert parts.offsets.tolist() == whole.offsets.tolist()


@given(st.lists(texts, max_size=4), st.integers(1, 7), st.integers(4, 12))
def test_shingles_go_across_the_ends_of_blocks(batch: list[str], n: int, block: int) -> None:
    buffer, work = TextBuffer.of_texts(batch), new_shingling(n, block)
    for number, text in enumerate(batch):
        found: list[int] = []
        begin(work, int(buffer.offsets[number]))
        end = int(buffer.offsets[number + 1])
        while not at_end(work.state, end):
            made = next_shingles(buffer.data, end, work)
            found += work.shingles[:made].tolist()
        assert found == slow_shingles(split(text), n)
        assert words_so_far(work) == len(split(text))


def test_room_is_enough_for_the_densest_texts() -> None:
    batch = ["a漢" * 500, "a b " * 500, "a b c", "漢" * 999, "a", ""] * 3
    shingles = shingles_of(TextBuffer.of_texts(batch), 1)
    assert np.diff(shingles.offsets).tolist() == [len(split(text)) for text in batch]
