"""Training loops in processes of their own, one after another or a step each in turn: what each of them came to."""

import multiprocessing
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from typing import Any

from benchmarks.command import say


def context_of(device: str) -> BaseContext:
    """How processes are started: on a CPU forked from one that has imported everything once, and starts with this call.

    A GPU's driver does not survive a fork, so there each process imports for itself.
    """
    if device == "cuda" or "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.train_worker"])
    context.Process().start()  # does nothing, but starts the server, which imports while other work is done here
    return context


def train_all(
    asked: Mapping[str, Mapping[str, Any]], seconds: float, context: BaseContext, *, together: bool
) -> dict[str, dict[str, Any]]:
    """What each system came to in so many seconds of steps of its own.

    Args:
        asked: by system, what :func:`benchmarks.train_worker.serve` wants.
        seconds: that each trains, without its first steps.
        context: from :func:`context_of`.
        together: all are in memory and make a step in turn, so that a machine which is slow for a while is slow for
            each of them; else one after another.
    """
    groups = [list(asked)] if together else [[system] for system in asked]
    return {
        system: told
        for group in groups
        for system, told in _take_turns({name: asked[name] for name in group}, seconds, context).items()
    }


def _take_turns(
    asked: Mapping[str, Mapping[str, Any]], seconds: float, context: BaseContext
) -> dict[str, dict[str, Any]]:
    running: dict[str, _Process] = {}
    try:
        for system, values in asked.items():
            say("train", system)
            running[system] = _Process(system, values, context)
        spent = dict.fromkeys(running, 0.0)
        while waiting := [system for system in running if spent[system] < seconds]:
            for system in waiting:
                spent[system] += running[system].ask("step")
        return {system: process.ask("results") for system, process in running.items()}
    finally:
        for process in running.values():
            process.end()


def _serve(asked: Mapping[str, Any], pipe: Connection) -> None:
    from benchmarks.train_worker import serve  # imports transformers, which the process that asks does not need

    serve(asked, pipe)


class _Process:
    """A loop that was built and has made its first steps."""

    def __init__(self, system: str, asked: Mapping[str, Any], context: BaseContext) -> None:
        self._system = system
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(dict(asked), theirs), daemon=True)
        self._process.start()
        theirs.close()
        self.ask("first steps")

    def ask(self, what: str) -> Any:
        try:
            self._pipe.send(what)
            return self._pipe.recv()
        except (EOFError, OSError):
            sys.exit(f"benchmarks.train: the process of '{self._system}' ended in its {what}, as it says above.")

    def end(self) -> None:
        self._pipe.close()
        self._process.join()
