"""Section ``distributed`` of runtime.yaml: how training is executed. Results agree within stated tolerances."""

from typing import Literal, Self

from pydantic import Field, model_validator

from bessemer.config.base import Strict

Recomputation = Literal["none", "selective", "full"]
Strategy = Literal["none", "ddp", "fsdp2", "zero1", "zero2", "zero3"]


class DistributedRuntime(Strict):
    """Processes, strategy and memory of training. Accelerate's and DeepSpeed's settings are generated from this."""

    strategy: Literal["auto"] | Strategy = Field(
        "auto", description="auto: none with one process, ddp with more; zero1 to zero3 are DeepSpeed's"
    )
    processes: int | Literal["auto"] = Field(
        "auto", description="training processes on each machine; auto: one per GPU, one on a machine without"
    )
    micro_batch: int | Literal["auto"] = Field(
        "auto",
        description="samples of one forward pass of one process; auto: the most that the memory of every process is "
        "likely to hold, of the divisors of a process's share of the batch",
    )
    attention: Literal[
        "auto", "sdpa", "eager", "torch_varlen", "flex_attention", "flash_attention_2", "flash_attention_3"
    ] = Field("auto", description="attention kernel; auto: the fastest that runs on the device")
    compile: bool | Literal["auto"] = Field(
        "auto",
        description="torch.compile the model; auto: where a compiler is present, in runs long enough to earn back the "
        "minutes that it takes",
    )
    gradient_checkpointing: Recomputation = Field(
        "none",
        description="activations that are computed again in the backward pass: none; selective: all but matrix "
        "products and attention; full: all inside a layer",
    )
    offload: Literal["none", "optimizer", "parameters"] = Field(
        "none",
        description="what waits in the CPU's memory: optimizer state (ZeRO-1 to 3), parameters too (ZeRO-3, FSDP2)",
    )
    bucket_mb: float = Field(25.0, ge=0.01, description="gradients that are exchanged at a time, in MB (DDP, ZeRO)")
    threads: int | Literal["auto"] = Field(
        "auto", description="CPU threads of one process; auto: the cores divided among the processes"
    )
    checkpoint_steps: int = Field(100, ge=1, description="optimizer steps between two checkpoints")
    checkpoints_kept: int = Field(2, ge=1, description="newest checkpoints that stay")
    trackers: list[Literal["tensorboard", "wandb", "mlflow"]] = Field(
        default=["tensorboard"],
        description="where curves are drawn; wandb and mlflow are packages of their own (pip install "
        "'bessemer[trackers]')",
    )
    profile_steps: int = Field(
        0, ge=0, le=100, description="steps of rank 0 that torch's profiler traces, after the first four; 0: none"
    )
    timeout_s: float = Field(600.0, gt=0, description="seconds after which a silent exchange between processes fails")
    stall_s: float = Field(
        300.0, gt=0, description="seconds in one phase of a step after which a process prints where it is, with stacks"
    )
    stall_action: Literal["report", "end"] = Field(
        "report", description="report: print and wait on; end: also end the run, with exit code 75, to be started again"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name in ("processes", "micro_batch", "threads"):
            value = getattr(self, name)
            if isinstance(value, int) and value < 1:
                raise ValueError(f"{name} must be at least 1 or auto")
        allowed = {
            "optimizer": ("zero1", "zero2", "zero3"),
            "parameters": ("zero3", "fsdp2"),
        }.get(self.offload)
        if allowed and self.strategy not in allowed:
            raise ValueError(f"offload: {self.offload} needs strategy {' or '.join(allowed)}")
        if self.strategy == "none" and isinstance(self.processes, int) and self.processes > 1:
            raise ValueError(
                "strategy: none is for one process; use ddp, fsdp2 or zero1 to zero3, or set processes to 1"
            )
        return self
