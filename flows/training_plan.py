"""``bessemer plan pretrain``: what a run takes on GPUs that are named, in words."""

from __future__ import annotations

from dataclasses import dataclass

from bessemer.config.model import PRESETS
from bessemer.config.params import Params
from bessemer.config.pretrain import PretrainParams
from bessemer.config.read import parse
from bessemer.config.scaling import AUTO
from bessemer.errors import ConfigError
from bessemer.training.gpus import GPUS, Gpu
from bessemer.training.plan import Plan, plan_pretraining

GPU, MFU, PRICE = "h100", 0.4, 2.5
"""Assumed where nothing is said: the kind of GPU, the share of its peak, and dollars for an hour of one."""


@dataclass(frozen=True)
class Supposed:
    """What is supposed about the hardware; None is this module's assumption.

    Attributes:
        gpu: key of :data:`bessemer.training.gpus.GPUS`.
        gpus: number of them.
        mfu: share of the peak.
        price: dollars for an hour of one GPU.
        preset: of the model, in the place of params.yaml's.
        tokens: length of the run, in the place of params.yaml's.
        micro_batch: samples of one forward pass.
    """

    gpu: str | None = None
    gpus: int | None = None
    mfu: float | None = None
    price: float | None = None
    preset: str | None = None
    tokens: int | None = None
    micro_batch: int | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is said."""
        return all(value is None for value in self.__dict__.values())


def training_forecast(params: Params, supposed: Supposed) -> str:
    """The plan in lines of text.

    Raises:
        ConfigError: what is supposed is unknown or out of bounds.
    """
    return describe(reckon(params, supposed), PRICE if supposed.price is None else supposed.price, supposed)


def reckon(params: Params, supposed: Supposed) -> Plan:
    """The plan of params.yaml under what is supposed.

    Raises:
        ConfigError: what is supposed is unknown or out of bounds.
    """
    mfu = MFU if supposed.mfu is None else supposed.mfu
    gpus = 1 if supposed.gpus is None else supposed.gpus
    micro_batch = 1 if supposed.micro_batch is None else supposed.micro_batch
    if not 0.0 < mfu <= 1.0 or gpus < 1 or (supposed.price or 0.0) < 0.0 or micro_batch < 1:
        raise ConfigError("--mfu is a share above 0 up to 1, --gpus and --micro-batch at least 1, --price at least 0.")
    if supposed.preset is not None and supposed.preset not in PRESETS:
        raise ConfigError(f"--preset {supposed.preset} is none of {', '.join(PRESETS)}.")
    return plan_pretraining(
        _supposed_section(params.pretrain, supposed),
        params.tokenizer.vocab_size,
        gpu=_gpu(supposed.gpu or GPU),
        gpus=gpus,
        mfu=mfu,
        micro_batch=supposed.micro_batch,
    )


def _supposed_section(section: PretrainParams, supposed: Supposed) -> PretrainParams:
    """The section with what is supposed; what was ``auto`` is derived once more, from the new length and model."""
    said: dict[str, object] = {}
    if supposed.preset is not None:
        said["model"] = {"preset": supposed.preset}
    if supposed.tokens is not None:
        said["tokens"] = supposed.tokens
    if not said:
        return section
    values = section.model_dump() | said
    for key in section.derived:
        *parents, last = key.split(".")
        part = values
        for parent in parents:
            part = part[parent]
        part[last] = AUTO
    flags = [f"--{name} {value}" for name in ("preset", "tokens") if (value := getattr(supposed, name)) is not None]
    return parse(PretrainParams, values, f"params.yaml with {' '.join(flags)}", "pretrain")


def describe(plan: Plan, price: float, supposed: Supposed) -> str:
    """The plan in lines of text; what was not said is marked as assumed."""
    kinds = ", ".join(f"{count:,} in {kind}" for kind, count in plan.size.by_kind.items())
    rate = plan.tokens / plan.seconds
    lines = [
        "",
        f"parameters   {plan.size.parameters:,}: {kinds}",
        f"tokens       {plan.tokens:,} in {plan.steps:,} steps, {plan.tokens / plan.size.parameters:.1f} a parameter",
        f"operations   {plan.flops_palm:.3e} (PaLM: attention counted whole), {plan.flops_causal:.3e} (causal)",
        f"hardware     {plan.gpus} x {plan.gpu.name}, {plan.gpu.peak / 1e12:g} TFLOP/s dense bf16 "
        f"({plan.gpu.source}){_assumed(supposed.gpu)}",
        f"time         {_duration(plan.seconds)} at an MFU of {plan.mfu:.0%}{_assumed(supposed.mfu)}: "
        f"{rate:,.0f} tokens/s, without evaluation, checkpoints and interruptions",
        f"cost         {plan.gpu_hours:,.1f} GPU-hours, ${plan.gpu_hours * price:,.2f} at ${price:.2f} an hour"
        f"{_assumed(supposed.price)}",
        f"checkpoint   {_size(plan.checkpoint)}",
        "",
        f"memory of one GPU in GB, bf16 mixed precision, {plan.micro_batch} samples a forward pass"
        f"{_assumed(supposed.micro_batch)}, nothing offloaded or recomputed:",
        f"  {'strategy':<9}{'weights':>9}{'gradients':>11}{'optimizer':>11}{'gathered':>10}{'activations':>13}"
        f"{'total':>8}  of {plan.gpu.memory_gb}",
    ]
    for name, memory in plan.memory.items():
        parts = (memory.weights, memory.gradients, memory.optimizer, memory.gathered, memory.activations, memory.total)
        cells = "".join(f"{part / 1e9:>{width}.1f}" for part, width in zip(parts, (9, 11, 11, 10, 13, 8), strict=True))
        fits = "fits" if memory.total < 0.92 * plan.gpu.memory_gb * 1e9 else "does not fit"
        lines.append(f"  {name:<9}{cells}  {fits}")
    return "\n".join(lines)


def _gpu(key: str) -> Gpu:
    found = {gpu.key: gpu for gpu in GPUS}
    if key not in found:
        raise ConfigError(f"--gpu {key} is not known; known are {', '.join(found)}.")
    return found[key]


def _assumed(said: object) -> str:
    return " (assumed)" if said is None else ""


def _duration(seconds: float) -> str:
    if seconds < 600:
        return f"{seconds:,.0f} s"
    return f"{seconds / 3600:,.1f} h" if seconds < 72 * 3600 else f"{seconds / 86400:,.1f} days"


def _size(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"
