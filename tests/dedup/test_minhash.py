"""Signatures: datasketch's, bit for bit; agreement of places estimates similarity as well as theory says."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow.parquet as pq
import pytest
from datasketch import MinHash
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bessemer.dedup.minhash import EMPTY, minhash_signatures, permutations, sign_texts
from bessemer.text.buffers import TextBuffer
from bessemer.text.ngrams import Ngrams, ngrams_of
from bessemer.text.words import split, words_of
from tests.text.hostile import buffer_of, hostile_bytes, read, texts
from tests.text.oracles import slow_shingles

SAMPLE = Path(__file__).parents[2] / "data" / "sample" / "parquet" / "multilingual-00000.parquet"
bits = st.sampled_from([32, 64])
hash_lists = st.lists(st.lists(st.integers(0, (1 << 64) - 1), max_size=20), min_size=1, max_size=5)


def ngrams(hashes: list[list[int]]) -> Ngrams:
    offsets = np.cumsum([0, *map(len, hashes)])
    return Ngrams(np.array([value for part in hashes for value in part], np.uint64), offsets)


def oracle(hashes: list[int], count: int, seed: int, bits: int = 32) -> NDArray[np.unsignedinteger[Any]]:
    sketch = MinHash(num_perm=count, seed=seed, scheme=f"affine{bits}", hashfunc=lambda value: value % (1 << bits))
    sketch.update_batch(hashes)
    return sketch.hashvalues


@given(hash_lists, st.integers(1, 40), st.integers(0, (1 << 32) - 1), bits)
def test_signatures_equal_datasketch(hashes: list[list[int]], count: int, seed: int, bits: Literal[32, 64]) -> None:
    signatures = minhash_signatures(ngrams(hashes), permutations(count, seed, bits))
    assert signatures.dtype == np.dtype(f"uint{bits}")
    for row, part in zip(signatures, hashes, strict=True):
        assert np.array_equal(row, oracle(part, count, seed, bits))


@given(
    st.lists(hostile_bytes | texts.map(str.encode), max_size=5),
    st.integers(1, 6),
    st.integers(4, 9) | st.just(512),
    bits,
)
def test_texts_are_signed_as_datasketch_signs_their_shingles(
    batch: list[bytes], n: int, block: int, bits: Literal[32, 64]
) -> None:
    signed = sign_texts(buffer_of(batch), n, permutations(16, 1, bits), block=block)
    words = [split(read(document)) for document in batch]
    shingles = [slow_shingles(own, n) for own in words]
    assert signed.words.tolist() == list(map(len, words))
    assert signed.shingles.tolist() == list(map(len, shingles))
    for row, own in zip(signed.signatures, shingles, strict=True):
        assert np.array_equal(row, oracle(own, 16, 1, bits))


@pytest.mark.parametrize(("bits", "count"), [(32, 10_000), (64, 1_000)])
def test_documents_of_all_scripts_are_signed_as_by_datasketch(bits: Literal[32, 64], count: int) -> None:
    sample = pq.read_table(SAMPLE, columns=["text"]).column("text").to_pylist()
    pieces = [text[start : start + 160] for text in sample for start in range(0, len(text), 160)]
    assert len(pieces) >= count
    pieces = pieces[:: len(pieces) // count][:count]
    signed = sign_texts(TextBuffer.of_texts(pieces), 5, permutations(128, 1, bits))
    for row, text in zip(signed.signatures, pieces, strict=True):
        assert np.array_equal(row, oracle(slow_shingles(split(text), 5), 128, 1, bits))


def test_a_document_longer_than_many_blocks_equals_datasketch() -> None:
    text = " ".join(f"word{number * number % 9973}" for number in range(5000)) + " " + "x" * 1_000_000
    signed = sign_texts(TextBuffer.of_texts([text, "after it"]), 5, permutations(128, 1))
    assert np.array_equal(signed.signatures[0], oracle(slow_shingles(split(text), 5), 128, 1))
    assert np.array_equal(signed.signatures[1], oracle(slow_shingles(["after", "it"], 5), 128, 1))


@pytest.mark.parametrize("bits", [32, 64])
def test_a_text_without_words_is_marked(bits: Literal[32, 64]) -> None:
    maps = permutations(8, 1, bits)
    signed = sign_texts(TextBuffer.of_texts(["", "... \n", "one"]), 5, maps)
    assert (signed.signatures[:2] == maps.empty).all()
    assert maps.empty == np.iinfo(signed.signatures.dtype).max
    assert (signed.words.tolist(), signed.shingles.tolist()) == ([0, 0, 1], [0, 0, 1])


@given(st.lists(texts, max_size=4), st.integers(1, 6))
def test_signing_texts_is_signing_their_shingles(batch: list[str], n: int) -> None:
    maps = permutations(33, 9)
    shingles = ngrams_of(words_of(batch), n, whole_if_shorter=True)
    signed = sign_texts(TextBuffer.of_texts(batch), n, maps)
    assert np.array_equal(signed.signatures, minhash_signatures(shingles, maps))


def test_a_long_document_equals_datasketch_too() -> None:
    hashes = np.random.default_rng(3).integers(0, 1 << 63, 5000).tolist()
    assert np.array_equal(minhash_signatures(ngrams([hashes]), permutations(128, 1))[0], oracle(hashes, 128, 1))


def test_order_and_repetition_of_shingles_change_nothing() -> None:
    maps = permutations(64, 5)
    first, second = minhash_signatures(ngrams([[1, 2, 3], [3, 1, 2, 2, 1]]), maps)
    assert np.array_equal(first, second)


def test_a_document_without_shingles_is_marked() -> None:
    assert (minhash_signatures(ngrams([[], [7]]), permutations(8, 1))[0] == EMPTY).all()


@pytest.mark.parametrize("similarity", [0.5, 0.8, 0.95])
def test_the_estimate_has_the_error_of_theory(similarity: float) -> None:
    generator = np.random.default_rng(11)
    count, size, pairs = 256, 1000, 40
    shared = round(size * similarity)
    errors = []
    for _ in range(pairs):
        values = generator.choice(1 << 62, 2 * size - shared, replace=False).tolist()
        a, b = minhash_signatures(ngrams([values[:size], values[size - shared :]]), permutations(count, 1))
        true = shared / (2 * size - shared)
        errors.append(((a == b).mean() - true) / np.sqrt(true * (1 - true) / count))
    assert abs(np.mean(errors)) < 4 / np.sqrt(pairs)
    assert 0.6 < np.std(errors) < 1.5
