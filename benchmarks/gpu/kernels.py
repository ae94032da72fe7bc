"""Attention on packed documents and the chunked loss: each backend that runs here against fp32, and its time.

    python -m benchmarks.gpu.kernels [--device cuda|cpu] [--json FILE]

The reference is the same model in fp32 with plain matrix products (`eager`) on the same weights and documents. What is
compared are loss and gradients of two layers; the error of a gradient is the norm of the difference over its own.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.tables import Table
from bessemer.config.model import ModelParams
from bessemer.errors import ConfigError
from bessemer.model.attention import BACKENDS, choose_backend
from bessemer.model.modeling import BessemerForCausalLM
from bessemer.model.presets import build_model

_VOCABULARY = {"cuda": 50_304, "cpu": 1024}
_LENGTH = {"cuda": 2048, "cpu": 128}
_PRESET = {"cuda": "gpt2-124m", "cpu": "tiny"}
"""Small on a CPU, which may have to emulate bf16."""
_REPEATS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    inputs = _inputs(device)
    reference = _gradients(_model("eager", device), inputs, autocast=False)
    told: dict[str, Any] = {}
    for backend in BACKENDS:
        for autocast in (False, True):
            name = f"{backend}, {'bf16' if autocast else 'fp32'}"
            try:
                choose_backend(backend, device, torch.bfloat16 if autocast else torch.float32)
            except ConfigError as error:
                told[name] = {"obstacle": str(error)}
                continue
            try:
                told[name] = _measured(backend, device, inputs, reference, autocast=autocast)
            except Exception as error:  # a kernel that fails on a device is a finding, and the others are wanted
                told[name] = {"failed": f"{type(error).__name__}: {error}".strip().splitlines()[0]}
    rows = [
        [
            name,
            *([f"{it['loss_error']:.1e}", f"{it['gradient_error']:.1e}", f"{it['ms']:.2f}"] if "ms" in it else "---"),
            it.get("failed", ""),
        ]
        for name, it in told.items()
    ]
    note = (
        f"two layers of {_PRESET[device.type]}, {_LENGTH[device.type]} tokens of packed documents, against eager fp32."
    )
    print(
        Table(
            "Kernels", note, ["backend", "loss error", "gradient error", "ms forward + backward", "failed"], rows
        ).text()
    )
    if arguments.json:
        arguments.json.write_text(json.dumps(told, indent=1) + "\n")


def _measured(
    backend: str,
    device: torch.device,
    inputs: dict[str, Tensor],
    reference: tuple[float, dict[str, Tensor]],
    *,
    autocast: bool,
) -> dict[str, float]:
    model = _model(backend, device)
    loss, gradients = _gradients(model, inputs, autocast=autocast)
    errors = {key: float((gradients[key] - value).norm() / value.norm()) for key, value in reference[1].items()}
    return {
        "loss_error": abs(loss - reference[0]) / abs(reference[0]),
        "gradient_error": max(errors.values()),
        "ms": _milliseconds(model, inputs, autocast, device),
    }


def _inputs(device: torch.device) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    length = _LENGTH[device.type]
    tokens = torch.randint(_VOCABULARY[device.type], (2, length + 1), generator=generator)
    ends = (torch.rand(2, length, generator=generator) < 0.02).cumsum(dim=1)
    inputs = {"input_ids": tokens[:, :-1], "shift_labels": tokens[:, 1:], "document_ids": ends}
    return {name: tensor.contiguous().to(device) for name, tensor in inputs.items()}


def _model(backend: str, device: torch.device) -> BessemerForCausalLM:
    params = ModelParams.model_validate({"preset": _PRESET[device.type], "layers": 2, "context_length": 2048})
    return build_model(params, _VOCABULARY[device.type], seed=0, attention=backend).to(device).train()


def _gradients(
    model: BessemerForCausalLM, inputs: dict[str, Tensor], *, autocast: bool
) -> tuple[float, dict[str, Tensor]]:
    model.zero_grad(set_to_none=True)
    loss = _forward_backward(model, inputs, autocast)
    found = {name: item.grad.float() for name, item in model.named_parameters() if item.grad is not None}
    return float(loss), {name: gradient.clone() for name, gradient in found.items()}


def _forward_backward(model: BessemerForCausalLM, inputs: dict[str, Tensor], autocast: bool) -> Tensor:
    device = inputs["input_ids"].device
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=autocast):
        loss: Tensor = model(**inputs, num_items_in_batch=inputs["input_ids"].numel()).loss
    loss.backward()
    return loss.detach()


def _milliseconds(model: BessemerForCausalLM, inputs: dict[str, Tensor], autocast: bool, device: torch.device) -> float:
    times = []
    for _ in range(_REPEATS if device.type == "cuda" else 3):
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        began = time.perf_counter()
        _forward_backward(model, inputs, autocast)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - began)
    return 1e3 * min(times)


if __name__ == "__main__":
    main()
