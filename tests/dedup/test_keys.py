"""The keys that a task reads: those that were signed, the same whether whole or in ranges."""

import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from bessemer.arrow_files import write_arrow
from bessemer.dedup.candidates import CandidateTask, read_keys
from bessemer.dedup.corpus import CORPUS_COLUMNS, Corpus
from bessemer.dedup.lsh import Banding, band_keys
from bessemer.dedup.minhash import permutations, sign_texts
from bessemer.dedup.signatures import band_column, signature_table
from bessemer.text.buffers import TextBuffer

SIZES = (5, 0, 7, 4)
BANDS = 5


@pytest.fixture
def keys() -> NDArray[np.uint64]:
    return np.random.default_rng(0).integers(0, 2**64, (BANDS, sum(SIZES)), np.uint64)


@pytest.fixture
def corpus(tmp_path: Path, keys: NDArray[np.uint64]) -> Corpus:
    starts = np.cumsum((0, *SIZES))
    shards = [f"shard-{place}" for place in range(len(SIZES))]
    for shard, (start, end) in zip(shards, itertools.pairwise(starts.tolist()), strict=True):
        columns = dict.fromkeys(CORPUS_COLUMNS, np.zeros(end - start))
        columns |= {band_column(band): keys[band, start:end] for band in range(BANDS)}
        write_arrow(tmp_path, shard, pa.table(columns))
    zeros = np.zeros((sum(SIZES), 2), np.uint64)
    counts = np.zeros(sum(SIZES), np.int32)
    return Corpus(shards, shards, starts, zeros, zeros, counts, counts)


@pytest.mark.parametrize("all_bands", [BANDS, 100], ids=["whole files", "only what is needed"])
@pytest.mark.parametrize("bands", [(1, 3), (4,), (0, 1, 2, 3, 4)], ids=str)
@pytest.mark.parametrize("left_out", [[], [6], list(range(5, 12)), list(range(16))], ids=str)
def test_ranges_together_are_the_whole(
    tmp_path: Path,
    corpus: Corpus,
    keys: NDArray[np.uint64],
    left_out: list[int],
    bands: tuple[int, ...],
    all_bands: int,
) -> None:
    eligible = np.ones(sum(SIZES), np.bool_)
    eligible[left_out] = False
    takes_part = np.flatnonzero(eligible).tolist()
    expected = [dict(zip(takes_part, keys[band, eligible].tolist(), strict=True)) for band in bands]
    for parts in (1, 3):
        found: list[dict[int, int]] = [{} for _ in bands]
        for part in range(parts):
            read, rows = read_keys(tmp_path, corpus, eligible, CandidateTask(bands, part, parts, all_bands))
            for band in range(len(bands)):
                assert read[band].dtype == np.uint64
                assert not set(found[band]) & set(rows[band].tolist())
                found[band] |= zip(rows[band].tolist(), read[band].tolist(), strict=True)
        assert found == expected


@pytest.mark.parametrize("all_bands", [BANDS, 100], ids=["whole files", "only what is needed"])
@pytest.mark.parametrize("band", range(BANDS))
def test_the_keys_of_a_band_are_those_that_were_signed(tmp_path: Path, band: int, all_bands: int) -> None:
    texts = ["one two three four five", "one two three four six", "", "seven"]
    ids = [f"{number:032x}" for number in range(len(texts))]
    maps = permutations(2 * BANDS, 0, 32)
    banding = Banding(BANDS, 2)
    documents = pa.table({"id": ids, "text": texts})
    write_arrow(tmp_path, "shard", signature_table(documents, shingle_words=2, maps=maps, banding=banding))
    signed = sign_texts(TextBuffer.of_column(documents.column("text")), 2, maps)
    zeros, counts = np.zeros((len(texts), 2), np.uint64), np.zeros(len(texts), np.int32)
    corpus = Corpus(["shard"], ["shard"], np.array([0, len(texts)]), zeros, zeros, counts, counts)
    (read,), _ = read_keys(tmp_path, corpus, np.ones(len(texts), np.bool_), CandidateTask((band,), 0, 1, all_bands))
    assert read.tolist() == band_keys(signed.signatures, banding)[:, band].tolist()
