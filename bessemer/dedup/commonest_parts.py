"""The commonest repeated parts, to look at."""

from pathlib import Path

import numpy as np

from bessemer.dedup.corpus import read_columns, read_some_texts
from bessemer.dedup.distinct import distinct
from bessemer.shards import shard_names

_CHARACTERS = 200


def commonest_parts(documents: Path, parts: Path, most: int) -> list[tuple[int, str]]:
    """How often each of the commonest parts occurs, and how its first occurrence begins; commonest first.

    Memory is about 30 bytes for each place where a repeated part is.

    Args:
        documents: their shard directory.
        parts: shard directory of :func:`bessemer.dedup.parts.find_repeated_parts`.
        most: parts given out.
    """
    names = shard_names(parts)
    hashes = [read_columns(parts, name, ["hash"]).column("hash").to_numpy() for name in names]
    values, counts = np.unique(np.concatenate([np.empty(0, np.uint64), *hashes]), return_counts=True)
    order = np.lexsort((values, -counts))[:most]
    texts: dict[int, str] = {}
    for name, own in zip(names, hashes, strict=True):
        missing = np.setdiff1d(values[order], np.array(list(texts), np.uint64))
        if not len(missing):
            break
        found, first = np.unique(own, return_index=True)
        here = first[np.isin(found, missing)]
        if not len(here):
            continue
        places = read_columns(parts, name, ["row", "start", "end", "hash"]).take(here).to_pylist()
        rows = distinct(np.array([place["row"] for place in places], np.int64))
        column = dict(zip(rows.tolist(), read_some_texts(documents, name, rows), strict=True))
        for place in places:
            data = column[place["row"]].as_py().encode()[place["start"] : place["end"]]
            texts[place["hash"]] = data.decode().strip()[:_CHARACTERS]
    return [(int(counts[place]), texts[int(values[place])]) for place in order.tolist()]
