"""Whether to stop, as all processes see it: a signal may have reached one of them only.

Between two micro-batches an answer must cost nothing. So a process casts its vote, goes on, and reads the result before
the next one: the exchange, of one number over the CPU's network, has then long ended. All read the same result at the
same place.
"""

from typing import Any

import torch

from bessemer.training.interrupt import Interrupt, Stopped


class Stopping:
    """Votes of the processes, cast in the same order by each."""

    def __init__(self, interrupt: Interrupt, world: int) -> None:
        """Start to vote; of more processes than one all call it."""
        self._interrupt = interrupt
        self._group: Any = torch.distributed.new_group(backend="gloo") if world > 1 else None
        self._cast: tuple[torch.Tensor, Any] | None = None

    def between(self) -> None:
        """Between two micro-batches: raise if a signal had come to any process by the time of the call before.

        Raises:
            Stopped: it had.
        """
        if self._group is None:
            self.require(bool(self._interrupt))
            return
        self.settle()
        vote = torch.tensor([float(bool(self._interrupt))])
        self._cast = (vote, torch.distributed.all_reduce(vote, group=self._group, async_op=True))

    def settle(self) -> None:
        """Read what was cast last.

        Raises:
            Stopped: a signal has come to a process.
        """
        if self._cast is None:
            return
        (vote, work), self._cast = self._cast, None
        work.wait()
        self.require(float(vote) > 0)

    def now(self) -> None:
        """Where waiting costs nothing, after a checkpoint or a validation: raise if a signal has come to any process.

        Raises:
            Stopped: it has.
        """
        self.between()
        self.settle()

    def require(self, stop: bool) -> None:
        """Raise if ``stop``.

        Raises:
            Stopped: as it says.
        """
        if stop:
            raise Stopped
