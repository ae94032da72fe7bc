"""The loader, beside a plain loop over a mapped array: tokens a second on one core.

    python -m benchmarks.loader [--quick] [--input DIRECTORY] [--json FILE] [--save]

Ours is what training calls for each micro-batch (`bessemer.training.samples.collate`): samples by their global number
in the keyed order, with inputs, targets and the document of each target, as tensors. The plain loop is the usual one
for a flat file of tokens: windows at random places of a mapped uint16 array, each cast to int64 and stacked, inputs and
targets, and no documents; the array stays open. Both are pinned to one core, with one thread, and take turns over the
same tokens, which are in the page cache; the first pass of each is not counted. The tokens are generated, in four
shards of documents with lengths as the web has them (log-normal, 330 tokens in the middle), or given.

--json writes flat keys:
  loader_tokens_per_s        ours, predicted tokens a second of CPU time, samples of 1,024 tokens
  vs_numpy_loop              how many times the speed of the plain loop that is
  loader_best_fit_per_s      the same with best-fit packing
  loader_mixture_per_s       the same with a mixture of sources
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.command import parser_of, say, show
from benchmarks.saved import save
from benchmarks.tables import Table
from benchmarks.workers import measured_core
from bessemer.config.pretrain import PretrainParams
from bessemer.errors import BessemerError
from bessemer.tokens.arrange import arrange
from bessemer.tokens.by_source import count_sources
from bessemer.tokens.directory import write_token_directory
from bessemer.tokens.loader import TokenStream
from bessemer.training.samples import collate

LENGTHS = (256, 1024, 2048, 4096)
MICRO_BATCH = 16_384
"""Tokens of a micro-batch."""
PLAIN = "plain numpy loop"
SYSTEMS = ("ours", "ours, best fit", "ours, mixture", PLAIN)
Read = Callable[[int], int]
"""Reads the micro-batch with a number; its predicted tokens."""


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        tokens: generated, if none are given.
        rounds: turns of every system.
        read: tokens that each reads in a turn.
    """

    tokens: int
    rounds: int
    read: int


FULL = Size(60_000_000, 9, 4_000_000)
QUICK = Size(8_000_000, 5, 1_000_000)


def main() -> None:
    """Measure and print; write what is asked for."""
    parser = parser_of(
        "loader", __doc__, quick="fewer tokens, fewer rounds", given="token directory, instead of generated documents"
    )
    asked = parser.parse_args()
    size = QUICK if asked.quick else FULL
    core = measured_core()
    if core is not None:
        os.sched_setaffinity(0, {core})
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory(prefix="bessemer-bench-") as folder:
            tokens = asked.input or generated(Path(folder) / "tokens", size.tokens)
            flat, table = measure_all(TokenStream(tokens), Path(folder), size)
    except (BessemerError, OSError) as error:
        sys.exit(f"benchmarks.loader: {error}")
    show(flat, [table], asked.json)
    if asked.save:
        save("loader", "The loader, measured", flat, [table], (), ("numba", "numpy", "torch"))


def generated(directory: Path, tokens: int) -> Path:
    """A token directory of four shards with about so many tokens in all."""
    generator = np.random.default_rng(0)
    shards = []
    for _ in range(4):
        sizes = np.maximum(1, generator.lognormal(5.8, 1.1, tokens // 4 // 600)).astype(np.int64)
        shards.append([np.append(generator.integers(3, 50_000, size - 1, dtype=np.uint16), 2) for size in sizes])
    write_token_directory(directory, shards, vocab_size=50_000)
    return directory


def measure_all(stream: TokenStream, folder: Path, size: Size) -> tuple[dict[str, float | None], Table]:
    """Speeds of all systems at all lengths."""
    rows, flat = [], {}
    path = flat_file(stream, folder)
    for length in LENGTHS:
        say("loader", f"samples of {length:,} tokens")
        speeds = measure(systems_of(stream, path, length, folder), size)
        for name, speed in speeds.items():
            rows.append([name, f"{length:,}", f"{speed:,.0f}", f"{speed / speeds[PLAIN]:.2f}"])
        if length == 1024:
            ours, best_fit, mixture, plain = (speeds[name] for name in SYSTEMS)
            flat = {
                "loader_tokens_per_s": round(ours),
                "vs_numpy_loop": round(ours / plain, 3),
                "loader_best_fit_per_s": round(best_fit),
                "loader_mixture_per_s": round(mixture),
            }
    note = (
        f"predicted tokens a second of CPU time on one core, medians of {size.rounds} rounds in turn, micro-batches of "
        f"{MICRO_BATCH:,} tokens out of {stream.total_tokens:,} in {stream.documents:,} documents. The plain loop "
        "knows of no documents."
    )
    return flat, Table("Loader", note, ["system", "sample", "tokens/s", "times the plain loop"], rows)


def systems_of(stream: TokenStream, path: Path, length: int, folder: Path) -> dict[str, Read]:
    """Every system, ready to read."""
    device = torch.device("cpu")
    weights = dict.fromkeys(count_sources(stream.directory), 1.0)
    asked: dict[str, dict[str, Any]] = {
        "ours": {},
        "ours, best fit": {"packing": "best_fit"},
        "ours, mixture": {"mixture": {"phases": [{"weights": weights}]}},
    }
    found: dict[str, Read] = {}
    for name, changes in asked.items():
        values = {"sequence_length": length, "batch_tokens": MICRO_BATCH, "model": {"context_length": length}}
        reader = arrange(stream, PretrainParams.model_validate(values | changes), folder)

        def read(number: int, reader: Any = reader) -> int:
            count = MICRO_BATCH // length
            collate(reader, np.arange(number * count, (number + 1) * count), device)
            return int(reader.predicted(number * count, (number + 1) * count))

        found[name] = read
    found[PLAIN] = plain_loop(np.memmap(path, dtype=np.uint16, mode="r"), length)
    return found


def plain_loop(tokens: Any, length: int) -> Read:
    """Windows at random places of one array."""
    generator = torch.Generator().manual_seed(0)
    count = MICRO_BATCH // length

    def read(_: int) -> int:
        starts = torch.randint(len(tokens) - length, (count,), generator=generator).tolist()
        inputs, targets = (
            torch.stack([torch.from_numpy(tokens[at + shift : at + shift + length].astype(np.int64)) for at in starts])
            for shift in (0, 1)
        )
        return int(inputs.numel() and targets.numel())

    return read


def measure(systems: dict[str, Read], size: Size) -> dict[str, float]:
    """Median tokens a second of each system; they take turns, and go on where they were."""
    steps = max(1, size.read // MICRO_BATCH)
    found: dict[str, list[float]] = {name: [] for name in systems}
    for turn in range(size.rounds + 1):
        for name, read in systems.items():
            started, tokens = time.process_time(), 0
            for number in range(turn * steps, (turn + 1) * steps):
                tokens += read(number)
            if turn:
                found[name].append(tokens / (time.process_time() - started))
    return {name: statistics.median(speeds) for name, speeds in found.items()}


def flat_file(stream: TokenStream, folder: Path) -> Path:
    """All tokens of a stream as uint16, as the plain loop wants them."""
    path = folder / "flat.bin"
    with path.open("wb") as file:
        for start in range(0, stream.total_tokens, 1 << 24):
            part = stream.slice(start, min(1 << 24, stream.total_tokens - start))
            file.write(part.astype(np.uint16).tobytes())
    return path


if __name__ == "__main__":
    main()
