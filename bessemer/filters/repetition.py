"""How much of a text is repeated: lines, paragraphs and word n-grams (Gopher, Rae et al. 2021, appendix A.1.1).

An occurrence after the first is a duplicate, for lines, paragraphs and n-grams alike. Shares of n-grams are of the
characters of words: separators belong to no n-gram.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bessemer.text.ngrams import mix, sliding_hashes
from bessemer.text.words import Words

TOP_SIZES = (2, 3, 4)
DUPLICATE_SIZES = (5, 6, 7, 8, 9, 10)
_PARAGRAPH_END = re.compile(r"\n\s*\n")


def paragraphs(text: str) -> list[str]:
    """Parts of a text between blank lines, without white space at the ends, none empty."""
    return [part for piece in _PARAGRAPH_END.split(text) if (part := piece.strip())]


def duplicate_shares(parts: Sequence[str]) -> tuple[float, float]:
    """Share of the parts that occurred before, and share of their characters; 0 and 0 for none.

    Args:
        parts: lines or paragraphs of one document.
    """
    seen: set[str] = set()
    duplicates = characters = total = 0
    for part in parts:
        total += len(part)
        if part in seen:
            duplicates += 1
            characters += len(part)
        else:
            seen.add(part)
    return (duplicates / len(parts), characters / total) if parts else (0.0, 0.0)


def ngram_shares(words: Words) -> dict[str, NDArray[np.float64]]:
    """Shares of the word characters of each document that repeated n-grams make up.

    ``top_{n}_gram_characters``: the n-gram that occurs most often (of several, that with most characters), times its
    occurrences, for n = 2, 3, 4; 0 if no n-gram occurs twice. Overlapping occurrences all count, so it is cut at 1.
    ``duplicate_{n}_gram_characters``: words covered by n-grams that occurred before, each word once, for n = 5 … 10.

    Returns:
        Name to array of shape (documents,), float64.
    """
    documents = words.documents()
    salted = mix(documents.astype(np.uint64) + np.uint64(1))
    totals = words.sum_by_document(words.characters)
    repeated = np.arange(len(words.ids), dtype=np.int64)
    shares = {}
    for n in range(2, DUPLICATE_SIZES[-1] + 1):
        starts, groups, order = _repeated_ngrams(words, documents, salted, repeated, n)
        if n in TOP_SIZES:
            top = _top_characters(words, documents, starts, groups, n)
            shares[f"top_{n}_gram_characters"] = np.minimum(_share(top, totals), 1.0)
        else:
            covered = _covered_characters(words, starts[order > 0], n)
            shares[f"duplicate_{n}_gram_characters"] = _share(covered, totals)
        repeated = starts
    return shares


def _share(part: NDArray[np.float64], total: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(part, total, out=np.zeros_like(total), where=total > 0)


def _repeated_ngrams(
    words: Words, documents: NDArray[np.int64], salted: NDArray[np.uint64], shorter: NDArray[np.int64], n: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Places where an n-gram starts that occurs at least twice in its document.

    Only a place where a repeated (n-1)-gram starts, and another one word later, can be one: so the longer the n-grams,
    the fewer the places.

    Args:
        shorter: ascending places where repeated (n-1)-grams start; for n = 2, all places.

    Returns:
        The places (ascending), a number for each that is the same for equal n-grams of a document, and its rank among
        them in reading order (0: the first).
    """
    inside = shorter + n <= len(documents)
    starts = shorter[inside]
    starts = starts[documents[starts] == documents[starts + n - 1]]
    if n > 2:
        marked = np.zeros(len(documents) + 1, np.bool_)
        marked[shorter] = True
        starts = starts[marked[starts + 1]]
    keys = sliding_hashes(words.hashes, n)[starts] ^ salted[starts]
    by_key = np.argsort(keys, kind="stable")
    ordered = keys[by_key]
    new = np.concatenate(([True], ordered[1:] != ordered[:-1]))[: len(ordered)]
    group = np.cumsum(new) - 1
    rank = np.arange(len(ordered)) - np.flatnonzero(new)[group]
    several = (np.bincount(group) > 1)[group] if len(group) else np.empty(0, np.bool_)
    chosen = by_key[several]
    back = np.argsort(chosen, kind="stable")
    return starts[chosen][back], group[several][back], rank[several][back]


def _top_characters(
    words: Words, documents: NDArray[np.int64], starts: NDArray[np.int64], groups: NDArray[np.int64], n: int
) -> NDArray[np.float64]:
    """Characters in all occurrences of the commonest repeated n-gram of each document."""
    result = np.zeros(len(words), np.float64)
    if not len(starts):
        return result
    _, first, counts = np.unique(groups, return_index=True, return_counts=True)
    places = starts[first]
    ends = np.concatenate(([0], np.cumsum(words.characters)))
    characters = ends[places + n] - ends[places]
    order = np.lexsort((characters, counts, documents[places]))
    owner = documents[places][order]
    last = np.flatnonzero(np.append(owner[1:] != owner[:-1], True))
    result[owner[last]] = (characters * counts)[order][last]
    return result


def _covered_characters(words: Words, starts: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    """Characters of the words that lie in one of the n-grams at ``starts``, each word once."""
    count = len(words.ids)
    change = np.bincount(starts, minlength=count + 1) - np.bincount(starts + n, minlength=count + 1)
    covered = np.cumsum(change[:count]) > 0
    return words.sum_by_document(words.characters * covered)
