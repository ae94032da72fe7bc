"""Mixtures of sources against counting, and against lists of documents sorted in plain Python."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bessemer.config.mixture import MixtureParams
from bessemer.config.pretrain import PretrainParams
from bessemer.errors import ConfigError
from bessemer.tokens.arrange import arrange, portions_of
from bessemer.tokens.cycle import Cycle
from bessemer.tokens.directory import DOCUMENTS, read_token_manifest, write_token_directory, write_token_manifest
from bessemer.tokens.loader import TokenStream, Windows

EOS = 2
NAMES = ("books", "code", "web")
LENGTH = 8
"""Tokens of a sample in all mixtures here."""

hundredths = st.integers(0, 400).map(lambda number: number / 100)
weights = st.dictionaries(st.text(min_size=1, max_size=3), hundredths, max_size=9)


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    """A directory whose sources take turns at random; every token says which document it is from and where."""
    directory = tmp_path_factory.mktemp("tokens")
    generator = np.random.default_rng(3)
    sources = generator.choice(NAMES, 240, p=[0.1, 0.3, 0.6]).tolist()
    sizes = enumerate(generator.integers(0, 39, 240).tolist())
    documents = [np.append(100 + 40 * number + np.arange(size), EOS) for number, size in sizes]
    shards = [documents[:100], [], documents[100:]]
    write_token_directory(directory, shards, vocab_size=20_000, eos_id=EOS)
    table = pq.read_table(directory / DOCUMENTS)
    pq.write_table(table.set_column(1, table.schema.field("source"), pa.array(sources)), directory / DOCUMENTS)
    manifest = read_token_manifest(directory)
    write_token_manifest(directory, manifest.shards, vocab_size=20_000, eos_id=EOS, made_from={})
    return directory, list(zip(sources, [document.tolist() for document in documents], strict=True))


def run(samples, **mixture):
    """Parameters of a run with so many samples."""
    values = {"tokens": samples * LENGTH, "batch_tokens": LENGTH, "sequence_length": LENGTH, "mixture": mixture}
    return PretrainParams.model_validate(values | {"schedule": {"warmup_tokens": 0}})


PHASES = [
    {"until": 0.6, "weights": {"web": 0.7, "code": 0.3}},
    {"until": 1.0, "weights": {"books": 3, "web": 1}},
]


@settings(max_examples=60, deadline=None)
@given(weights.filter(lambda found: any(found.values())), st.integers(0, 9))
def test_every_prefix_has_its_share_of_each_source_to_within_one(given_weights, seed):
    cycle = Cycle(given_weights, seed)
    numbers = np.arange(min(2 * cycle.length + 3, 20_000))
    whose, before = cycle.turn(numbers)
    total = sum(given_weights.values())
    for place, name in enumerate(cycle.names):
        mine = whose == place
        shares = (numbers + 1) * given_weights[name] / total
        assert np.abs(np.cumsum(mine) - shares).max() < 1 + 1e-9
        assert np.array_equal(before[mine], np.arange(mine.sum()))
    assert (
        cycle.taken(len(numbers) // 3).tolist()
        == np.bincount(whose[: len(numbers) // 3], minlength=len(cycle.names)).tolist()
    )
    assert set(cycle.names) == {name for name, weight in given_weights.items() if weight}


def test_weights_with_too_many_digits_are_refused():
    with pytest.raises(ConfigError, match="fewer digits"):
        Cycle({"web": 0.123456789, "code": 1.0}, 0)


def test_samples_of_a_mixture_are_the_windows_of_its_sources_each_once_an_epoch(tokens, tmp_path):
    directory, documents = tokens
    reader = arrange(TokenStream(directory), run(4000, phases=PHASES), tmp_path)
    expected = {}
    for name in NAMES:
        chosen = [document for source, document in documents if source == name]
        flat = [pair for document in chosen for pair in zip(document, [EOS, *document], strict=False)]
        cut = [flat[at : at + LENGTH] for at in range(0, len(flat) - LENGTH + 1, LENGTH)]
        expected[name] = {tuple(token for token, _ in window): tuple(before for _, before in window) for window in cut}
        assert len(expected[name]) == len(cut)
    found = reader.read(np.arange(4000))
    taken = {name: [] for name in NAMES}
    for number in range(4000):
        targets, inputs = tuple(found.targets[number].tolist()), tuple(found.inputs[number].tolist())
        name = next(name for name in NAMES if targets in expected[name])
        assert inputs == expected[name][targets]
        ends = np.flatnonzero(found.targets[number][:-1] == EOS)
        assert np.flatnonzero(np.diff(found.documents[number])).tolist() == ends.tolist()
        taken[name].append((number, targets))
    for name, samples in taken.items():
        size = len(expected[name])
        for first in range(0, len(samples) - size + 1, size):
            assert {targets for _, targets in samples[first : first + size]} == set(expected[name])
    assert [sum(number < 2400 for number, _ in taken[name]) for name in NAMES] == [0, 720, 1680]
    assert [sum(number >= 2400 for number, _ in taken[name]) for name in NAMES] == [1200, 0, 400]


def test_any_sample_is_the_same_alone_as_among_others_and_for_any_number_of_processes(tokens, tmp_path):
    directory, _ = tokens
    params = run(512, phases=PHASES)
    whole = arrange(TokenStream(directory), params, tmp_path).read(np.arange(512))
    for world in (1, 2, 64):
        shares = np.split(np.arange(512), world)
        parts = [arrange(TokenStream(directory), params, tmp_path).read(share) for share in shares]
        assert np.array_equal(np.concatenate([part.targets for part in parts]), whole.targets)
        assert np.array_equal(np.concatenate([part.inputs for part in parts]), whole.inputs)
    late = arrange(TokenStream(directory), params, tmp_path).read([1_000_000_007, 311])
    assert np.array_equal(late.targets[1], whole.targets[311])


def test_a_report_tells_what_each_phase_reads(tokens, tmp_path):
    directory, documents = tokens
    stream, params = TokenStream(directory), run(1000, phases=PHASES)
    portions = {(item.phase, item.source): item for item in portions_of(stream, params, tmp_path)}
    assert {key: item.samples for key, item in portions.items()} == {
        (1, "code"): 180,
        (1, "web"): 420,
        (2, "books"): 300,
        (2, "web"): 100,
    }
    books = sum(len(document) for source, document in documents if source == "books") // LENGTH
    assert portions[2, "books"].epochs == pytest.approx(300 / books)
    assert portions[2, "books"].share == 0.75


def test_without_phases_the_order_is_that_of_all_windows(tokens, tmp_path):
    stream = TokenStream(tokens[0])
    found = arrange(stream, run(100), tmp_path)
    sample = Windows(stream, LENGTH, 0).sample(71)
    assert isinstance(found, Windows)
    assert found.read([71]).targets[0].tolist() == sample.tokens[1:].tolist()
    assert found.read([71]).inputs[0].tolist() == sample.tokens[:-1].tolist()
    assert found.read([71]).documents[0].tolist() == sample.document_ids[1:].tolist()
    assert list(tmp_path.iterdir()) == []


def test_a_mixture_that_cannot_be_is_refused_with_the_known_sources(tokens, tmp_path):
    stream = TokenStream(tokens[0])
    with pytest.raises(ConfigError, match="novels is no source of the training tokens; known: books, code, web"):
        arrange(stream, run(100, phases=[{"weights": {"novels": 1}}]), tmp_path)
    with pytest.raises(ConfigError, match=r"reads books .* times, more than max_epochs \(2\)"):
        arrange(stream, run(9000, phases=[{"weights": {"books": 1}}], max_epochs={"books": 2}), tmp_path)
    arrange(stream, run(9000, phases=[{"weights": {"web": 1}}], max_epochs={"books": 2}), tmp_path)


@pytest.mark.parametrize(
    ("mixture", "words"),
    [
        ({"phases": [{"weights": {"web": 0.0}}]}, "all zero"),
        ({"phases": [{"weights": {}}]}, "all zero"),
        ({"phases": [{"weights": {"web": -1.0}}]}, "greater than or equal to 0"),
        ({"phases": [{"until": 0.5, "weights": {"web": 1.0}}]}, "last with until"),
        ({"phases": [{"until": 1.0, "weights": {"web": 1.0}}] * 2}, "one after another"),
        ({"max_epochs": {"web": 0.0}}, "greater than 0"),
    ],
)
def test_phases_that_contradict_themselves_are_refused(mixture, words):
    with pytest.raises(ValidationError, match=words):
        MixtureParams.model_validate(mixture)


def test_a_sample_is_of_the_phase_that_the_mixture_reads_it_in_and_beyond_the_end_of_the_last() -> None:
    params = MixtureParams.model_validate(
        {"phases": [{"until": 0.8, "weights": {"a": 1}}, {"until": 1.0, "weights": {"b": 1}}]}
    )
    assert [params.phase_of(sample, 10) for sample in (0, 7, 8, 9, 12)] == [0, 0, 1, 1, 1]
    assert MixtureParams().phase_of(5, 10) == 0
