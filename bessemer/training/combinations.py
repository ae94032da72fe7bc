"""Settings that exclude each other, or that this machine cannot do: said before a process is started."""

import torch

from bessemer.config.distributed import DistributedRuntime, Strategy
from bessemer.config.pretrain import PretrainParams
from bessemer.errors import ConfigError
from bessemer.model.attention import choose_backend
from bessemer.model.precision import resolve_precision
from bessemer.training.compilation import choose_compile
from bessemer.training.step import DTYPES
from bessemer.training.topology import launched, refuse_impossible, split_batch
from bessemer.training.trackers import require_trackers
from bessemer.training.zero import require_toolchain

_ANY_BATCH = 1 << 62


def require_possible(
    params: PretrainParams, runtime: DistributedRuntime, strategy: Strategy, world: int, *, local: int
) -> None:
    """Check everything that can be known before processes exist.

    Args:
        params: the run.
        runtime: section ``distributed`` of runtime.yaml.
        strategy: what runs, never ``auto``.
        world: processes on all machines.
        local: processes on this machine.

    Raises:
        ConfigError: it cannot work.
    """
    refuse_impossible(params, strategy)
    _require_devices(local)
    split_batch(params, runtime, world, _ANY_BATCH)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    precision = resolve_precision(params.precision, device)
    choose_backend(runtime.attention, device, DTYPES[precision])
    choose_compile(runtime, device, strategy, operations=0.0)
    require_trackers(runtime.trackers)
    if strategy.startswith("zero"):
        require_toolchain()


def _require_devices(local: int) -> None:
    found = torch.cuda.device_count()
    if found and local > found and not launched():
        raise ConfigError(
            f"distributed.processes is {local} and this machine has {found} GPUs, one for each process; set it to "
            f"{found} or auto."
        )
