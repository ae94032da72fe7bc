"""What deduplication of a corpus will take, before it starts: time, memory and disk, from a sample of the documents."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pyarrow.compute as pc

from bessemer.config.dedup import DedupParams
from bessemer.dedup.candidates import KEYS_PER_TASK
from bessemer.dedup.comparison import AT_ONCE
from bessemer.dedup.comparison_plan import shingles_per_task
from bessemer.dedup.corpus import BYTES_PER_DOCUMENT, read_columns
from bessemer.dedup.lsh import banding_for
from bessemer.dedup.minhash import permutations
from bessemer.dedup.signatures import signature_table
from bessemer.errors import ConfigError
from bessemer.shards import read_manifest
from bessemer.text.buffers import TextBuffer
from bessemer.text.parts import parts_of

SAMPLE_SHARDS = 4
BASE_MEMORY = 310_000_000
"""Bytes of the stage on four documents, measured: libraries and compiled kernels."""
STARTUP_S = 2.7
"""Seconds of the stage on four documents, measured with kernels compiled before."""
GATHERED_SHARE = 0.5
"""Largest share of the texts that is expected to be gathered; a corpus with 30 % near copies gathered 0.08 of it."""
SIGNING_SHARE = 0.33
"""Share of the time after the start that signing the sample foretells, measured on 1 GB with 30 % near copies."""
PARTS_SHARE = 0.42
"""Share of the time for repeated lines or paragraphs that finding all lines foretells, measured on the same corpus."""
_KEY_BYTES, _TASK_ROW_BYTES = 8, 42
"""Of each key that a task has read; and of each of the band that it is at: its row (8), its places (2), where it may
repeat (8), and what repeats, sorted (about 60, of 40 % in a corpus with 30 % near copies)."""
_PART_MEMORY, _PART_DISK = 30, 26
"""Bytes for each line or paragraph: while the commonest are counted, if others have them all; where it is, measured."""
_TEXT_BYTES = 6
"""Of text for each shingle, about."""
_SHINGLE_BYTES = 16 + _TEXT_BYTES
"""A shingle in memory while texts are compared: its hash twice, and its text."""


@dataclass(frozen=True)
class Estimate:
    """What a run will take.

    Attributes:
        documents: all of them.
        bytes: UTF-8 bytes of their texts, extrapolated.
        seconds: wall time with ``workers`` threads and an empty shard cache.
        memory: bytes at the peak.
        disk: bytes in the shard cache.
        workers: threads.
    """

    documents: int
    bytes: int
    seconds: float
    memory: int
    disk: int
    workers: int


def estimate(documents: Path, params: DedupParams, workers: int) -> Estimate:
    """Sign a few shards and extrapolate.

    Args:
        documents: shard directory.
        params: of the stage.
        workers: threads.
    """
    manifest = read_manifest(documents)
    count = manifest.totals["rows"]
    by_size = sorted(manifest.shards, key=lambda shard: shard.bytes)
    chosen = [by_size[place] for place in np.linspace(0, len(by_size) - 1, min(SAMPLE_SHARDS, len(by_size)), dtype=int)]
    sampled = [_try(documents, shard.name, params) for shard in [*chosen[:1], *chosen]][
        1:
    ]  # the first compiles kernels
    text, stored = sum(one.bytes for one in sampled), sum(shard.bytes for shard in chosen)
    total = int(text / stored * manifest.totals["bytes"]) if stored else 0
    largest = int(text / stored * by_size[-1].bytes) if stored else 0
    # What a worker frees between signing, candidates and comparing is not given back to the system: the sum counts.
    bands = banding_for(params).bands
    keys, of_band = (min(some, KEYS_PER_TASK) for some in (bands * count, count))
    shingles = shingles_per_task(int(GATHERED_SHARE * total) // _TEXT_BYTES)
    compared = max(workers * shingles, AT_ONCE) * _SHINGLE_BYTES
    a_worker = 4 * largest + keys * _KEY_BYTES + of_band * _TASK_ROW_BYTES
    times = total / text if text else 0.0
    parts = int(sum(one.parts for one in sampled) * times)
    working = sum(one.signing_s / SIGNING_SHARE + one.parting_s / PARTS_SHARE for one in sampled) * times
    return Estimate(
        documents=count,
        bytes=total,
        seconds=STARTUP_S + working / workers,
        memory=BASE_MEMORY + workers * a_worker + compared + count * 2 * BYTES_PER_DOCUMENT + parts * _PART_MEMORY,
        disk=count * (8 * bands + 64) + int(GATHERED_SHARE * total) + parts * _PART_DISK,
        workers=workers,
    )


@dataclass(frozen=True)
class _Sampled:
    """A shard: UTF-8 bytes of its texts, seconds that signing them took, its parts, and seconds that these took."""

    bytes: int
    signing_s: float
    parts: int
    parting_s: float


def _try(documents: Path, name: str, params: DedupParams) -> _Sampled:
    table = read_columns(documents, name, ["id", "text"])
    maps, banding = permutations(params.permutations, params.seed, params.hash_bits), banding_for(params)
    started = time.monotonic()
    signature_table(table, shingle_words=params.shingle_words, maps=maps, banding=banding)
    signed = time.monotonic()
    parts = 0
    if params.parts is not None:
        parts = len(parts_of(TextBuffer.of_column(table.column("text")), params.parts, params.part_words).hashes)
    size = int(pc.sum(pc.binary_length(table.column("text"))).as_py() or 0)
    return _Sampled(size, signed - started, parts, time.monotonic() - signed)


def require_room(needed: Estimate, cache_dir: Path) -> None:
    """Refuse what will not fit.

    Raises:
        ConfigError: memory or the disk of the shard cache is too small; says by how much, and what to do.
    """
    memory = psutil.virtual_memory().available
    if needed.memory > memory:
        raise ConfigError(
            f"dedup of {needed.documents:,} documents with {needed.workers} workers needs about "
            f"{needed.memory / 1e9:.1f} GB of memory and {memory / 1e9:.1f} GB are free; set runtime.workers lower, "
            "or split the sources."
        )
    existing = next(folder for folder in (cache_dir, *cache_dir.parents) if folder.exists())
    disk = shutil.disk_usage(existing).free
    if needed.disk > disk:
        raise ConfigError(
            f"dedup of {needed.documents:,} documents needs about {needed.disk / 1e9:.1f} GB in {cache_dir} and "
            f"{disk / 1e9:.1f} GB are free; move runtime.cache_dir to a larger disk."
        )
