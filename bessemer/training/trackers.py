"""Where curves are drawn: TensorBoard in the run's folder, and wandb or mlflow through accelerate's trackers."""

import math
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from bessemer.errors import ConfigError

PROJECT = "bessemer"
PACKAGES = {"tensorboard": "tensorboard", "wandb": "wandb", "mlflow": "mlflow"}
_MLFLOW_RUN = "mlflow-run"


class Board(Protocol):
    """Takes values of a step."""

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Draw ``values`` at ``step``."""
        ...

    def go_back(self, after_step: int) -> None:
        """Take out what was drawn after ``after_step``, where the board can do that."""
        ...

    def close(self) -> None:
        """Write what is left."""
        ...


class Boards:
    """All of them together; what is not a finite number is not drawn."""

    def __init__(self, boards: Sequence[Board]) -> None:
        self._boards = boards

    def log(self, values: Mapping[str, Any], step: int) -> None:
        """Draw the numbers among ``values`` at ``step``."""
        numbers = {
            name: float(value)
            for name, value in values.items()
            if isinstance(value, int | float) and math.isfinite(value) and name != "step"
        }
        for board in self._boards:
            board.log(numbers, step)

    def go_back(self, after_step: int) -> None:
        """Take out what was drawn after ``after_step``, where a board can do that."""
        for board in self._boards:
            board.go_back(after_step)

    def close(self) -> None:
        """Write what is left."""
        for board in self._boards:
            board.close()


def require_trackers(names: Sequence[str]) -> None:
    """Check that the packages are there, before anything starts.

    Raises:
        ConfigError: one is missing.
    """
    missing = [name for name in names if find_spec(PACKAGES[name]) is None]
    if missing:
        raise ConfigError(
            f"distributed.trackers names {' and '.join(missing)}, which is not installed; install it "
            "(pip install 'bessemer[trackers]') or take it out."
        )


def open_boards(names: Sequence[str], directory: Path, after_step: int, settings: Mapping[str, Any]) -> Boards:
    """Boards of a run that continues after ``after_step``.

    Args:
        names: of :data:`PACKAGES`.
        directory: the run's folder; its name is the run's name, so that a continued run goes on in the same curves.
        after_step: later points, drawn by a run that then died, are taken out where the board can do that.
        settings: of the run, for boards that show them.

    Raises:
        ConfigError: as for :func:`require_trackers`.
    """
    require_trackers(names)
    makers = {"tensorboard": _tensorboard, "wandb": _wandb, "mlflow": _mlflow}
    return Boards([makers[name](directory, after_step, settings) for name in names])


class _TensorBoard:
    def __init__(self, directory: Path, after_step: int) -> None:
        self._directory = directory
        self._open(after_step)

    def _open(self, after_step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(self._directory / "tensorboard"), purge_step=after_step + 1)

    def go_back(self, after_step: int) -> None:
        self._writer.close()
        self._open(after_step)

    def log(self, values: Mapping[str, float], step: int) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


class _Tracked:
    """One of accelerate's trackers."""

    def __init__(self, tracker: Any, settings: Mapping[str, Any]) -> None:
        self._tracker, self._lost = tracker, False
        tracker.start()
        tracker.store_init_configuration(dict(settings))

    def log(self, values: Mapping[str, float], step: int) -> None:
        if self._lost:
            return
        try:
            self._tracker.log(dict(values), step=step)
        except Exception as error:  # whatever its server or network raises: watching must not end training
            self._lost = True
            print(f"pretrain: {self._tracker.name} takes no more lines ({error}); training goes on.", flush=True)

    def go_back(self, after_step: int) -> None:
        pass  # neither wandb nor mlflow takes points back

    def close(self) -> None:
        self._tracker.finish()


def _tensorboard(directory: Path, after_step: int, settings: Mapping[str, Any]) -> Board:
    del settings
    return _TensorBoard(directory, after_step)


def _wandb(directory: Path, after_step: int, settings: Mapping[str, Any]) -> Board:
    from accelerate.tracking import WandBTracker

    del after_step
    name = directory.name
    return _Tracked(WandBTracker(PROJECT, id=name, name=name, resume="allow", dir=str(directory)), settings)


def _mlflow(directory: Path, after_step: int, settings: Mapping[str, Any]) -> Board:
    """A run of mlflow gets its name from the server: it is kept, to go on with it."""
    from accelerate.tracking import MLflowTracker

    del after_step
    kept = directory / _MLFLOW_RUN
    run = kept.read_text(encoding="utf-8") if kept.exists() else None
    tracker = MLflowTracker(PROJECT, run_id=run, run_name=directory.name)
    board = _Tracked(tracker, {} if run else settings)
    kept.write_text(tracker.tracker.info.run_id, encoding="utf-8")
    return board
