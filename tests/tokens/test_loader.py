"""The token stream and its windows against plain Python over lists."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bessemer.errors import ConfigError, DataError
from bessemer.tokens.directory import read_token_manifest, verify_tokens, write_token_directory
from bessemer.tokens.loader import IGNORED, TokenStream, Windows

EOS = 2
bodies = st.lists(st.integers(3, 499), max_size=12)
shards = st.lists(st.lists(bodies, max_size=8), min_size=1, max_size=4)


def written(directory, contents):
    arrays = [[np.array([*body, EOS]) for body in shard] for shard in contents]
    write_token_directory(directory, arrays, vocab_size=500, eos_id=EOS)
    documents = [array.tolist() for shard in arrays for array in shard]
    return TokenStream(directory), documents


@pytest.fixture
def stream(tmp_path):
    generator = np.random.default_rng(5)
    sizes = generator.integers(0, 40, size=(3, 50))
    contents = [[generator.integers(3, 500, size).tolist() for size in row] for row in sizes]
    return written(tmp_path, contents)


@settings(max_examples=40)
@given(shards, st.data())
def test_any_slice_equals_the_concatenated_documents(tmp_path_factory, contents, data):
    stream, documents = written(tmp_path_factory.mktemp("tokens"), contents)
    flat = [token for document in documents for token in document]
    assert stream.total_tokens == len(flat)
    assert stream.documents == len(documents)
    start = data.draw(st.integers(0, len(flat)))
    length = data.draw(st.integers(0, len(flat) - start))
    assert stream.slice(start, length).tolist() == flat[start : start + length]


@settings(max_examples=40)
@given(shards, st.integers(1, 9), st.integers(0, 5))
def test_a_window_is_the_stream_cut_at_multiples_with_targets_only_inside_documents(
    tmp_path_factory, contents, length, seed
):
    stream, documents = written(tmp_path_factory.mktemp("tokens"), contents)
    flat = [(token, row) for row, document in enumerate(documents) for token in document]
    if len(flat) <= length:
        with pytest.raises(ConfigError, match="fewer than one window"):
            Windows(stream, length, seed)
        return
    windows = Windows(stream, length, seed)
    assert windows.count == (len(flat) - 1) // length
    indices = np.arange(2 * windows.count)
    batch = windows.batch(indices)
    starts = windows.positions(indices)
    for epoch in (starts[: windows.count], starts[windows.count :]):
        assert sorted(epoch.tolist()) == [number * length for number in range(windows.count)]
    for number, start in enumerate(starts.tolist()):
        piece = flat[start : start + length + 1]
        first = piece[0][1]
        assert batch.inputs[number].tolist() == [token for token, _ in piece[:-1]]
        assert batch.document_ids[number].tolist() == [row - first for _, row in piece[:-1]]
        assert batch.first_rows[number] == first
        assert batch.targets[number].tolist() == [
            token if row == before else IGNORED for (_, before), (token, row) in itertools.pairwise(piece)
        ]
        sample = windows.sample(number)
        assert sample.tokens.tolist() == [token for token, _ in piece]
        assert sample.document_ids.tolist() == [row - first for _, row in piece]
        assert windows.documents(number) == range(first, piece[-1][1] + 1)


def test_every_token_but_the_first_is_met_once_in_an_epoch(stream):
    stream, documents = stream
    windows = Windows(stream, 7, seed=1)
    batch = windows.batch(np.arange(windows.count))
    first_tokens = len(documents) - 1
    unread = stream.total_tokens - 1 - windows.count * 7
    assert stream.total_tokens - 1 - first_tokens - 7 <= batch.predicted <= stream.total_tokens - 1 - unread


def test_batches_of_any_size_give_the_same_samples_in_the_same_order(stream):
    stream, _ = stream
    windows = Windows(stream, 16, seed=3)
    whole = windows.batch(np.arange(3000))
    for size in (1, 7, 64):
        again = Windows(stream, 16, seed=3)
        parts = [again.batch(np.arange(at, min(at + size, 3000))) for at in range(0, 3000, size)]
        assert np.array_equal(np.concatenate([part.inputs for part in parts]), whole.inputs)
        assert np.array_equal(np.concatenate([part.targets for part in parts]), whole.targets)


def test_processes_that_stride_through_the_samples_together_read_each_once(stream):
    stream, _ = stream
    single = Windows(stream, 16, seed=3).batch(np.arange(64)).inputs
    ranks = [Windows(stream, 16, seed=3).batch(np.arange(rank, 64, 4)).inputs for rank in range(4)]
    assert np.array_equal(np.stack(ranks, axis=1).reshape(64, 16), single)


def test_epochs_and_seeds_have_orders_of_their_own(stream):
    stream, _ = stream
    orders = {
        tuple(windows.positions(np.arange(epoch * windows.count, (epoch + 1) * windows.count)).tolist())
        for seed in range(3)
        for windows in [Windows(stream, 16, seed)]
        for epoch in range(3)
    }
    assert len(orders) == 9


def test_the_fingerprint_follows_the_tokens(tmp_path):
    one, _ = written(tmp_path / "one", [[[5, 6, 7]]])
    same, _ = written(tmp_path / "same", [[[5, 6, 7]]])
    other, _ = written(tmp_path / "other", [[[5, 6, 8]]])
    assert one.fingerprint == same.fingerprint != other.fingerprint


def test_a_directory_without_manifest_or_with_foreign_files_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match="not finished"):
        TokenStream(tmp_path)
    written(tmp_path / "one", [[[5, 6, 7]]])
    written(tmp_path / "two", [[[5, 6, 7, 8]]])
    for suffix in ("bin", "idx"):
        (tmp_path / f"two/shard-00000.{suffix}").replace(tmp_path / f"one/shard-00000.{suffix}")
    with pytest.raises(DataError, match="differs from the manifest"):
        TokenStream(tmp_path / "one")
    with pytest.raises(DataError, match="differs from its manifest"):
        verify_tokens(tmp_path / "one")


def test_a_flipped_bit_is_found_by_verification(tmp_path):
    written(tmp_path, [[[5, 6, 7]]])
    assert verify_tokens(tmp_path) == read_token_manifest(tmp_path)
    path = tmp_path / "shard-00000.bin"
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])
    with pytest.raises(DataError, match=r"shard-00000\.bin differs"):
        verify_tokens(tmp_path)


def test_samples_before_the_first_do_not_exist(stream):
    with pytest.raises(IndexError):
        Windows(stream[0], 16, seed=0).batch([-1])
