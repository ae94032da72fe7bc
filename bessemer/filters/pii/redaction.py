"""Masking personal data in a batch of texts, with every byte accounted for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bessemer.config.curate import PiiParams
from bessemer.filters.pii.finding import FINDERS, find_pii, replaced
from bessemer.filters.pii.kinds import Pii, Span


@dataclass(frozen=True)
class Redacted:
    """A batch after redaction.

    Attributes:
        text: large_string, same length and order as given.
        removed: UTF-8 bytes taken out, shape (n, kinds), kinds in the order of :class:`Pii`.
        added: UTF-8 bytes of masks put in, same shape.
        found: number of findings that were masked, same shape.
    """

    text: "pa.ChunkedArray[Any]"
    removed: NDArray[np.int64]
    added: NDArray[np.int64]
    found: NDArray[np.int64]


def count_pii(texts: "pa.ChunkedArray[Any]", phone_regions: list[str]) -> NDArray[np.int32]:
    """Findings of every kind, shape (n, kinds), kinds in the order of :class:`Pii`.

    Args:
        texts: large_string, no nulls.
        phone_regions: countries whose telephone numbers are found without a country code too.
    """
    counts = np.zeros((len(texts), len(Pii)), np.int32)
    kinds = list(Pii)

    def count(row: int, _: str, spans: list[Span]) -> None:
        for span in spans:
            counts[row, kinds.index(span.kind)] += 1

    _each(texts, phone_regions, count, None)
    return counts


def redact(texts: "pa.ChunkedArray[Any]", params: PiiParams, only: NDArray[np.bool_] | None = None) -> Redacted:
    """Replace every finding by the mask of its kind, unless that kind is kept.

    A kept kind claims its stretch of text all the same, so that what is found of one kind does not depend on what is
    done with another.

    Args:
        texts: large_string, no nulls.
        params: what is done with each kind; a kind for which documents are dropped is masked where one is shown.
        only: shape (n,): texts known to have findings; None: any may have some.
    """
    kinds = list(Pii)
    shape = (len(texts), len(kinds))
    removed, added, found = (np.zeros(shape, np.int64) for _ in range(3))
    changed: dict[int, str] = {}

    def mask(row: int, text: str, spans: list[Span]) -> None:
        masked = [span for span in spans if params.action(span.kind) != "keep"]
        for span in masked:
            column = kinds.index(span.kind)
            removed[row, column] += len(text[span.start : span.end].encode())
            added[row, column] += len(span.kind.mask)
            found[row, column] += 1
        if masked:
            changed[row] = replaced(text, [(span, span.kind.mask) for span in masked])

    if any(params.action(kind) != "keep" for kind in kinds):
        _each(texts, params.phone_regions, mask, only)
    return Redacted(_with_rows(texts, changed), removed, added, found)


def _each(
    texts: "pa.ChunkedArray[Any]",
    phone_regions: list[str],
    visit: Callable[[int, str, list[Span]], None],
    only: NDArray[np.bool_] | None,
) -> None:
    """Call ``visit`` with the row, the text and the findings of every text that has some."""
    hinted = {kind: pc.match_substring_regex(texts, FINDERS[kind].hint).to_numpy() for kind in Pii}
    likely = np.logical_or.reduce(list(hinted.values()))
    if only is not None:
        likely = likely & only
    for row in np.flatnonzero(likely).tolist():
        text = texts[row].as_py()
        spans = find_pii(text, phone_regions, frozenset(kind for kind, hint in hinted.items() if hint[row]))
        if spans:
            visit(row, text, spans)


def _with_rows(texts: "pa.ChunkedArray[Any]", changed: dict[int, str]) -> "pa.ChunkedArray[Any]":
    if not changed:
        return texts
    mask = np.zeros(len(texts), np.bool_)
    mask[list(changed)] = True
    values = pa.array([changed[row] for row in sorted(changed)], pa.large_string())
    return pa.chunked_array([pc.replace_with_mask(texts.combine_chunks(), pa.array(mask), values)], pa.large_string())
