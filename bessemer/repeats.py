"""Which lines or paragraphs are cut out of which kept documents, so that only the best of them keep each.

It is decided among the documents that the policy and the choice between duplicates leave, for else a part could be cut
everywhere: out of one document for the sake of another that is itself dropped.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from numpy.typing import NDArray

from bessemer.config.curate import DuplicateRules
from bessemer.corpus import CorpusPaths, read_numbers
from bessemer.cutting import Parts
from bessemer.filters.rules import Policy, Reason
from bessemer.identifiers import codes_of, from_hex
from bessemer.look_alikes import priority_rank
from bessemer.progress import Progress
from bessemer.shards import read_manifest, read_shard, require_made_from
from bessemer.survivors import CorpusDuplicates

if TYPE_CHECKING:
    from bessemer.dedup.keepers import Cuts


@dataclass(frozen=True)
class Repeats:
    """What repeated parts mean for the documents of one shard.

    Attributes:
        rows: int64, ascending: rows of documents that would lose too much and are dropped.
        values, thresholds: float64: for each of these the share of its bytes that it would lose and the largest
            allowed; if that is kept to, the words that it would keep and the fewest allowed.
        cut: what the other documents lose.
    """

    rows: NDArray[np.int64]
    values: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    cut: Parts

    @classmethod
    def none(cls) -> "Repeats":
        """Nothing is cut in the shard."""
        return cls(np.empty(0, np.int64), np.empty(0), np.empty(0), Parts.none())

    @property
    def digest(self) -> str:
        """Digest of all of it: what a job that applies it depends on."""
        arrays = (self.rows, self.values, self.thresholds, self.cut.rows, self.cut.starts, self.cut.ends)
        return xxhash.xxh3_128_hexdigest(b"\0".join(array.tobytes() for array in arrays))


def find_repeats(
    paths: CorpusPaths,
    policy: Policy,
    rules: DuplicateRules,
    duplicates: CorpusDuplicates,
    bar: Progress | None = None,
) -> dict[str, Repeats]:
    """Walk the documents from best to worst; each loses the parts that ``rules.part_copies`` before it kept.

    What a document repeats within itself is left alone: the policy has limits for that. A document that would lose too
    much, or come out shorter than the policy allows, is dropped, unless it stands for duplicates: then it stays whole.
    Memory is about 100 bytes for each place of a part that several documents have, and 200 for each such document.

    Args:
        paths: the documents and their sidecars.
        policy: a document that breaks a limit takes no part.
        rules: priority, copies and the largest share that a document may lose.
        duplicates: they take no part either.
        bar: advanced by one per shard.

    Returns:
        Shard to what is cut; shards where nothing is are left out.

    Raises:
        DataError: the parts are those of other documents.
    """
    if rules.part_copies is None or not paths.parts.exists():
        return {}
    require_made_from(paths.parts, paths.documents, "dedup")
    shards = read_manifest(paths.documents).shards
    count = sum(shard.rows for shard in shards)
    stays, needed = np.ones(count, np.bool_), np.zeros(count, np.bool_)
    stays[duplicates.rows], needed[duplicates.evidence] = False, True
    found: list[tuple[pa.Table, pa.Table]] = []
    row = before = 0
    for shard in shards:
        own = slice(row, row + shard.rows)
        found.append(_kept_parts(paths, policy, shard.name, stays[own], needed[own], before))
        row += shard.rows
        before += found[-1][0].num_rows
        if bar is not None:
            bar.advance()
    if not found:
        return {}
    documents, parts = (pa.concat_tables(tables) for tables in zip(*found, strict=True))
    order = codes_of(from_hex(documents.column("id")))
    documents = documents.append_column("id_order", pa.array(order))
    fewest = next((int(rule.threshold) for rule in policy.rules if rule.reason is Reason.TOO_SHORT), 1)
    limit = 1.0 if rules.max_cut_fraction is None else rules.max_cut_fraction
    cuts = _choose(documents, parts, rules, limit, max(1, fewest))
    over = cuts.fractions > limit
    values, thresholds = np.where(over, cuts.fractions, cuts.left), np.where(over, limit, max(1, fewest))
    return _by_shard(
        [shard.name for shard in shards], [own.num_rows for own, _ in found], documents, parts, cuts, values, thresholds
    )


def _choose(documents: pa.Table, parts: pa.Table, rules: DuplicateRules, limit: float, fewest_words: int) -> "Cuts":
    from bessemer.dedup.keepers import Holders, choose_keepers  # who looks for no parts need not wait for a compiler

    counts = np.bincount(parts.column("document").to_numpy(), minlength=documents.num_rows)
    start, end = parts.column("start").to_numpy(), parts.column("end").to_numpy()
    holders = Holders(
        order=np.argsort(priority_rank(documents, rules.priority)),
        bounds=np.concatenate(([0], np.cumsum(counts))),
        part=np.unique(parts.column("hash").to_numpy(), return_inverse=True)[1],
        size=end - start,
        words=parts.column("words").to_numpy().astype(np.int64),
        document_bytes=documents.column("bytes").to_numpy(),
        document_words=documents.column("words").to_numpy(),
        needed=documents.column("needed").to_numpy(),
    )
    assert rules.part_copies is not None
    return choose_keepers(holders, rules.part_copies, limit, fewest_words)


def _by_shard(
    names: list[str],
    counts: list[int],
    documents: pa.Table,
    parts: pa.Table,
    cuts: "Cuts",
    values: NDArray[np.float64],
    thresholds: NDArray[np.float64],
) -> dict[str, Repeats]:
    """What is cut and dropped in each shard, given how many of the documents each has."""
    document, rows = parts.column("document").to_numpy(), documents.column("row").to_numpy()
    start, end = parts.column("start").to_numpy(), parts.column("end").to_numpy()
    firsts = np.concatenate(([0], np.cumsum(counts)))
    gone, taken = np.flatnonzero(cuts.dropped), np.flatnonzero(cuts.cut)
    owner = document[taken]
    repeats = {}
    for place, shard in enumerate(names):
        own = gone[np.searchsorted(gone, firsts[place]) : np.searchsorted(gone, firsts[place + 1])]
        first, last = np.searchsorted(owner, firsts[place : place + 2])
        if len(own) or last > first:
            cut = taken[first:last]
            lost = Parts(rows[owner[first:last]], start[cut], end[cut])
            repeats[shard] = Repeats(rows[own], values[own], thresholds[own], lost)
    return repeats


def _kept_parts(
    paths: CorpusPaths,
    policy: Policy,
    shard: str,
    stays: NDArray[np.bool_],
    needed: NDArray[np.bool_],
    before: int,
) -> tuple[pa.Table, pa.Table]:
    """Kept documents of a shard with repeated parts; and these, each with the place of its document.

    Places are counted from ``before`` on. ``stays`` says which documents of the shard are no duplicates, ``needed``
    which stand for some.
    """
    cut = any(rule.reason is Reason.CONTAMINATED_REST for rule in policy.rules)
    names = ["language", *policy.columns, "words", "classifier_score", *(["spans", "clean_words"] if cut else [])]
    numbers = read_numbers(paths, shard, list(dict.fromkeys(names)))
    kept = policy.judge(numbers).passed & stays
    parts = read_shard(paths.parts, shard, ["row", "start", "end", "hash", "words", "document_bytes"])
    parts = parts.filter(pa.array(kept[parts.column("row").to_numpy()]))
    words = numbers.column("words").cast(pa.int64())
    if cut:  # what goes as evaluation text is neither kept nor lost as a repeat
        parts = parts.filter(pa.array(_outside(parts, Parts.of_lists(numbers.column("spans"), kept))))
        words = pc.coalesce(numbers.column("clean_words").cast(pa.int64()), words)
    rows, first, document = np.unique(parts.column("row").to_numpy(), return_index=True, return_inverse=True)
    chosen = pa.array(rows)
    documents = pa.table(
        {
            "id": numbers.column("id").take(chosen),
            "words": words.take(chosen),
            "quality": numbers.column("classifier_score").cast(pa.float64()).take(chosen),
            "date": read_shard(paths.documents, shard, ["date"]).column("date").take(chosen),
            "row": pa.array(rows.astype(np.int64)),
            "bytes": parts.column("document_bytes").take(pa.array(first)),
            "needed": pa.array(needed[rows]),
        }
    )
    places = pa.array(document.astype(np.int64) + before)
    return documents, parts.select(["start", "end", "hash", "words"]).append_column("document", places)


def _outside(parts: pa.Table, spans: Parts) -> NDArray[np.bool_]:
    """Shape (parts,): those that share no byte with a span of their row. ``parts`` are ascending by row."""
    row, start, end = (parts.column(name).to_numpy() for name in ("row", "start", "end"))
    outside = np.ones(len(row), np.bool_)
    for place, first, last in zip(spans.rows.tolist(), spans.starts.tolist(), spans.ends.tolist(), strict=True):
        own = slice(*np.searchsorted(row, (place, place + 1)).tolist())
        outside[own] &= (end[own] <= first) | (start[own] >= last)
    return outside
