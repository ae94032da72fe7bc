"""The learning rate as a function of tokens."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bessemer.config.pretrain import ScheduleParams
from bessemer.training.schedule import learning_rate_factor

shapes = st.builds(
    ScheduleParams,
    name=st.sampled_from(["wsd", "cosine", "linear"]),
    warmup_tokens=st.integers(0, 200),
    decay_fraction=st.floats(0.0, 0.8),
    decay_shape=st.sampled_from(["linear", "sqrt"]),
    final_fraction=st.floats(0.0, 1.0),
)


@given(shapes, st.integers(1000, 10_000))
def test_it_rises_once_and_then_never_rises_again(schedule: ScheduleParams, total: int) -> None:
    factors = [learning_rate_factor(schedule, tokens, total) for tokens in range(1, total + 1, 37)]
    peak = factors.index(max(factors))
    assert factors[: peak + 1] == sorted(factors[: peak + 1])
    assert factors[peak:] == sorted(factors[peak:], reverse=True)
    assert all(0.0 <= factor <= 1.0 for factor in factors)


@given(shapes, st.integers(1000, 10_000))
def test_it_is_one_after_warm_up_and_final_fraction_at_the_end(schedule: ScheduleParams, total: int) -> None:
    if schedule.warmup_tokens:
        assert learning_rate_factor(schedule, schedule.warmup_tokens, total) == pytest.approx(1.0)
    if schedule.name != "wsd" or schedule.decay_fraction > 0.01:
        assert learning_rate_factor(schedule, total, total) == pytest.approx(schedule.final_fraction)


def test_values_worked_out_by_hand() -> None:
    wsd = ScheduleParams(name="wsd", warmup_tokens=100, decay_fraction=0.5, final_fraction=0.0)
    assert [learning_rate_factor(wsd, tokens, 1000) for tokens in (50, 100, 500, 750, 1000)] == [0.5, 1, 1, 0.5, 0]
    root = wsd.model_copy(update={"decay_shape": "sqrt"})
    assert learning_rate_factor(root, 625, 1000) == pytest.approx(0.5)
    cosine = ScheduleParams(name="cosine", warmup_tokens=0, final_fraction=0.2)
    assert learning_rate_factor(cosine, 500, 1000) == pytest.approx(0.6)
    assert learning_rate_factor(cosine, 250, 1000) == pytest.approx(0.2 + 0.8 * (1 + math.cos(math.pi / 4)) / 2)
    line = cosine.model_copy(update={"name": "linear", "warmup_tokens": 200, "final_fraction": 0.0})
    assert [learning_rate_factor(line, tokens, 1000) for tokens in (100, 200, 600, 1000)] == [0.5, 1, 0.5, 0]
