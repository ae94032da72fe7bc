"""Which documents are worth comparing: those that agree in a band, found band by band and range by range.

Every task reads its bands of all shards, keeps the keys of its range, sorts and groups them. Tasks are independent of
each other and of the number of workers, and none holds more than ``KEYS_PER_TASK`` keys.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bessemer.arrow_files import read_arrow
from bessemer.dedup.corpus import CORPUS_COLUMNS, Corpus
from bessemer.dedup.distinct import distinct
from bessemer.dedup.signatures import band_column
from bessemer.engine import Job, OutputWriter, Stats
from bessemer.text.compiled import kernel

KEYS_PER_TASK = 4_000_000
"""A band with more is cut into ranges; bands with fewer share a task, as each task opens every file."""
_PLACES = 8
"""Of a table for each key: about one key in as many shares its place with another by chance."""
_WORD_PLACES = 32
"""Places in a word of 64 bits."""
CANDIDATES = "candidates"
_LOW = np.uint64(0xFFFFFFFF)


@dataclass(frozen=True)
class CandidateTask:
    """Some of ``all_bands`` and, of their keys, the range ``part`` of ``parts`` equal ones."""

    bands: tuple[int, ...]
    part: int
    parts: int
    all_bands: int

    @property
    def whole_files(self) -> bool:
        """So much of a file of signatures is needed that it is read at once: measured with 2,500 documents in each."""
        return 4 * len(self.bands) >= self.all_bands

    @property
    def name(self) -> str:
        """Unique among the tasks of a corpus."""
        return f"bands-{self.bands[0]:03d}-{self.bands[-1]:03d}-range-{self.part:05d}"


@dataclass(frozen=True)
class Buckets:
    """What the index held, summed over bands.

    Attributes:
        several: buckets with at least two documents.
        capped: of these, how many had more than the cap.
        largest: documents in the largest; 0 if none has two.
        left_out: pairs within capped buckets that were not made, counted for each bucket.
    """

    several: int
    capped: int
    largest: int
    left_out: int


def candidate_tasks(documents: int, bands: int, limit: int = KEYS_PER_TASK) -> list[CandidateTask]:
    """Cut the index into tasks of at most about ``limit`` keys: several bands, or ranges of one."""
    parts = -(-documents // limit) if documents else 1
    group = max(1, limit // max(1, documents))
    group = -(-bands // -(-bands // group))  # as few, of equal size
    return [
        CandidateTask(tuple(range(start, min(start + group, bands))), part, parts, bands)
        for start in range(0, bands, group)
        for part in range(parts)
    ]


def find_candidates(
    signatures: Path, corpus: Corpus, eligible: NDArray[np.bool_], cap: int, job: Job, out: OutputWriter
) -> Stats:
    """Write the distinct pairs of rows that a task finds, as uint64 ``a << 32 | b`` with a < b, ascending.

    Args:
        signatures: folder of signatures.
        corpus: all documents.
        eligible: shape (documents,): those that take part.
        cap: members of a larger bucket are compared with as many of them only: those with the smallest ids.
        job: its payload is a :class:`CandidateTask`.
        out: takes role ``candidates``.
    """
    task: CandidateTask = job.payload
    keys, rows = read_keys(signatures, corpus, eligible, task)
    found = np.empty(0, np.uint64)
    total = np.zeros(4, np.int64)
    for band in range(len(keys)):
        pairs, counts = pairs_in_buckets(keys[band], rows[band], corpus.ids[:, 0], cap)
        total[[0, 1, 3]] += counts[[0, 1, 3]]
        total[2] = max(total[2], counts[2])
        found = distinct(np.concatenate((found, pairs)))
    out.write_arrow(CANDIDATES, job.name, pa.table({"pair": found}))
    return dict(zip(("several", "capped", "largest", "left_out"), total.tolist(), strict=True))


def read_keys(
    signatures: Path, corpus: Corpus, eligible: NDArray[np.bool_], task: CandidateTask
) -> tuple[list[NDArray[np.uint64]], list[NDArray[np.int64]]]:
    """For each band of a task: the keys in its range, and the rows that they belong to."""
    if task.parts == 1:
        rows = np.flatnonzero(eligible)
        return list(_all_keys(signatures, corpus, eligible, task, len(rows))), [rows] * len(task.bands)
    keys: list[list[NDArray[np.uint64]]] = [[] for _ in task.bands]
    places: list[list[NDArray[np.int64]]] = [[] for _ in task.bands]
    for shard, (start, end) in _spans(corpus):
        own = np.flatnonzero(eligible[start:end])
        for band, read in enumerate(_bands_of(signatures, shard, task)):
            values = read.take(own)
            inside = in_range(values, task.part, task.parts)
            keys[band].append(values[inside])
            places[band].append(own[inside] + start)
    return [np.concatenate(parts) for parts in keys], [np.concatenate(parts) for parts in places]


def _all_keys(
    signatures: Path, corpus: Corpus, eligible: NDArray[np.bool_], task: CandidateTask, count: int
) -> NDArray[np.uint64]:
    """Shape (bands, count): all keys, in one array, as the system gives a large one larger pages."""
    keys = np.empty((len(task.bands), count), np.uint64)
    filled = 0
    for shard, (start, end) in _spans(corpus):
        own = eligible[start:end]
        part = slice(filled, filled + int(np.count_nonzero(own)))
        for band, values in enumerate(_bands_of(signatures, shard, task)):
            keys[band, part] = values if part.stop - part.start == len(own) else values[own]
        filled = part.stop
    return keys


def _bands_of(signatures: Path, shard: str, task: CandidateTask) -> Iterator[NDArray[np.uint64]]:
    """The keys of all documents of a shard, band by band."""
    columns = None if task.whole_files else [len(CORPUS_COLUMNS) + band for band in task.bands]
    table = read_arrow(signatures, shard, columns)
    return (table.column(band_column(band)).to_numpy() for band in task.bands)


def _spans(corpus: Corpus) -> Iterator[tuple[str, tuple[int, int]]]:
    return zip(corpus.shards, itertools.pairwise(corpus.starts.tolist()), strict=True)


def pairs_in_buckets(
    keys: NDArray[np.uint64], rows: NDArray[np.int64], rank: NDArray[np.uint64], cap: int
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The pairs of one band, and its counts.

    Args:
        keys: shape (n,): of the band.
        rows: shape (n,), below 2**32: the documents they belong to.
        rank: by row: decides, ascending, which members of a large bucket all others are compared with.
        cap: how many these are, at least 1.

    Returns:
        Pairs ``a << 32 | b`` with a < b, and int64 numbers in the order of :class:`Buckets`.
    """
    shared = _may_repeat(keys, np.zeros(_table_words(len(keys)), np.uint64))
    keys, rows = keys[shared], rows[shared]
    order = np.argsort(keys)
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))) if len(keys) else order
    sizes = np.diff(np.append(starts, len(keys)))
    several = sizes > 1
    starts, sizes = starts[several], sizes[several]
    beyond = np.maximum(sizes - cap, 0)
    left_out = beyond * (beyond - 1) // 2
    pairs = np.empty(int((sizes * (sizes - 1) // 2 - left_out).sum()), np.uint64)
    _fill_pairs(rows[order], rank, starts, sizes, cap, pairs)
    counts = [len(sizes), int((sizes > cap).sum()), int(sizes.max(initial=0)), int(left_out.sum())]
    return pairs, np.array(counts, np.int64)


def merge_candidates(directory: Path, names: Sequence[str]) -> NDArray[np.uint64]:
    """The distinct pairs of all tasks, ascending."""
    merged = np.empty(0, np.uint64)
    for name in names:
        pairs = read_arrow(directory, name).column("pair").to_numpy()
        merged = distinct(np.concatenate((merged, pairs)))
    return merged


def unpack(pairs: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Shape (pairs, 2), int64, of pairs ``a << 32 | b``."""
    return np.stack((pairs >> np.uint64(32), pairs & _LOW), axis=1).astype(np.int64)


def in_range(keys: NDArray[np.uint64], part: int, parts: int) -> NDArray[np.bool_]:
    """Which keys are in one of ``parts``. Keys are random bits: equal ranges of their upper half hold equally many."""
    if parts == 1:
        return np.ones(len(keys), np.bool_)
    inside: NDArray[np.bool_] = ((keys >> np.uint64(32)) * np.uint64(parts)) >> np.uint64(32) == np.uint64(part)
    return inside


def _table_words(keys: int) -> int:
    """A power of two, so that a mask finds the place of a key."""
    return 1 << max(0, _PLACES * keys // _WORD_PLACES - 1).bit_length()


@kernel
def _may_repeat(keys: NDArray[np.uint64], table: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Where keys are that occur more than once, and a few others, ascending: most keys need not be sorted.

    Args:
        keys: random bits; the lower ones choose a place, the upper ones have chosen the range.
        table: zeros, a power of two of them. Of each place, one bit is set when a key has it, the next when two have.
    """
    places, one = np.uint64(_WORD_PLACES), np.uint64(1)
    mask = np.uint64(_WORD_PLACES * len(table) - 1)
    for key in keys:
        word, bit = (key & mask) // places, one << ((key & mask) % places << one)
        table[word] |= bit | ((table[word] & bit) << one)
    found = np.empty(len(keys), np.int64)
    count = 0
    for at in range(len(keys)):
        word, shift = (keys[at] & mask) // places, ((keys[at] & mask) % places << one) + one
        found[count] = at  # overwritten by the next one unless it counts
        count += int((table[word] >> shift) & one)
    return found[:count]


@kernel
def _fill_pairs(
    rows: NDArray[np.int64],
    rank: NDArray[np.uint64],
    starts: NDArray[np.int64],
    sizes: NDArray[np.int64],
    cap: int,
    pairs: NDArray[np.uint64],
) -> None:
    place = 0
    for bucket in range(len(starts)):
        members = rows[starts[bucket] : starts[bucket] + sizes[bucket]]
        if len(members) > cap:
            members = members[np.argsort(rank[members])]
        for i in range(min(cap, len(members) - 1)):
            for j in range(i + 1, len(members)):
                low, high = min(members[i], members[j]), max(members[i], members[j])
                pairs[place] = (np.uint64(low) << np.uint64(32)) | np.uint64(high)
                place += 1
