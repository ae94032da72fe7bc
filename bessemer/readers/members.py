"""A file inside an archive, as readers see it: sequential bytes with a name, and a share of what all may expand to."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from bessemer.readers.damage import Damaged
from bessemer.readers.records import Limits, Reason


class Reads(Protocol):
    """Sequential bytes."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; empty at the end.

        Raises:
            Damaged: the archive cannot be read on.
        """
        ...


class Allowance:
    """What a container, an archive or a batch of rows, may expand to as a whole.

    Args:
        what: the container, for the message.
        stored: its size in bytes.
        limits: ``expansion`` bounds what it becomes, beyond the first ``record_bytes``.
    """

    def __init__(self, what: str, stored: int, limits: Limits) -> None:
        self._what, self._stored = what, stored
        self._left = max(limits.record_bytes, limits.expansion * stored)

    @property
    def spent(self) -> bool:
        """Whether nothing more may be read."""
        return self._left < 0

    def spend(self, size: int) -> None:
        """Take ``size`` bytes of it.

        Raises:
            Damaged: more than was allowed.
        """
        self._left -= size
        if self.spent:
            detail = f"{self._what} of {self._stored:,} bytes becomes more than ingest.max_expansion allows"
            raise Damaged(Reason.EXPANSION, detail)


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside an archive. Its name is used to tell its format and to name its records, never as a path."""

    name: str
    file: Reads
    allowance: Allowance

    @property
    def suffix(self) -> str:
        """The last suffix of the name."""
        return PurePosixPath(self.name).suffix


Readable = Path | Member
"""What a reader reads: a local file, or a member of an archive."""
