"""Which lines or paragraphs are cut out of which kept documents, so that only the best of them keep each.

It is decided among the documents that the policy and the choice between duplicates leave, for else a part could be cut
everywhere: out of one document for the sake of another that is itself dropped.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from bessemer.config.curate import DuplicateRules
from bessemer.corpus import CorpusPaths, read_numbers
from bessemer.filters.rules import Policy
from bessemer.shards import read_shard, shard_names
from bessemer.survivors import Duplicates, priority_rank
from bessemer.text.compiled import kernel


@dataclass(frozen=True)
class Repeats:
    """What repeated parts mean for the documents of one shard.

    Attributes:
        rows: int64, ascending: rows of documents that would lose too much and are dropped.
        fractions: float64: the share of the text's bytes that each of these would lose.
        cut_rows: int64, ascending: rows of the other documents that lose parts, once for each part.
        cut_starts, cut_ends: int64, ascending in a row: the bytes of the text that go.
    """

    rows: NDArray[np.int64]
    fractions: NDArray[np.float64]
    cut_rows: NDArray[np.int64]
    cut_starts: NDArray[np.int64]
    cut_ends: NDArray[np.int64]

    @classmethod
    def none(cls) -> "Repeats":
        """Nothing is cut in the shard."""
        empty = np.empty(0, np.int64)
        return cls(empty, np.empty(0), empty, empty, empty)

    @property
    def digest(self) -> str:
        """Digest of all of it: what a job that applies it depends on."""
        return xxhash.xxh3_128_hexdigest(b"\0".join(value.tobytes() for value in vars(self).values()))


def find_repeats(
    paths: CorpusPaths, policy: Policy, rules: DuplicateRules, duplicates: Mapping[str, Duplicates]
) -> dict[str, Repeats]:
    """Walk the documents from best to worst; each loses the parts that ``rules.part_copies`` before it kept.

    What a document repeats within itself is left alone: the policy has limits for that. Memory is about 40 bytes for
    each part that is in several documents, and 150 for each document with such parts.

    Args:
        paths: the documents and their sidecars.
        policy: a document that breaks a limit takes no part.
        rules: priority, copies and the largest share that a document may lose.
        duplicates: by shard; they take no part either.

    Returns:
        Shard to what is cut; shards where nothing is are left out.
    """
    if rules.part_copies is None or not paths.parts.exists():
        return {}
    names = shard_names(paths.parts)
    found = [_kept_parts(paths, policy, shard, duplicates.get(shard, Duplicates.none())) for shard in names]
    documents = pa.concat_tables([own for own, _ in found])
    parts = pa.concat_tables([own for _, own in found])
    counts = np.concatenate(
        [np.bincount(own.column("document").to_numpy(), minlength=one.num_rows) for one, own in found]
    )
    bounds = np.concatenate(([0], np.cumsum(counts)))
    order = np.argsort(priority_rank(documents, rules.priority))
    values, part = np.unique(parts.column("hash").to_numpy(), return_inverse=True)
    start, end = parts.column("start").to_numpy(), parts.column("end").to_numpy()
    cut, fractions = np.zeros(len(part), np.bool_), np.zeros(len(counts))
    dropped = np.zeros(len(counts), np.bool_)
    _choose(
        order,
        bounds,
        part,
        end - start,
        documents.column("bytes").to_numpy(),
        rules.part_copies,
        1.0 if rules.max_cut_fraction is None else rules.max_cut_fraction,
        np.zeros(len(values), np.int64),
        np.full(len(values), -1, np.int64),
        cut,
        fractions,
        dropped,
    )
    of_shard = np.concatenate(([0], np.cumsum([own.num_rows for own, _ in found])))
    rows, repeats = documents.column("row").to_numpy(), {}
    owner = np.repeat(np.arange(len(counts)), counts)
    for place, shard in enumerate(names):
        first, last = of_shard[place], of_shard[place + 1]
        gone = first + np.flatnonzero(dropped[first:last])
        taken = bounds[first] + np.flatnonzero(cut[bounds[first] : bounds[last]])
        if len(gone) or len(taken):
            repeats[shard] = Repeats(rows[gone], fractions[gone], rows[owner[taken]], start[taken], end[taken])
    return repeats


def _kept_parts(paths: CorpusPaths, policy: Policy, shard: str, duplicates: Duplicates) -> tuple[pa.Table, pa.Table]:
    """Kept documents of a shard with repeated parts, and these, each with the place of its document in the first."""
    names = [*policy.columns, "words", "classifier_score"]
    numbers = read_numbers(paths, shard, list(dict.fromkeys(names)))
    kept = policy.judge(numbers).passed
    kept[duplicates.rows] = False
    parts = read_shard(paths.parts, shard, ["row", "start", "end", "hash", "document_bytes"])
    parts = parts.filter(pa.array(kept[parts.column("row").to_numpy()]))
    rows, first, document = np.unique(parts.column("row").to_numpy(), return_index=True, return_inverse=True)
    chosen = pa.array(rows)
    documents = pa.table(
        {
            "id": numbers.column("id").take(chosen),
            "words": numbers.column("words").cast(pa.int64()).take(chosen),
            "quality": numbers.column("classifier_score").cast(pa.float64()).take(chosen),
            "date": read_shard(paths.documents, shard, ["date"]).column("date").take(chosen),
            "row": pa.array(rows.astype(np.int64)),
            "bytes": parts.column("document_bytes").take(pa.array(first)),
        }
    )
    return documents, parts.select(["start", "end", "hash"]).append_column("document", pa.array(document))


@kernel
def _choose(
    order: NDArray[np.int64],
    bounds: NDArray[np.int64],
    part: NDArray[np.int64],
    size: NDArray[np.int64],
    total: NDArray[np.int64],
    copies: int,
    limit: float,
    holders: NDArray[np.int64],
    latest: NDArray[np.int64],
    cut: NDArray[np.bool_],
    fractions: NDArray[np.float64],
    dropped: NDArray[np.bool_],
) -> None:
    """Fill ``cut`` (by part), ``fractions`` and ``dropped`` (by document).

    ``holders`` counts for each distinct part the documents walked that have it, ``latest`` is the last of these.
    """
    for document in order:
        lost = 0
        for place in range(bounds[document], bounds[document + 1]):
            if latest[part[place]] != document:
                latest[part[place]] = document
                holders[part[place]] += 1
            if holders[part[place]] > copies:
                cut[place] = True
                lost += size[place]
        fractions[document] = lost / max(total[document], 1)
        if fractions[document] > limit or lost == total[document]:
            dropped[document] = True
            for place in range(bounds[document], bounds[document + 1]):
                cut[place] = False
                if latest[part[place]] == document:
                    latest[part[place]] = -1
                    holders[part[place]] -= 1
