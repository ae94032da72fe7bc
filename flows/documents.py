"""The commands that ask the ledger: explain, whatif, ledger, diff. Each imports what it needs, to answer at once."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from flows.without_pandas import keep_pandas_out


def explain_command(root: Path, query: str, console: Console) -> int:
    """``bessemer explain``: what happened to the documents and records that match.

    Raises:
        ConfigError: nothing matches.
        DataError: nothing was ingested yet.
    """
    keep_pandas_out()
    from bessemer.explain import explain

    _print(explain(root, query).render(), console)
    return 0


def whatif_command(root: Path, changes: Sequence[str], console: Console) -> int:
    """``bessemer whatif``: the corpus under other parameters of ``curate``, beside the one that is there.

    Raises:
        ConfigError: a change is no parameter of ``curate``, or out of bounds.
        DataError: ``curate`` has not run.
    """
    keep_pandas_out()
    from bessemer.whatif import parse_changes, what_if

    _print(what_if(root, parse_changes(changes)).render(), console)
    return 0


def ledger_command(
    root: Path,
    where: str,
    *,
    columns: str,
    by: str,
    limit: int,
    out: Path | None,
    console: Console,
) -> int:
    """``bessemer ledger``: the documents that meet a condition in SQL.

    Raises:
        ConfigError: the SQL cannot be understood.
        DataError: ``curate`` has not run.
    """
    keep_pandas_out()
    from bessemer.ledger_query import SHOWN, query_ledger

    answer = query_ledger(root, where, columns=columns or SHOWN, by=by, limit=limit, out=out)
    _print(answer.render(), console)
    return 0


def diff_command(root: Path, revision: str, console: Console) -> int:
    """``bessemer diff``: what the corpus keeps beside what it kept at a revision.

    Raises:
        ConfigError: there is no such revision, or its ledger is nowhere to be had.
        DataError: ``curate`` has not run.
    """
    import tempfile

    from bessemer.ledger_diff import compare_ledgers
    from flows.graph import fetch_output

    with tempfile.TemporaryDirectory() as folder:
        before = Path(folder) / "ledger"
        fetch_output(root, revision, "data/ledger", before)
        _print(compare_ledgers(root, before, revision).render(), console)
    return 0


def _print(text: str, console: Console) -> None:
    """As it is: texts of a crawl are not markup, and a line is not broken where it can be copied from."""
    from bessemer.reporting.untrusted import neutralise

    console.print(neutralise(text), markup=False, highlight=False, emoji=False, soft_wrap=True)
