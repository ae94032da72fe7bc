"""The reference page of every parameter, and the JSON Schema for editors, made from the models themselves."""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bessemer.config.params import Params
from bessemer.config.read import models_in
from bessemer.config.runtime import Runtime

_HEAD = """# Parameters

Made from the models in `bessemer/config/` by `bessemer schema --markdown`; a test compares it with them.

`params.yaml` holds what a result depends on; `runtime.yaml` how the same result is computed. An unknown key is an error
that names the nearest known one.
"""


def json_schema() -> dict[str, Any]:
    """JSON Schema of params.yaml, for completion and checks in editors."""
    return Params.model_json_schema(by_alias=True)


def reference_page() -> str:
    """Markdown: a table per section with key, default, bounds and meaning of each parameter."""
    parts = [_HEAD]
    for file, model in (("params.yaml", Params), ("runtime.yaml", Runtime)):
        parts.append(f"\n## {file}\n")
        plain = [(key, field) for key, field in _fields(model) if not models_in(field.annotation)]
        if plain:
            parts.append(_table([("", key, field) for key, field in plain]))
        for key, field in _fields(model):
            for nested in models_in(field.annotation):
                parts.append(f"\n### `{key}`\n\n{field.description or _first_line(nested)}.\n")
                parts.append(_table(list(_rows("", nested))))
    return "\n".join(parts) + "\n"


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        yield field.alias or name, field


def _rows(prefix: str, model: type[BaseModel]) -> Iterator[tuple[str, str, FieldInfo]]:
    for key, field in _fields(model):
        yield prefix, key, field
        for nested in models_in(field.annotation):
            mark = "[]." if "list[" in str(field.annotation) else "."
            yield from _rows(f"{prefix}{key}{mark}", nested)


def _table(rows: list[tuple[str, str, FieldInfo]]) -> str:
    lines = ["| key | default | bounds | meaning |", "|---|---|---|---|"]
    for prefix, key, field in rows:
        meaning = (field.description or "").replace("|", "\\|")
        lines.append(f"| `{prefix}{key}` | {_default(field)} | {_bounds(field)} | {meaning} |")
    return "\n".join(lines)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if models_in(field.annotation):
        return "null" if field.default is None else "see below"
    value = field.get_default(call_default_factory=True, validated_data={})
    return f"`{json.dumps(value, default=str, ensure_ascii=False)}`".replace("|", "\\|")


def _bounds(field: FieldInfo) -> str:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<", "multiple_of": "multiple of"}
    found = [
        f"{sign} {getattr(item, name)}"
        for item in field.metadata
        for name, sign in signs.items()
        if getattr(item, name, None) is not None
    ]
    choices = getattr(field.annotation, "__args__", ()) if "Literal[" in str(field.annotation) else ()
    found += [f"`{choice}`" for choice in choices if isinstance(choice, str)]
    return ", ".join(found)


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().splitlines()[0].rstrip(".") if model.__doc__ else ""
