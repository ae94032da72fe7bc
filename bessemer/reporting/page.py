"""The Jinja environment of all pages: everything escaped, everything neutralised, no scripts, no other files."""

from functools import cache
from pathlib import Path

import xxhash
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bessemer.reporting.numbers import sentence, words
from bessemer.reporting.untrusted import neutralise

TEMPLATES = Path(__file__).parent / "templates"


def _finalize(value: object) -> object:
    return neutralise(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def environment() -> Environment:
    """Escapes all that is not ``Markup``, after taking hidden and reordering characters out of it."""
    pages = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=_finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["words"] = words
    pages.filters["sentence"] = sentence
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    pages.globals["style"] = Markup(style)
    return pages


@cache
def appearance() -> str:
    """Digest of the templates and of the code that fills them: a page made by another version differs in it."""
    digest = xxhash.xxh3_128()
    for path in sorted([*TEMPLATES.iterdir(), *Path(__file__).parent.glob("*.py")]):
        if path.is_file():
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def identity(*parts: bytes) -> str:
    """What a page was made from, as a digest: its data and :func:`appearance`."""
    digest = xxhash.xxh3_128(appearance().encode())
    for part in parts:
        digest.update(b"\0" + part)
    return digest.hexdigest()
