"""Placeholder of the section ``distributed`` of runtime.yaml until training lands."""

from bessemer.config.base import Strict


class DistributedRuntime(Strict):
    """Processes and strategy of pretraining."""

    strategy: str = "auto"
    processes: int | str = "auto"
