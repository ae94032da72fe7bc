"""Read YAML strictly; what cannot be used becomes one sentence that names the key and the nearest known one."""

import difflib
from collections.abc import Hashable
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, RootModel, ValidationError

from bessemer.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)


class _UniqueKeyLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the C one, if built in
    """YAML in which a key may be given once only: the second of two would silently win."""


def _unique_mapping(loader: _UniqueKeyLoader, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, Hashable):
            problem = "a key that is a list or a mapping itself"
            raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
        if key in seen:
            raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} is given twice", key_node.start_mark)
        seen.add(key)
    mapping: dict[Any, Any] = loader.construct_mapping(node, deep)
    return mapping


_UniqueKeyLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file whose top level is a mapping.

    Raises:
        ConfigError: it is missing, not YAML, or not a mapping.
    """
    try:
        value = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)
    except FileNotFoundError:
        raise ConfigError(f"{path} is missing; restore it from version control.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or "not UTF-8 text"
        raise ConfigError(f"{path}{where}: {problem}; mend the file.") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigError(f"{path} must be a mapping of sections; it is a {type(value).__name__}.")
    return value


def parse(model: type[Model], values: object, file: str, section: str = "") -> Model:
    """Validate ``values`` and turn the first error into one sentence.

    Raises:
        ConfigError: a value does not fit; ``file`` and the key below ``section`` are named in the sentence.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_sentence(model, error, file, section)) from None


def _sentence(model: type[BaseModel], error: ValidationError, file: str, section: str) -> str:
    unknown = [item for item in error.errors() if item["type"] == "extra_forbidden"]
    first = (unknown or error.errors())[0]
    place = ".".join(str(part) for part in ([section] if section else []) + list(first["loc"]))
    if first["type"] != "extra_forbidden":
        given = first.get("input")
        shown = f" (given: {given!r})" if isinstance(given, str | int | float | bool) else ""
        return f"{file}: {place}: {first['msg'].removeprefix('Value error, ')}{shown}."
    key, known = str(first["loc"][-1]), sorted(_known_keys(model, first["loc"][:-1]))
    elsewhere = [".".join([section, *found] if section else found) for found in _paths_of(model, _last_key(first))]
    if near := difflib.get_close_matches(key, known, n=1, cutoff=0.8 if len(elsewhere) == 1 else 0.5):
        advice = f"did you mean {near[0]}?"
    elif len(elsewhere) == 1:
        advice = f"did you mean {elsewhere[0]}?"
    else:
        advice = f"known here: {', '.join(known)}."
    return f"{file}: {place} is not a parameter; {advice}"


def _last_key(unknown: Any) -> str:
    """Of an unknown ``rules: {min_words: 80}`` it is ``min_words``: names are remembered better than places."""
    key, below = str(unknown["loc"][-1]), unknown.get("input")
    while isinstance(below, dict) and len(below) == 1:
        (key, below), *_ = below.items()
    return str(key)


def _paths_of(model: type[BaseModel], key: str) -> list[list[str]]:
    """Where a model has a field of that name: the fields on the way to it."""
    if issubclass(model, RootModel):
        return []
    paths = []
    for name, field in model.model_fields.items():
        if key in (name, field.alias):
            paths.append([name])
        paths += [[name, *rest] for below in models_in(field.annotation) for rest in _paths_of(below, key)]
    return paths


def _known_keys(model: type[BaseModel], path: tuple[int | str, ...]) -> set[str]:
    """Field names (and aliases) that are allowed at ``path`` below ``model``."""
    candidates = models_in(model.model_fields["root"].annotation) if issubclass(model, RootModel) else [model]
    for part in path:
        following: list[type[BaseModel]] = []
        for candidate in candidates:
            for name, field in candidate.model_fields.items():
                if part in (name, field.alias):
                    following.extend(models_in(field.annotation))
        candidates = following or candidates
    keys: set[str] = set()
    for candidate in candidates:
        keys.update(field.alias or name for name, field in candidate.model_fields.items())
    return keys


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models that an annotation names, also inside lists, mappings and unions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for argument in get_args(annotation) for found in models_in(argument)]
