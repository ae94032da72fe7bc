"""What the counts of personal data beside the documents say."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bessemer.config.curate import PiiParams
from bessemer.corpus import CorpusPaths
from bessemer.errors import ConfigError
from bessemer.filters.pii.kinds import Pii
from bessemer.shards import read_manifest

REGIONS = "phone_regions"
"""What else the counts were made from, in their manifest."""


def require_counted(paths: CorpusPaths, params: PiiParams) -> None:
    """What documents are dropped for must have been counted with the same parameters.

    Raises:
        ConfigError: documents are to be dropped for telephone numbers of other regions than were looked for.
        DataError: nothing was counted.
    """
    if params.phone != "drop":
        return
    counted = read_manifest(paths.pii).made_from.get(REGIONS, "")
    if counted != named_regions(params):
        raise ConfigError(
            f"curate.pii.phone_regions: telephone numbers were looked for in {counted or 'no country'}; "
            f"run the stage curate to look for those of {named_regions(params) or 'no country'}."
        )


def named_regions(params: PiiParams) -> str:
    """The telephone regions as the manifest of the counts has them."""
    return ", ".join(params.phone_regions)


def has_pii(numbers: pa.Table) -> NDArray[np.bool_]:
    """Shape (n,), bool: which documents have any finding, given the sidecars joined."""
    counts = np.stack([numbers.column(kind.column).to_numpy() for kind in Pii])
    return np.asarray(counts.any(axis=0), dtype=np.bool_)


def findings_by_source(
    numbers: pa.Table, sources: "pa.ChunkedArray[Any]", kept: NDArray[np.bool_]
) -> list[tuple[str, str, int, int, int]]:
    """Source, kind, documents with findings, findings, findings in dropped documents; where there are any."""
    names = np.array(sources.to_pylist(), dtype=object)
    rows = []
    for source in sorted(set(names.tolist())):
        own = names == source
        for kind in Pii:
            counts = numbers.column(kind.column).to_numpy()[own]
            if counts.any():
                dropped = int(counts[~kept[own]].sum())
                rows.append((str(source), kind.value, int((counts > 0).sum()), int(counts.sum()), dropped))
    return rows


def total_findings(
    parts: Sequence[list[tuple[str, str, int, int, int]]],
) -> Mapping[tuple[str, str], tuple[int, int, int]]:
    """Sums of :func:`findings_by_source` over shards, by source and kind, in the order of the sources and kinds."""
    totals: dict[tuple[str, str], tuple[int, int, int]] = {}
    for source, kind, *counts in (row for part in parts for row in part):
        old = totals.get((source, kind), (0, 0, 0))
        totals[source, kind] = (old[0] + counts[0], old[1] + counts[1], old[2] + counts[2])
    order = {kind.value: place for place, kind in enumerate(Pii)}
    return dict(sorted(totals.items(), key=lambda item: (item[0][0], order[item[0][1]])))
