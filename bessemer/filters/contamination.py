"""Overlap of documents with evaluation sets, in word n-grams, with attribution to set and item.

An n-gram counts only if it is informative: rules, dots and columns of figures occur everywhere and prove nothing.
Licences and notices, whose words are informative, are told by :mod:`bessemer.filters.boilerplate`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bessemer.text.ngrams import Ngrams, ngrams_of, sliding_hashes, whole_hash
from bessemer.text.words import Words, word_spans, words_of


@dataclass(frozen=True)
class Item:
    """One text that models are judged by: the name of its set, its id there, and the text."""

    evaluation: str
    id: str
    text: str


@dataclass(frozen=True)
class Index:
    """The informative n-grams of all items.

    Attributes:
        names: name of the set of each item.
        ids: id of each item in its set.
        sizes: shape (items,), int64: distinct informative n-grams of each item.
        hashes: shape (entries,), uint64, ascending: n-grams, once for each item that has them.
        owners: shape (entries,), int64: the item.
        lengths: the n of the n-grams: that of the parameters, and those of short items that are looked for whole.
    """

    names: tuple[str, ...]
    ids: tuple[str, ...]
    sizes: NDArray[np.int64]
    hashes: NDArray[np.uint64]
    owners: NDArray[np.int64]
    lengths: tuple[int, ...]


@dataclass(frozen=True)
class Overlap:
    """What a batch of n documents shares with the evaluation sets; arrays of shape (n,).

    Attributes:
        evaluation: the set with most hits (of several, that with the largest ``reverse_overlap``); None without a hit.
        item: the item of that set of which the largest share was found; None without a hit.
        overlap: float32: places of the document's n-grams that are in that set, of all its places.
        hits: int32: those places.
        reverse_overlap: float32: largest share of one item's n-grams that the document has, over all sets.
        reverse_evaluation, reverse_item: set and id of that item, which need not be of ``evaluation``; None without a
            hit.
        spans: first byte and end of each stretch of the text that is shared, with a margin, one after another; empty
            without a hit.
        clean_words: words outside of them; None without a hit.
    """

    evaluation: list[str | None]
    item: list[str | None]
    overlap: NDArray[np.float32]
    hits: NDArray[np.int32]
    reverse_overlap: NDArray[np.float32]
    reverse_evaluation: list[str | None]
    reverse_item: list[str | None]
    spans: list[list[int]]
    clean_words: list[int | None]


@dataclass(frozen=True)
class Hits:
    """What a document has of an index.

    Attributes:
        document: its number in the batch.
        ngrams: its n-grams that are in the index, with repetitions.
        places: places where one of its n-grams starts, for the length that gives most of them.
        words: shape (words of the document,), bool: those in such an n-gram.
    """

    document: int
    ngrams: NDArray[np.uint64]
    places: int
    words: NDArray[np.bool_]


NOTHING = np.empty(0, np.uint64)


def build_index(
    items: Sequence[Item],
    *,
    ngram_words: int,
    shortest_item_words: int,
    informative_words: int,
    boilerplate: NDArray[np.uint64] = NOTHING,
) -> Index:
    """Index the informative n-grams of evaluation items.

    Args:
        items: in an order that the caller fixes.
        ngram_words: n.
        shortest_item_words: an item of fewer than n words, but at least this many, is one n-gram of all its words.
        informative_words: distinct words with a letter that an n-gram needs.
        boilerplate: n-grams that do not count, nor do the words in them for the n-grams around.
    """
    words = words_of(item.text for item in items)
    counted = words.alphabetic & ~_covered(words, ngram_words, boilerplate)
    informative = _informative(words, counted, ngram_words, informative_words)
    lengths = {ngram_words}
    hashes, owners = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    for number in range(len(items)):
        start, end = int(words.offsets[number]), int(words.offsets[number + 1])
        if end - start >= ngram_words:
            found = sliding_hashes(words.hashes[start:end], ngram_words)
            found = np.unique(found[informative[start : end - ngram_words + 1]])
        elif end - start >= shortest_item_words and _distinct_lettered(words, start, end) >= informative_words:
            found = np.setdiff1d(np.array([whole_hash(words.hashes[start:end])], np.uint64), boilerplate)
            lengths.add(end - start)
        else:
            continue
        hashes.append(found)
        owners.append(np.full(len(found), number, np.int64))
    entries, owner = np.concatenate(hashes), np.concatenate(owners)
    order = np.lexsort((owner, entries))
    return Index(
        names=tuple(item.evaluation for item in items),
        ids=tuple(item.id for item in items),
        sizes=np.bincount(owner, minlength=len(items)),
        hashes=entries[order],
        owners=owner[order],
        lengths=tuple(sorted(lengths)),
    )


def overlaps(texts: Sequence[str], index: Index, margin_words: int = 0) -> Overlap:
    """What each document shares with the items of the index.

    The denominator of ``overlap`` is the number of the document's n-gram places, of the length that gives most of them.

    Args:
        texts: the documents.
        index: of the items.
        margin_words: words on each side of what is shared that ``spans`` hold too.
    """
    count = len(texts)
    found = Overlap(
        evaluation=[None] * count,
        item=[None] * count,
        overlap=np.zeros(count, np.float32),
        hits=np.zeros(count, np.int32),
        reverse_overlap=np.zeros(count, np.float32),
        reverse_evaluation=[None] * count,
        reverse_item=[None] * count,
        spans=[[] for _ in texts],
        clean_words=[None] * count,
    )
    for hits in hits_of(texts, index):
        document = hits.document
        worst = _attribute(hits.ngrams, index)
        near = _widened(hits.words, margin_words)
        found.spans[document] = _byte_spans(texts[document], near)
        found.clean_words[document] = int((~near).sum())
        found.evaluation[document], found.item[document] = index.names[worst.item], index.ids[worst.item]
        found.hits[document] = worst.hits
        found.overlap[document] = min(1.0, worst.hits / hits.places)
        found.reverse_overlap[document] = worst.largest_share
        found.reverse_evaluation[document] = index.names[worst.largest]
        found.reverse_item[document] = index.ids[worst.largest]
    return found


def hits_of(texts: Sequence[str], index: Index) -> Iterator[Hits]:
    """The hits of each document that has any."""
    if not len(index.hashes):
        return
    words = words_of(texts)
    grams = [ngrams_of(words, length) for length in index.lengths]
    members = [_in_index(gram.hashes, index) for gram in grams]
    for document in _touched(grams, members, len(texts)):
        own = [gram.of(document)[member[_slice(gram, document)]] for gram, member in zip(grams, members, strict=True)]
        places = max(1, *(int(gram.offsets[document + 1] - gram.offsets[document]) for gram in grams))
        yield Hits(document, np.concatenate(own), places, _words_in(words, grams, members, index.lengths, document))


def _words_in(
    words: Words, grams: Sequence[Ngrams], members: Sequence[NDArray[np.bool_]], lengths: Sequence[int], document: int
) -> NDArray[np.bool_]:
    depth = np.zeros(int(words.counts[document]) + 1, np.int64)
    for gram, member, length in zip(grams, members, lengths, strict=True):
        starts = np.flatnonzero(member[_slice(gram, document)])
        np.add.at(depth, starts, 1)
        np.add.at(depth, starts + length, -1)
    return np.asarray(np.cumsum(depth)[:-1] > 0, dtype=np.bool_)


def _widened(chosen: NDArray[np.bool_], margin: int) -> NDArray[np.bool_]:
    """What is at most ``margin`` places from a chosen one."""
    places = np.flatnonzero(chosen)
    depth = np.zeros(len(chosen) + 1, np.int64)
    np.add.at(depth, np.maximum(places - margin, 0), 1)
    np.add.at(depth, np.minimum(places + margin + 1, len(chosen)), -1)
    return np.asarray(np.cumsum(depth)[:-1] > 0, dtype=np.bool_)


def _byte_spans(text: str, chosen: NDArray[np.bool_]) -> list[int]:
    """First byte and end of each run of chosen words."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], chosen, [False])).astype(np.int8)))
    spans = word_spans(text)
    spans = np.stack((spans[edges[::2], 0], spans[edges[1::2] - 1, 1]), axis=1)
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    widths = 1 + (points >= 0x80) + (points >= 0x800).astype(np.int64) + (points >= 0x10000)
    byte_of: NDArray[np.int64] = np.concatenate(([0], np.cumsum(widths)))
    return [int(place) for place in byte_of[spans].ravel()]


@dataclass(frozen=True)
class _Worst:
    """Numbers of items in the index: the worst of the set with most hits, and of all the one with the largest share."""

    item: int
    hits: int
    largest: int
    largest_share: float


def _attribute(found: NDArray[np.uint64], index: Index) -> _Worst:
    """What a document's hits (n-grams in the index, with repetitions) point to; of equals the first item."""
    distinct, counts = np.unique(found, return_counts=True)
    gram, owners = owners_of(distinct, index)
    times = counts[gram]
    items, shared = np.unique(owners, return_counts=True)
    shares = shared / index.sizes[items]
    by_set: dict[str, int] = {}
    names = np.array(index.names)[owners]
    for name in sorted(set(names)):
        _, once = np.unique(gram[names == name], return_index=True)
        by_set[str(name)] = int(times[names == name][once].sum())
    best = {name: float(shares[np.array([index.names[i] == name for i in items])].max()) for name in by_set}
    worst = min(by_set, key=lambda name: (-by_set[name], -best[name], name))
    of_worst = [place for place, number in enumerate(items) if index.names[number] == worst]
    top = min(of_worst, key=lambda place: (-shares[place], items[place]))
    largest = int(shares.argmax())
    return _Worst(int(items[top]), by_set[worst], int(items[largest]), float(shares[largest]))


def owners_of(distinct: NDArray[np.uint64], index: Index) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Place in ``distinct`` and item, for each item that has one of these n-grams of the index."""
    first = np.searchsorted(index.hashes, distinct, "left")
    last = np.searchsorted(index.hashes, distinct, "right")
    entries = np.concatenate([np.arange(a, b) for a, b in zip(first, last, strict=True)])
    return np.repeat(np.arange(len(distinct)), last - first), index.owners[entries]


def _in_index(hashes: NDArray[np.uint64], index: Index) -> NDArray[np.bool_]:
    places = np.minimum(np.searchsorted(index.hashes, hashes), len(index.hashes) - 1)
    return np.equal(index.hashes[places], hashes)


def _touched(grams: Sequence[Ngrams], members: Sequence[NDArray[np.bool_]], count: int) -> list[int]:
    """Documents with at least one hit, ascending."""
    touched = np.zeros(count, np.bool_)
    for gram, member in zip(grams, members, strict=True):
        owner = np.repeat(np.arange(count), np.diff(gram.offsets))
        touched[owner[member]] = True
    return [int(document) for document in np.flatnonzero(touched)]


def _slice(gram: Ngrams, document: int) -> slice:
    return slice(int(gram.offsets[document]), int(gram.offsets[document + 1]))


def _covered(words: Words, n: int, boilerplate: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Shape (words,): the word is in one of these n-grams."""
    depth = np.zeros(len(words.ids) + 1, np.int64)
    starts = np.flatnonzero(np.isin(sliding_hashes(words.hashes, n), boilerplate))
    np.add.at(depth, starts, 1)
    np.add.at(depth, starts + n, -1)
    return np.asarray(np.cumsum(depth)[:-1] > 0, dtype=np.bool_)


def _informative(words: Words, counted: NDArray[np.bool_], n: int, least: int) -> NDArray[np.bool_]:
    """Shape (max(0, words - n + 1),): the n words from here on have ``least`` distinct ones that count."""
    count = max(0, len(words.ids) - n + 1)
    distinct = np.zeros(count, np.int64)
    for i in range(n):
        here = words.ids[i : i + count]
        new = counted[i : i + count].copy()
        for j in range(i):
            new &= here != words.ids[j : j + count]
        distinct += new
    return distinct >= least


def _distinct_lettered(words: Words, start: int, end: int) -> int:
    return len(np.unique(words.ids[start:end][words.alphabetic[start:end]]))
