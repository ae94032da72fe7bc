"""The sample: bounded, weighted, a function of ids alone."""

import numpy as np

from bessemer.tokenizer.sample import Queue, priorities

IDS = [f"{number:032x}" for number in range(20_000)]


def queue(ids, sources, languages=None, seed=0, **weights) -> Queue:
    languages = languages or ["en"] * len(ids)
    settings = {"source_weights": {}, "language_weights": {}} | weights
    order = priorities(ids, sources, languages, seed=seed, **settings)
    return Queue([("one", len(ids))], np.array(ids, "S32"), order, np.full(len(ids), 100))


def test_it_takes_whole_documents_up_to_the_limit_and_at_least_one():
    found = queue(IDS, ["a"] * len(IDS))
    assert found.first(250_050).sum() == 2500
    assert found.first(10**9).sum() == len(IDS)
    assert found.first(1).sum() == 1


def test_a_smaller_sample_is_part_of_a_larger_one_and_the_order_of_documents_does_not_matter():
    found = queue(IDS, ["a"] * len(IDS))
    small, large = found.first(100_000), found.first(300_000)
    assert not (small & ~large).any()
    turned = queue(IDS[::-1], ["a"] * len(IDS)).first(100_000)
    assert np.array_equal(turned[::-1], small)
    assert not np.array_equal(queue(IDS, ["a"] * len(IDS), seed=1).first(100_000), small)


def test_weights_multiply_the_odds_of_a_document():
    sources = ["heavy" if number % 2 else "light" for number in range(len(IDS))]
    chosen = queue(IDS, sources, source_weights={"heavy": 3.0}).first(200_000)
    heavy = chosen[1::2].sum() / chosen[::2].sum()
    assert abs(heavy - 3.0) < 0.4
    both = queue(IDS, sources, source_weights={"heavy": 2.0}, language_weights={"en": 0.5}).first(200_000)
    assert abs(both[1::2].sum() / both[::2].sum() - 2.0) < 0.3


def test_weight_zero_leaves_out():
    sources = ["no" if number % 2 else "yes" for number in range(len(IDS))]
    chosen = queue(IDS, sources, source_weights={"no": 0.0}).first(10**9)
    assert chosen[::2].all()
    assert not chosen[1::2].any()
