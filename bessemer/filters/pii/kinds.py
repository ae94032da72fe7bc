"""The kinds of personal data, and where one was found."""

from dataclasses import dataclass
from enum import StrEnum


class Pii(StrEnum):
    """Kinds of personal data, in the order in which they claim a stretch of text."""

    KEY = "key"
    EMAIL = "email"
    IP = "ip"
    CARD = "card"
    PHONE = "phone"

    @property
    def mask(self) -> str:
        """What the text says afterwards."""
        return f"<{self.value}>"

    @property
    def column(self) -> str:
        """The column that counts its findings beside the documents."""
        return f"pii_{self.value}"


@dataclass(frozen=True)
class Span:
    """One finding: character offsets into the text, end exclusive."""

    start: int
    end: int
    kind: Pii
