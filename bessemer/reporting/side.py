"""One of two runs that are compared: its reports, its parameters, what went into it, and what it took."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bessemer.reporting.report import Scalar, StageReport


@dataclass(frozen=True)
class Side:
    """A run, or the state of the line at a revision.

    Attributes:
        name: as it was asked for.
        about: when and at which commit, and what is not known of it, as sentences.
        outcomes: of the stages in this run; empty for a revision.
        reports: of the stages, as far as they are known.
        metrics: of the stages; also where the report is gone.
        parameters: dotted key to value, of all stages.
        inputs: path to digest of the inputs that no stage writes.
        code: path to digest.
        packages: third-party package to version.
        records: of the stages that worked in this run.
        wall_s: from the beginning of the run to its end; None where it is not known.
    """

    name: str
    about: tuple[str, ...] = ()
    outcomes: Mapping[str, str] = field(default_factory=dict)
    reports: Mapping[str, StageReport] = field(default_factory=dict)
    metrics: Mapping[str, Mapping[str, Scalar]] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)
    records: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    wall_s: float | None = None
