"""Sections that contradict each other are one sentence that names both, and the way out."""

from pathlib import Path
from typing import Any

import pytest

from bessemer.config.cross_checks import problems, require_consistent
from bessemer.config.load import Params, load_params
from bessemer.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]


def changed(**sections: dict[str, Any]) -> Params:
    """The shipped parameters with fields of some sections replaced."""
    values = load_params(ROOT).model_dump(mode="json", by_alias=True)
    for name, fields in sections.items():
        values[name] = {**values[name], **fields}
    return Params.model_validate(values)


@pytest.mark.parametrize(
    ("sections", "sentence"),
    [
        ({"dedup": {"floor": 0.9}}, r"curate.duplicates.threshold \(0.8\) is below dedup.floor \(0.9\)"),
        ({"classifier": {"positives": [], "negatives": []}}, "min_classifier_score is calibrated, but"),
        ({"classifier": {"positives": ["prosa"]}}, "classifier.positives: prosa is no source; known: .*prose"),
        ({"tokenizer": {"source_weights": {"boks": 2}}}, "tokenizer.source_weights: boks is no source"),
        ({"tokenizer": {"model_max_length": 16}}, "pretrain.sequence_length .* tokenizer.model_max_length"),
        ({"quality": {"stop_words": ["the"]}}, r"curate.words.min_stop_words \(2\) is more than quality.stop_words"),
        ({"curate": {"pii": {"phone_regions": ["XX"]}}}, "curate.pii.phone_regions: XX is no country"),
        ({"evaluate": {"context_tokens": 1_000_000}}, "evaluate.context_tokens"),
        ({"model_gate": {"baseline_metric": "reference_klingon_bits_per_byte"}}, "klingon.* is of no reference"),
        (
            {"corpus_gate": {"checks": [{"metric": "evaluate.x", "op": ">=", "bound": 1, "reason": "later"}]}},
            "corpus_gate.checks: evaluate.x is not known before the gate",
        ),
    ],
)
def test_a_contradiction_names_both_sides(sections: dict[str, dict[str, Any]], sentence: str) -> None:
    with pytest.raises(ConfigError, match=f"^params.yaml: .*{sentence}"):
        require_consistent(changed(**sections))


def test_two_sources_of_one_name_are_refused() -> None:
    params = load_params(ROOT)
    twice = params.model_copy(update={"sources": [*params.sources, params.sources[0]]})
    assert [problem for problem in problems(twice) if "is there twice" in problem]


def test_the_shipped_parameters_agree() -> None:
    assert list(problems(load_params(ROOT))) == []
