"""Configuration errors: one sentence, with the key that was meant."""

from pathlib import Path

import pytest
from pydantic import Field, RootModel

from bessemer.config.base import Strict
from bessemer.config.read import parse, read_yaml
from bessemer.config.runtime import load_runtime
from bessemer.errors import ConfigError


class Rules(Strict):
    min_words: int = Field(50, ge=1, description="words")


class Curate(Strict):
    rules: Rules | None = Field(default_factory=Rules, description="limits")
    origin: str | None = Field(None, alias="from", description="folder")


class Item(Strict):
    name: str


class Items(RootModel[list[Item]]):
    pass


def test_an_unknown_key_names_the_nearest_known_one() -> None:
    with pytest.raises(ConfigError) as error:
        parse(Curate, {"rules": {"min_word": 3}}, "params.yaml", "curate")
    assert str(error.value) == "params.yaml: curate.rules.min_word is not a parameter; did you mean min_words?"


@pytest.mark.parametrize("values", [{"min_words": 3}, {"limits": {"min_words": 3}}])
def test_a_known_key_in_the_wrong_place_is_told_its_place(values: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"is not a parameter; did you mean curate\.rules\.min_words\?"):
        parse(Curate, values, "params.yaml", "curate")


def test_a_misspelt_section_is_corrected_before_what_is_in_it_is_looked_for() -> None:
    with pytest.raises(ConfigError, match=r"curate\.ruels is not a parameter; did you mean rules\?"):
        parse(Curate, {"ruels": {"min_words": 3}}, "params.yaml", "curate")


def test_an_unknown_key_like_no_other_lists_what_is_known() -> None:
    with pytest.raises(ConfigError, match=r"curate\.zzz is not a parameter; known here: from, rules\."):
        parse(Curate, {"zzz": 1}, "params.yaml", "curate")


def test_an_unknown_key_in_a_list_names_its_place() -> None:
    with pytest.raises(ConfigError, match=r"sources\.1\.nme is not a parameter; did you mean name\?"):
        parse(Items, [{"name": "a"}, {"name": "b", "nme": "c"}], "params.yaml", "sources")


def test_a_value_out_of_bounds_is_shown_with_its_bound() -> None:
    with pytest.raises(ConfigError, match=r"curate\.rules\.min_words: .*greater than or equal to 1 \(given: 0\)"):
        parse(Curate, {"rules": {"min_words": 0}}, "params.yaml", "curate")


def test_a_key_given_twice_is_an_error_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("a: 1\nb: 2\na: 3\n")
    with pytest.raises(ConfigError, match="line 3: the key 'a' is given twice"):
        read_yaml(path)


@pytest.mark.parametrize("text", ["a: 1\nsources: {{a}}\n", "a: 1\n? [b, c]\n: 2\n"])
def test_a_key_that_is_no_name_is_an_error_with_its_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"params\.yaml line 2: a key that is a list or a mapping itself; mend"):
        read_yaml(path)


@pytest.mark.parametrize("text", ["a: [1\n", "- 1\n", "a: \xff".encode("latin-1").decode("latin-1") + "\x00"])
def test_a_file_that_is_no_mapping_is_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"params\.yaml"):
        read_yaml(path)


def test_local_settings_override_key_by_key(tmp_path: Path) -> None:
    (tmp_path / "runtime.yaml").write_text("workers: 4\ndeadlines_s:\n  ingest: 10\n  dedup: 20\n")
    (tmp_path / "runtime.local.yaml").write_text("deadlines_s:\n  dedup: 5\n")
    runtime = load_runtime(tmp_path)
    assert (runtime.workers, runtime.deadlines_s) == (4, {"ingest": 10, "dedup": 5})
