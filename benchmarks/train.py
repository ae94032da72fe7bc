"""Training beside a nanoGPT-style and a Hugging Face-style loop of the same shape: speed, share of peak, memory, loss.

    python -m benchmarks.train [--quick] [--input FOLDER] [--json FILE] [--save]
        [--shape 110m|tiny|124m|1b] [--precision auto|bf16|fp32] [--seconds 60] [--device cpu|cuda] [--no-compile]

Each loop has a process of its own and all threads, one after another (with --quick a step each in turn), on the same
tokens: those in FOLDER/train and FOLDER/val, or the sample's prose in a byte-level BPE made here. Speeds are medians of
steps after the first three. The share of peak counts 6 N + 12 L H Q T operations a token (PaLM) against the best of
1024, 2048 and 4096 square products in bf16, or in the run's precision where that is faster. Precision `auto` is bf16
where the hardware multiplies in it and fp32 where it emulates that; which was taken, and why, is printed. The loss is
of held-out windows after equal time; a compilation is not counted as time. Peers do not keep packed documents apart,
ours does.

--json writes flat keys:
  share_of_gemm_peak   of ours
  vs_nanogpt_loop      how many times its tokens/s ours are, same precision and compiler
  vs_huggingface_loop  likewise
  loader_tokens_per_s  of our loader alone, one core
  peak_memory_mb       of ours
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.command import parser_of, say, show
from benchmarks.instruction_peak import instruction_peak
from benchmarks.sample_tokens import write_sample_tokens
from benchmarks.saved import save
from benchmarks.tables import Table
from benchmarks.train_turns import context_of, train_all
from bessemer.config.pretrain import PretrainParams
from bessemer.model.precision import resolve_precision
from bessemer.model.sizes import ModelSize
from bessemer.tokens.loader import TokenStream, Windows
from bessemer.training.gpus import recognise
from bessemer.training.peak import best_gemm

OURS, NANOGPT, HUGGINGFACE, MUON = "ours", "nanoGPT-style", "Hugging Face-style", "ours, Muon"
DEFAULT = f"{NANOGPT}, fp32"
SHAPES: dict[str, tuple[str, int, int, int]] = {
    # preset, rows of the embedding, sequence length, samples of a step
    "tiny": ("tiny", 8192, 256, 4),
    "110m": ("gpt2-124m", 32768, 512, 4),
    "124m": ("gpt2-124m", 50304, 1024, 32),
    "1b": ("llama-1b", 128_256, 2048, 4),
}
_TOKENIZER = 8192
_QUICK_EVERY = 4
"""With --quick, tokens are made of one in so many texts."""


def main() -> None:
    arguments = _parser().parse_args()
    if arguments.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # our engine takes a GPU where there is one
    device = torch.device(arguments.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    precision = resolve_precision(arguments.precision, device)
    shape = arguments.shape or ("tiny" if arguments.quick else "124m" if device.type == "cuda" else "110m")
    seconds = arguments.seconds or (4.0 if arguments.quick else 60.0)
    compiles = not arguments.no_compile and not arguments.quick
    with tempfile.TemporaryDirectory(prefix="bessemer-") as folder:
        tokens = arguments.input or Path(folder)
        context = context_of(device.type)
        if arguments.input is None:
            say("train", "tokens of the sample")
            write_sample_tokens(tokens, _TOKENIZER, every=_QUICK_EVERY if arguments.quick else 1)
        peaks = _peaks(device, precision, 3.0 if arguments.quick else 30.0)
        loader = loader_speed(tokens / "train", SHAPES[shape][2])
        systems = [OURS, NANOGPT, HUGGINGFACE]
        systems += [] if arguments.quick else [MUON]
        systems += [DEFAULT] if precision == "bf16" else []
        asked = {name: _asked(name, shape, precision, device, tokens.resolve(), compiles) for name in systems}
        told = train_all(asked, seconds, context, together=arguments.quick)
    best = max(peaks.values())
    flat: dict[str, float | None] = {
        "share_of_gemm_peak": round(told[OURS]["tokens_per_s"] * _operations(shape)[0] / best, 4),
        "vs_nanogpt_loop": round(told[OURS]["tokens_per_s"] / told[NANOGPT]["tokens_per_s"], 3),
        "vs_huggingface_loop": round(told[OURS]["tokens_per_s"] / told[HUGGINGFACE]["tokens_per_s"], 3),
        "loader_tokens_per_s": round(loader),
        "peak_memory_mb": round(told[OURS]["memory_mb"], 1),
    }
    how = "compiled" if compiles else "not compiled"
    why = _why(arguments.precision, precision, device)
    tables = [_loops(told, shape, f"{precision}, {how}, {seconds:g} s each", best), _peak_table(peaks, device, why)]
    show(flat, tables, arguments.json)
    if arguments.details:
        details = {
            "shape": shape,
            "precision": precision,
            "loops": told,
            "peaks": peaks,
            "mfu": _mfu(told, shape, device),
        }
        arguments.details.write_text(json.dumps(details, indent=1) + "\n")
    if arguments.save:
        save("train", "Training", flat, tables, (), ("torch", "transformers", "numpy"))


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(
        "train",
        __doc__,
        quick="the tiny shape, 4 s each, not compiled, fewer texts, no Muon",
        given="folder with train and val",
    )
    parser.add_argument("--shape", choices=SHAPES, help="110m on a CPU, 124m on a GPU, tiny with --quick")
    parser.add_argument("--precision", choices=["auto", "bf16", "fp32"], default="auto")
    parser.add_argument("--seconds", type=float, help="of each loop")
    parser.add_argument("--device", choices=["cpu", "cuda"])
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--details", type=Path, help="file to write what each loop came to, as JSON")
    return parser


def parameters_of(shape: str, precision: str) -> dict[str, Any]:
    """Section ``pretrain`` for a shape: rates that are usual for AdamW at such sizes."""
    preset, _, length, samples = SHAPES[shape]
    rate = 3e-3 if preset == "tiny" else 6e-4
    return {
        "model": {"preset": preset},
        "sequence_length": length,
        "batch_tokens": length * samples,
        "tokens": length * samples * 10_000,
        "precision": precision,
        "schedule": {"warmup_tokens": 0},
        "optimizer": {"name": "adamw", "adamw": {"learning_rate": rate, "embedding_learning_rate": rate}},
    }


def loader_speed(folder: Path, length: int, seconds: float = 1.0) -> float:
    """Predicted tokens a second of CPU time of the loader alone."""
    windows = Windows(TokenStream(folder), length, 0)
    size, count = 64, 0
    windows.read(np.arange(size, dtype=np.int64))  # loads what is compiled
    started = time.process_time()
    while time.process_time() - started < seconds:
        windows.read(np.arange(count * size, (count + 1) * size, dtype=np.int64))
        count += 1
    return count * size * length / (time.process_time() - started)


def _asked(
    system: str, shape: str, precision: str, device: torch.device, tokens: Path, compiles: bool
) -> dict[str, Any]:
    default = system == DEFAULT
    return {
        "system": system,
        "device": device.type,
        "vocabulary": SHAPES[shape][1],
        "tokens": str(tokens),
        "compile": compiles and not default,
        "params": parameters_of(shape, "fp32" if default else precision),
    }


def _why(asked: str, precision: str, device: torch.device) -> str:
    """Where the precision is from."""
    if asked != "auto":
        return f"{precision} was asked for"
    if precision == "bf16":
        return "bf16, in which this hardware multiplies"
    missing = "neither avx512_bf16 nor amx_bf16" if device.type == "cpu" else "no bf16"
    return f"fp32, for this hardware has {missing} and only emulates products in bf16"


def _peaks(device: torch.device, precision: str, budget_s: float) -> dict[str, float]:
    say("train", "square products")
    dtypes = {"bf16": torch.bfloat16} | ({"fp32": torch.float32} if precision == "fp32" else {})
    return {name: best_gemm(device, dtype, budget_s)[0] for name, dtype in dtypes.items()}


def _operations(shape: str) -> tuple[int, int]:
    preset, rows, length, _ = SHAPES[shape]
    params = PretrainParams.model_validate(parameters_of(shape, "fp32") | {"model": {"preset": preset}})
    return ModelSize.of(params.model, rows).flops_per_token(length)


def _mfu(told: Mapping[str, Mapping[str, Any]], shape: str, device: torch.device) -> dict[str, float] | None:
    """Each loop's share of what a GPU's vendor states, attention counted whole (PaLM); None if it states nothing."""
    gpu = recognise(torch.cuda.get_device_name(device)) if device.type == "cuda" else None
    if gpu is None:
        return None
    return {system: round(it["tokens_per_s"] * _operations(shape)[0] / gpu.peak, 4) for system, it in told.items()}


def _loops(told: Mapping[str, Mapping[str, Any]], shape: str, how: str, peak: float) -> Table:
    palm = _operations(shape)[0]
    rows = [
        [
            system,
            f"{it['tokens_per_s']:,.0f}",
            "" if system == OURS else f"{told[OURS]['tokens_per_s'] / it['tokens_per_s']:.3f}",
            f"{it['tokens_per_s'] * palm / peak:.1%}",
            f"{it['memory_mb']:,.0f}",
            f"{it['held_out']:.3f}",
            f"{it['steps']:,}",
            f"{it['first_s']:.1f}",
            f"{it['parameters'] / 1e6:,.1f}",
        ]
        for system, it in told.items()
    ]
    columns = [
        "loop", "tokens/s", "ours is times", "of peak", "memory MB", "held-out nats", "steps", "first 3 steps s", "M"
    ]  # fmt: skip
    _, vocabulary, length, samples = SHAPES[shape]
    threads = told[OURS]["threads"]
    note = (
        f"{shape}, {vocabulary:,} tokens in the vocabulary, {samples} samples of {length} a step, {threads} threads, "
        f"{how}. The share of peak counts our model's operations for all; `{DEFAULT}` is that loop as it comes."
    )
    return Table("Loops", note, columns, rows)


def _peak_table(peaks: Mapping[str, float], device: torch.device, why: str) -> Table:
    rows = [[f"best square product, {name}", f"{flops / 1e9:,.1f}"] for name, flops in peaks.items()]
    if device.type == "cpu":
        found, threads = instruction_peak(), torch.get_num_threads()
        if found is not None:
            rows.append([f"multiply-add instructions, fp32, {threads} threads", f"{found.fp32 * threads / 1e9:,.1f}"])
            told = f"{found.bf16 * threads / 1e9:,.1f}" if found.bf16 else "no such instruction"
            rows.append([f"multiply-add instructions, bf16, {threads} threads", told])
    note = f"GFLOP/s. Loops ran in {why}. Instructions are measured on one thread and multiplied; AMX is not tried."
    return Table("Peaks", note, ["what", "GFLOP/s"], rows)


if __name__ == "__main__":
    main()
