"""What is raised where a file cannot be read on; readers turn it into an unreadable record."""

from bessemer.readers.records import Reason


class Damaged(Exception):
    """The file cannot be read on from here."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail
