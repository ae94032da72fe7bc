"""What was measured of deduplication, as flat keys, as tables and as files."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks import saved
from benchmarks.dedup_accuracy import Estimates, Recall, estimate_table, recall_table
from benchmarks.dedup_added import Added, added_table
from benchmarks.dedup_speed import Speeds
from benchmarks.dedup_stage import StageRun, stage_table
from benchmarks.tables import Table
from benchmarks.workers import OURS

WORKERS = 2
"""Processes of the stage."""


@dataclass(frozen=True)
class Results:
    """All that was measured."""

    speeds: Speeds
    estimates: dict[str, Estimates]
    inserted: dict[str, float]
    recalls: Sequence[Recall]
    stages: Sequence[StageRun]
    added: Added | None
    scaling: Sequence[StageRun]

    def flat(self) -> dict[str, float | None]:
        """The keys that ``python -m benchmarks.dedup --help`` describes."""
        return {
            "signature_mb_per_s_core": self.speeds.mb_per_s(OURS),
            "vs_datatrove": self.speeds.ratio("datatrove"),
            "vs_datasketch": self.speeds.ratio("datasketch"),
            "vs_rensa_full": self.speeds.ratio("rensa full"),
            "rmse_over_theory": self.estimates[OURS].over_theory,
            "worst_recall_gap": min(recall.gap for recall in self.recalls),
            "removal_precision": self.stages[-1].precision,
            "stage_mb_per_s": self.stages[-1].mb_per_s,
        }

    def tables(self) -> list[Table]:
        """One for each thing measured."""
        tables = [
            self.speeds.table(),
            estimate_table(self.estimates, self.inserted),
            recall_table(self.recalls),
            stage_table("The stage", self.stages, WORKERS),
        ]
        if self.added:
            tables.append(added_table(self.added))
        return [*tables, stage_table("Scaling", self.scaling, WORKERS)] if self.scaling else tables


def save(results: Results, flat: dict[str, float | None]) -> None:
    """Write the results with the machine's description."""
    packages = ("datasketch", "datatrove", "rensa", "spacy", "numpy")
    saved.save("dedup", "Deduplication, measured", flat, results.tables(), packages)
