"""Log-likelihoods against one forward pass per token, for another architecture than ours."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from bessemer.errors import DataError
from bessemer.evaluation.scorer import LanguageModel, count_windows, load, score, windows
from tests.evaluation.languages import folder_of, gpt2, wrap
from tests.model.folders import END, VOCABULARY, tokenizer_folder


def sequences(*lengths: int) -> list[list[int]]:
    """Random tokens after the start token."""
    generator = np.random.default_rng(0)
    return [[END, *generator.integers(4, VOCABULARY, length).tolist()] for length in lengths]


def one_by_one(lm: LanguageModel, tokens: list[int], before: int) -> tuple[list[float], list[bool]]:
    """Each token scored by a forward pass of its own over at most ``before`` tokens before it."""
    nats, first = [], []
    for place in range(1, len(tokens)):
        with torch.no_grad():
            logits = lm.model(torch.tensor([tokens[max(0, place - before) : place]])).logits[0, -1].double()
        nats.append(float(logits.logsumexp(0) - logits[tokens[place]]))
        first.append(int(logits.argmax()) == tokens[place])
    return nats, first


@given(st.integers(0, 300), st.integers(2, 40), st.data())
def test_every_token_but_the_first_is_scored_exactly_once_within_the_context(
    length: int, context: int, data: st.DataObject
) -> None:
    stride = data.draw(st.integers(1, context - 1))
    times = np.zeros(length, dtype=int)
    for number, window in enumerate(windows(length, context, stride)):
        assert 0 <= window.begin < window.scored < window.end <= length
        assert window.end - window.begin <= context
        if number:
            assert window.end - window.scored <= stride
            assert window.scored - window.begin >= context - stride
        times[window.scored : window.end] += 1
    assert times[:1].tolist() == [0] * min(1, length)
    assert np.all(times[1:] == 1)


def test_short_sequences_are_scored_as_with_all_that_comes_before() -> None:
    lm = wrap(gpt2())
    texts = sequences(5, 63, 1, 0, 30)
    for tokens, found in zip(texts, score(lm, texts, stride=32), strict=True):
        nats, first = one_by_one(lm, tokens, before=64)
        np.testing.assert_allclose(found.nats, nats, atol=2e-5)
        assert found.first_choice.tolist() == first


def test_with_a_stride_of_one_every_token_of_a_long_sequence_has_the_whole_context_before_it() -> None:
    lm = wrap(gpt2(context=16), context=16)
    (tokens,) = sequences(60)
    (found,) = score(lm, [tokens], stride=1)
    nats, first = one_by_one(lm, tokens, before=15)
    np.testing.assert_allclose(found.nats, nats, atol=2e-5)
    assert found.first_choice.tolist() == first
    assert any(first) or not found.first_choice.any()


def test_windows_of_a_long_sequence_read_what_they_say_they_read() -> None:
    lm = wrap(gpt2(context=16), context=16)
    (tokens,) = sequences(50)
    (found,) = score(lm, [tokens], stride=6)
    for window in windows(len(tokens), 16, 6):
        nats, _ = one_by_one(lm, tokens[window.begin : window.end], before=16)
        np.testing.assert_allclose(
            found.nats[window.scored - 1 : window.end - 1], nats[window.scored - window.begin - 1 :], atol=2e-5
        )


def test_the_sum_does_not_depend_on_how_many_are_read_at_a_time() -> None:
    lm = wrap(gpt2())
    texts = sequences(200, 3, 64, 65, 17, 90, 40, 40)
    sums = [
        [float(found.nats.sum()) for found in score(lm, texts, stride=32, batch_tokens=size)]
        for size in (1, 64, 300, 100_000)
    ]
    for others in sums[1:]:
        np.testing.assert_allclose(others, sums[0], rtol=1e-6)


def test_progress_ends_at_the_number_of_windows() -> None:
    lm = wrap(gpt2())
    texts, done = sequences(200, 3, 64), []
    score(lm, texts, stride=32, advance=done.append)
    assert sum(done) == count_windows(lm, texts, 32) == 6 + 1 + 2


def test_any_saved_model_is_opened_with_the_token_that_its_documents_begin_after(tmp_path: Path) -> None:
    model = gpt2(context=32)
    lm = load(folder_of(model, tmp_path), precision="fp32")
    assert (lm.start, lm.context, lm.precision) == (END, 32, "fp32")
    assert load(tmp_path, context=1000).context == 32
    assert load(tmp_path, context=8).context == 8
    texts = sequences(20)
    np.testing.assert_allclose(score(lm, texts, stride=16)[0].nats, score(wrap(model), texts, stride=16)[0].nats)


def test_bf16_scores_stay_close(tmp_path: Path) -> None:
    folder = folder_of(gpt2(), tmp_path)
    texts = sequences(60, 60)
    exact, rounded = (
        sum(float(found.nats.sum()) for found in score(load(folder, precision=precision), texts, stride=32))
        for precision in ("fp32", "bf16")
    )
    assert exact != rounded
    assert rounded == pytest.approx(exact, rel=5e-3)


def test_a_folder_that_is_no_model_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not open as a causal language model"):
        load(tokenizer_folder(tmp_path))


def without(key: str, folder: Path) -> None:
    """Take a tensor out of the weights."""
    path = folder / "model.safetensors"
    tensors = load_file(path)
    del tensors[key]
    save_file(tensors, path, metadata={"format": "pt"})


def shorter(key: str, folder: Path) -> None:
    """Cut the last row off a tensor of the weights."""
    path = folder / "model.safetensors"
    tensors = load_file(path)
    save_file({**tensors, key: tensors[key][:-1].clone()}, path, metadata={"format": "pt"})


def truncate(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def lose_tokenizer(folder: Path) -> None:
    for path in folder.glob("tokenizer*"):
        path.unlink()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (truncate, "file not fully covered"),
        (partial(without, "transformer.h.1.mlp.c_fc.weight"), r"h\.1\.mlp\.c_fc\.weight is missing or of another"),
        (partial(shorter, "transformer.ln_f.weight"), r"ln_f\.weight is missing or of another shape, one of 1"),
        (lose_tokenizer, "its tokenizer has no tokens"),
    ],
)
def test_what_is_missing_from_a_folder_is_never_made_up(
    damage: Callable[[Path], None], reason: str, tmp_path: Path
) -> None:
    damage(folder_of(gpt2(), tmp_path))
    with pytest.raises(DataError, match=rf"does not open as a causal language model \(.*({reason})"):
        load(tmp_path)
