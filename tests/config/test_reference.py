"""The reference page, the shipped files and the models cannot drift apart."""

from pathlib import Path

import pytest

from bessemer.config.cross_checks import require_consistent
from bessemer.config.load import Params, load_params
from bessemer.config.reference import json_schema, reference_page
from bessemer.config.runtime import Runtime, load_runtime
from bessemer.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]


def test_the_reference_page_is_that_of_the_models() -> None:
    shipped = (ROOT / "docs/parameters.md").read_text(encoding="utf-8")
    assert shipped.rstrip() == reference_page().rstrip(), "run: bessemer schema --markdown > docs/parameters.md"


def test_every_field_of_every_section_is_documented() -> None:
    def undocumented(model: type, place: str) -> list[str]:
        return [f"{place}.{name}" for name, field in model.model_fields.items() if not field.description]

    assert undocumented(Params, "params") + undocumented(Runtime, "runtime") == []
    definitions = json_schema()["$defs"]
    missing = [
        f"{name}.{key}"
        for name, definition in definitions.items()
        for key, value in definition.get("properties", {}).items()
        if "description" not in value
    ]
    assert missing == []


def test_the_shipped_files_load_and_agree() -> None:
    require_consistent(load_params(ROOT))
    load_runtime(ROOT)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"dedup": {"floor": 0.9}}, r"curate\.duplicates\.threshold \(0\.8\) is below dedup\.floor \(0\.9\)"),
        ({"classifier": {"positives": ["nowhere"], "negatives": ["help"]}}, r"classifier\.positives: nowhere is no"),
        ({"model_gate": {"baseline_metric": "reference_klingon_bits_per_byte"}}, "is of no reference"),
        ({"evaluate": {"context_tokens": 100_000}}, r"more than the model's context_length"),
    ],
)
def test_sections_that_contradict_are_one_sentence(change: dict[str, dict[str, object]], said: str) -> None:
    values = load_params(ROOT).model_dump(by_alias=True)
    for section, fields in change.items():
        values[section] |= fields
    with pytest.raises(ConfigError, match=said):
        require_consistent(Params.model_validate(values))
