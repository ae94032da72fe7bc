"""Best-fit packing against a search over all open bins, and its samples against the documents they are made of."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bessemer.config.pretrain import PretrainParams
from bessemer.errors import ConfigError
from bessemer.tokens import packed
from bessemer.tokens.arrange import arrange, cuts_of
from bessemer.tokens.best_fit import best_fit
from bessemer.tokens.directory import write_token_directory
from bessemer.tokens.loader import IGNORED, TokenStream

EOS = 2
LENGTH = 16


def params(packing):
    values = {"tokens": 64, "batch_tokens": 64, "sequence_length": LENGTH, "packing": packing}
    return PretrainParams.model_validate(values | {"schedule": {"warmup_tokens": 0}})


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Documents of 1 to 70 tokens, each token its own."""
    directory = tmp_path_factory.mktemp("tokens")
    sizes = np.random.default_rng(1).geometric(0.08, 300).clip(1, 70) - 1
    ends = 10 + np.cumsum(sizes)
    documents = [np.append(np.arange(end - size, end), EOS) for size, end in zip(sizes, ends, strict=True)]
    write_token_directory(directory, [documents[:120], documents[120:]], vocab_size=70_000, eos_id=EOS)
    return directory, [document.tolist() for document in documents]


def search(lengths, size):
    """Room left in each bin, looking at every open bin for every piece."""
    room = []
    for length in sorted(lengths, reverse=True):
        fitting = [number for number, left in enumerate(room) if left >= length]
        if fitting:
            room[min(fitting, key=lambda number: room[number])] -= length
        else:
            room.append(size - length)
    return room


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.data())
def test_every_piece_goes_where_it_leaves_the_least_room(size, data):
    lengths = data.draw(st.lists(st.integers(1, size), max_size=60))
    bins = best_fit(np.array(lengths, dtype=np.int64), size)
    assert sorted((size - np.bincount(bins, lengths)).tolist() if lengths else []) == sorted(search(lengths, size))


@pytest.mark.parametrize("group", [1 << 18, 37])
def test_only_documents_longer_than_a_sample_are_cut_and_every_token_is_predicted_once(
    corpus, tmp_path, monkeypatch, group
):
    directory, documents = corpus
    monkeypatch.setattr(packed, "GROUP", group)
    reader = arrange(TokenStream(directory), params("best_fit"), tmp_path)
    home = next(tmp_path.glob("packed-*"))
    count = (home / "ends").stat().st_size // 8
    found = reader.read(np.arange(count))
    pieces = []
    for targets, inputs, numbers in zip(found.targets, found.inputs, found.documents, strict=True):
        used = int((targets != IGNORED).sum())
        assert (targets[used:] == IGNORED).all()
        assert (inputs[used:] == EOS).all()
        assert not set(numbers[used:].tolist()) & set(numbers[:used].tolist())
        edges = [0, *(np.flatnonzero(np.diff(numbers[:used])) + 1).tolist(), used]
        for first, last in itertools.pairwise(edges):
            pieces.append((inputs[first:last].tolist(), targets[first:last].tolist()))
    expected = []
    for document in documents:
        for at in range(0, len(document), LENGTH):
            piece = document[at : at + LENGTH]
            expected.append(([document[at - 1] if at else EOS, *piece[:-1]], piece))
    assert sorted(pieces) == sorted(expected)
    assert reader.predicted(0, count) == sum(map(len, documents))
    assert reader.predicted(3, 9) == int((found.targets[3:9] != IGNORED).sum())


def test_samples_do_not_depend_on_what_was_read_before(corpus, tmp_path):
    directory, _ = corpus
    whole = arrange(TokenStream(directory), params("best_fit"), tmp_path / "one").read(np.arange(600))
    again = arrange(TokenStream(directory), params("best_fit"), tmp_path / "two")
    assert np.array_equal(again.read([599, 3]).targets, whole.targets[[599, 3]])


def test_cut_documents_are_counted_for_both_packings(corpus, tmp_path):
    directory, documents = corpus
    cuts = cuts_of(TokenStream(directory), params("stream"), tmp_path)
    position, cut = 0, 0
    for document in documents:
        windows = {(at - 1) // LENGTH for at in range(position, position + len(document)) if at > 0}
        cut += len(windows) > 1
        position += len(document)
    assert cuts.stream == cut
    assert cuts.best_fit == cuts.longer == sum(len(document) > LENGTH for document in documents)
    assert cuts.tokens == position
    pieces = [min(LENGTH, len(document) - at) for document in documents for at in range(0, len(document), LENGTH)]
    assert cuts.positions == len(search(pieces, LENGTH)) * LENGTH


@pytest.mark.parametrize("packing", ["best_fit", "stream"])
def test_a_directory_without_tokens_is_refused_in_a_sentence(tmp_path, packing):
    write_token_directory(tmp_path / "tokens", [], vocab_size=70_000, eos_id=EOS)
    with pytest.raises(ConfigError, match=r"tokens has (no|0) tokens, .* add text\.$"):
        arrange(TokenStream(tmp_path / "tokens"), params(packing), tmp_path)
