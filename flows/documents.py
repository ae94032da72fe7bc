"""The commands that deal with single documents: explain, and whatif. Each imports what it needs, to answer at once."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console


def explain_command(root: Path, query: str, console: Console) -> int:
    """``bessemer explain``: what happened to the documents and records that match.

    Raises:
        ConfigError: nothing matches.
        DataError: nothing was ingested yet.
    """
    from bessemer.explain import explain

    _print(explain(root, query).render(), console)
    return 0


def whatif_command(root: Path, changes: Sequence[str], console: Console) -> int:
    """``bessemer whatif``: the corpus under other parameters of ``curate``, beside the one that is there.

    Raises:
        ConfigError: a change is no parameter of ``curate``, or out of bounds.
        DataError: ``curate`` has not run.
    """
    from bessemer.whatif import parse_changes, what_if

    _print(what_if(root, parse_changes(changes)).render(), console)
    return 0


def _print(text: str, console: Console) -> None:
    """As it is: texts of a crawl are not markup, and a line is not broken where it can be copied from."""
    console.print(text, markup=False, highlight=False, emoji=False, soft_wrap=True)
