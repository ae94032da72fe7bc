"""Code is an input: the first-party modules that a stage imports, directly or through others, and their digest.

``bessemer sync-deps`` writes the closure into dvc.yaml, and the shard cache puts its digest into every key, so no
changed line can meet a stale result. Modules that only draw pages or measure what a run takes are left out: nothing
tracked depends on them.
"""

import ast
import functools
import importlib.metadata
import re
import sys
import unicodedata
from pathlib import Path

import xxhash

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("bessemer", "stages")
PRESENTATION = frozenset(
    {
        "bessemer.config.energy",
        "bessemer.energy",
        "bessemer.reporting.charts",
        "bessemer.reporting.html",
        "bessemer.reporting.markdown",
        "bessemer.reporting.overall",
    }
)
_DATA_SUFFIXES = (".ftz", ".txt", ".json")


def import_closure(module: str) -> list[Path]:
    """Files that ``module`` is made of, sorted, relative to the root of the checkout.

    Imports are found in the syntax tree, also those inside functions; the data files beside a module's package
    (``<package>/data/``) count as part of it.

    Args:
        module: dotted name, for example ``stages.curate``.
    """
    return [path.relative_to(ROOT) for path in _closure(module)[0]]


def code_digest(module: str) -> str:
    """Digest of the closure's sources, the versions of the packages that they import, and those of Python and Unicode.

    What is a letter, and how one is folded and normalised, is Python's Unicode data, which minor versions replace.
    """
    files, packages = _closure(module)
    digest = xxhash.xxh3_128()
    digest.update(f"{sys.version_info.major}.{sys.version_info.minor}\0{unicodedata.unidata_version}\0".encode())
    for path in files:
        digest.update(f"{path.relative_to(ROOT).as_posix()}\0".encode())
        digest.update(path.read_bytes())
    for name in packages:
        digest.update(f"{name}\0".encode())
    return digest.hexdigest()


def package_versions(module: str) -> dict[str, str]:
    """Version of each third-party distribution that the closure imports."""
    return dict(item.split("==", 1) for item in _closure(module)[1])


@functools.cache
def _closure(module: str) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    waiting, files, foreign = [module], {}, set()
    while waiting:
        name = waiting.pop()
        if name in files or name in PRESENTATION:
            continue
        path = _find(name)
        if path is None:
            continue
        files[name] = path
        if "." in name:
            waiting.append(name.rpartition(".")[0])
        for imported in _imports(path, name):
            top = imported.partition(".")[0]
            if top in PACKAGES:
                waiting.append(imported)
            elif top not in sys.stdlib_module_names:
                foreign.add(top)
    data = {
        item
        for path in files.values()
        for item in (path.parent / "data").glob("*")
        if item.suffix in _DATA_SUFFIXES and path.name != "__init__.py"
    }
    return tuple(sorted({*files.values(), *data})), tuple(sorted(distributions_of(foreign)))


def _find(name: str) -> Path | None:
    base = ROOT.joinpath(*name.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


def _imports(path: Path, module: str) -> set[str]:
    """Dotted names that may be modules: of ``from a import b`` both ``a`` and ``a.b``."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, base] if base else parents)
            found.add(base)
            found.update(f"{base}.{alias.name}" for alias in node.names)
    return found


def distributions_of(modules: set[str]) -> set[str]:
    """``name==version`` of every installed distribution that provides one of some top-level modules.

    What ``importlib.metadata.packages_distributions`` says of them, ten times as fast: of a few hundred
    distributions it parses all metadata and makes a path of each of their files.
    """
    found: dict[str, str] = {}
    for distribution, provided in _installed():
        name = None if modules.isdisjoint(provided) else distribution.name
        if name:  # without one it is what an interrupted installation has left; a second copy is not what is imported
            found.setdefault(re.sub(r"[-_.]+", "-", name).lower(), f"{name}=={distribution.version}")
    return set(found.values())


@functools.cache
def _installed() -> list[tuple[importlib.metadata.Distribution, set[str]]]:
    return [(distribution, _top_level(distribution)) for distribution in importlib.metadata.distributions()]


def _top_level(distribution: importlib.metadata.Distribution) -> set[str]:
    """Modules and packages that a distribution declares, else those that its list of files has at the top."""
    declared = (distribution.read_text("top_level.txt") or "").split()
    if declared:
        return set(declared)
    listed = (distribution.read_text("RECORD") or "").splitlines()
    firsts = {line.partition("/")[0] if "/" in line else line.partition(",")[0].partition(".")[0] for line in listed}
    return {name.strip('"') for name in firsts}
