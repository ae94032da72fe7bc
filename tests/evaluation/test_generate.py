"""Generations: the same for the same seed, within the context, and without a trace in the random state."""

import torch

from bessemer.evaluation.generate import generate
from tests.evaluation.languages import gpt2, wrap


def test_a_seed_repeats_a_generation_and_another_seed_writes_something_else() -> None:
    lm = wrap(gpt2())
    first, again, other = (generate(lm, ["It was", "To"], new_tokens=20, seed=seed) for seed in (1, 1, 7))
    assert first == again
    assert first != other
    assert [item.prompt for item in first] == ["It was", "To"]
    assert all(item.tokens == 20 or item.ended for item in first)


def test_a_generation_does_not_depend_on_the_prompts_after_it_nor_touch_the_random_state() -> None:
    lm = wrap(gpt2())
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    alone = generate(lm, ["It was"], new_tokens=10, seed=1)
    assert torch.equal(torch.rand(2), expected)
    assert generate(lm, ["It was", "More"], new_tokens=10, seed=1)[:1] == alone


def test_without_temperature_the_first_choice_is_written() -> None:
    model = gpt2()
    lm = wrap(model)
    tokens = [lm.start, *lm.encode("ab")]
    for _ in range(8):
        with torch.no_grad():
            tokens.append(int(model(torch.tensor([tokens])).logits[0, -1].argmax()))
    (found,) = generate(lm, ["ab"], new_tokens=8, seed=0, temperature=0.0)
    assert found.text == lm.tokenizer.decode(tokens[3:], skip_special_tokens=True)


def test_a_prompt_as_long_as_the_context_is_cut_and_the_context_is_never_passed() -> None:
    lm = wrap(gpt2(context=16), context=16)
    (long,) = generate(lm, ["x" * 100], new_tokens=10, seed=0)
    assert long.tokens == 1
    (short,) = generate(lm, ["x" * 10], new_tokens=100, seed=0)
    assert short.tokens <= 5
