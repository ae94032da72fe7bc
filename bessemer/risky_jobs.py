"""Jobs whose native code may end the process on some record: that record is left out, and everything else is done."""

import multiprocessing
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bessemer.errors import TryAgain
from bessemer.pools import Call, as_done
from bessemer.watch import Watch, how_it_ended, noted

Task = tuple[Callable[[Any, Watch], None], Any]
"""What does a job, and what it is given beside a :class:`Watch`; both picklable."""
_MOST_DEATHS = 100
"""Of one job: so many records that end a process are no accident of some records."""


def run_risky(tasks: Mapping[int, Task], workers: int, folder: Path, prepare: Callable[[], None]) -> Iterator[int]:
    """Do jobs in processes, whatever becomes of these; the number of each when it is done.

    After a process ended, the jobs that were being done are done again, one at a time. A record at which a process ends
    twice is to blame, and left out from then on; at the first time it may have been ended from outside.

    Args:
        tasks: by number; each tells its watch the records that it begins.
        workers: processes at a time.
        folder: empty; for notes.
        prepare: what each process does first.

    Raises:
        TryAgain: a process ended when it was at no record.
    """
    left = list(tasks)
    while left:
        done: list[int] = []
        try:
            for number in _side_by_side({number: tasks[number] for number in left}, workers, folder, prepare):
                done.append(number)
                yield number
        except BrokenProcessPool:
            begun = [number for number in left if number not in done and _note(folder, number).exists()]
            if not begun:
                raise ended_from_outside() from None
            for number in begun:
                _alone(tasks[number], _note(folder, number), prepare)
                done.append(number)
                yield number
        left = [number for number in left if number not in done]


def _side_by_side(tasks: Mapping[int, Task], workers: int, folder: Path, prepare: Callable[[], None]) -> Iterator[int]:
    context = multiprocessing.get_context("forkserver")
    calls: dict[int, Call] = {number: (_watched, (task, _note(folder, number), {})) for number, task in tasks.items()}
    with ProcessPoolExecutor(workers, mp_context=context, initializer=prepare) as pool:
        yield from as_done(pool, calls)


def _alone(task: Task, note: Path, prepare: Callable[[], None]) -> None:
    """Do one job, in a process after the other, until one lives to the end of it."""
    avoid: dict[str, str] = {}
    before: str | None = None
    for _ in range(_MOST_DEATHS):
        note.unlink(missing_ok=True)
        exit_code = _in_a_process(task, note, avoid, prepare)
        if exit_code == 0:
            return
        place = noted(note)
        if place is None:
            raise ended_from_outside()
        if place == before:
            avoid[place] = how_it_ended(exit_code)
        before = place
    raise TryAgain(f"Processes that read ended {_MOST_DEATHS} times, the last one at {before}; is there memory enough?")


def _in_a_process(task: Task, note: Path, avoid: Mapping[str, str], prepare: Callable[[], None]) -> int:
    """Exit code of a process that does a job; 0 after its exception was raised here."""
    context = multiprocessing.get_context("forkserver")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_reporting, args=(task, note, avoid, prepare, sender), daemon=True)
    process.start()
    sender.close()
    try:
        error: BaseException | None = receiver.recv()
    except EOFError:
        error = None
    except BaseException:
        process.kill()
        raise
    finally:
        receiver.close()
    process.join()
    if error is not None:
        raise error
    return process.exitcode or 0


def _reporting(
    task: Task,
    note: Path,
    avoid: Mapping[str, str],
    prepare: Callable[[], None],
    sender: "Connection[BaseException | None, object]",
) -> None:
    prepare()
    try:
        _watched(task, note, avoid)
    except BaseException as error:
        sender.send(error)
    else:
        sender.send(None)


def _watched(task: Task, note: Path, avoid: Mapping[str, str]) -> None:
    compute, given = task
    compute(given, Watch(note, avoid))


def _note(folder: Path, number: int) -> Path:
    return folder / str(number)


def ended_from_outside() -> TryAgain:
    """What to say where a process ended and no record is to blame."""
    return TryAgain("A worker process was ended from outside (out of memory?); run again with fewer workers.")
