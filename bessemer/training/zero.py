"""DeepSpeed's configuration, generated whole from runtime.yaml. DeepSpeed itself is not imported here."""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import DeepSpeedPlugin

from bessemer.config.distributed import DistributedRuntime
from bessemer.errors import ConfigError


def require_toolchain() -> None:
    """DeepSpeed compiles its collective operations on first use: say so before it fails in the middle.

    Raises:
        ConfigError: ninja or a C++ compiler is missing.
    """
    folder = str(Path(sys.executable).parent)
    if folder not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([folder, os.environ.get("PATH", "")])
    compiler = os.environ.get("CXX", "c++")
    missing = [name for name in ("ninja", compiler) if shutil.which(name) is None]
    if missing:
        raise ConfigError(
            f"DeepSpeed compiles a part of itself on first use and {' and '.join(missing)} is missing; install it "
            "(pip install ninja, and the system's C++ compiler), or set distributed.strategy to ddp or fsdp2."
        )


def deepspeed_config(
    *,
    stage: int,
    runtime: DistributedRuntime,
    clip_norm: float | None,
    bf16: bool,
    micro_batch: int,
    accumulation: int,
    world: int,
) -> dict[str, Any]:
    """DeepSpeed's configuration with every value stated: nothing is ``auto``, and the optimizer is given in code."""
    bucket = int(runtime.bucket_mb * 1e6 / 4)
    zero: dict[str, Any] = {
        "stage": stage,
        "allgather_bucket_size": bucket,
        "reduce_bucket_size": bucket,
        "overlap_comm": torch.cuda.is_available(),
        "contiguous_gradients": True,
    }
    if runtime.offload != "none":
        zero["offload_optimizer"] = {"device": "cpu", "pin_memory": torch.cuda.is_available()}
    if runtime.offload == "parameters":
        zero["offload_param"] = {"device": "cpu", "pin_memory": torch.cuda.is_available()}
    if stage == 3:
        zero |= {
            "stage3_prefetch_bucket_size": bucket,
            "stage3_param_persistence_threshold": 10_000,
            "stage3_gather_16bit_weights_on_model_save": False,
        }
    return {
        "train_batch_size": micro_batch * accumulation * world,
        "train_micro_batch_size_per_gpu": micro_batch,
        "gradient_accumulation_steps": accumulation,
        "gradient_clipping": clip_norm or 0.0,
        "bf16": {"enabled": bf16, "check_grad_overflow": True},
        "zero_optimization": zero,
        "zero_allow_untested_optimizer": True,
        "steps_per_print": sys.maxsize,
        "wall_clock_breakdown": False,
    }


def deepspeed_plugin(**settings: Any) -> DeepSpeedPlugin:
    """Accelerate's plugin around :func:`deepspeed_config`."""
    return DeepSpeedPlugin(hf_ds_config=deepspeed_config(**settings))
