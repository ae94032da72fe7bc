"""Files that are read out of order, on disk: as they are, or unpacked into a file that goes when it has been read."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bessemer.readers.damage import Damaged
from bessemer.readers.members import Member, Readable
from bessemer.readers.records import Limits
from bessemer.readers.streams import ByteStream


@contextmanager
def on_disk(source: Readable, limits: Limits) -> Iterator[tuple[Path, Damaged | None]]:
    """A local file that is not compressed as it is; members of archives and compressed files as a temporary copy.

    Args:
        source: what to read. Its name has no part in the name of the copy.
        limits: bound the copy.

    Yields:
        The file, and the damage that ended the copy, if any.
    """
    damage = None
    with ByteStream(source, limits) as stream:
        if not isinstance(source, Member) and stream.codec == "plain":
            yield source, None
            return
        with tempfile.NamedTemporaryFile(prefix="bessemer-") as file:
            try:
                while piece := stream.read():
                    file.write(piece)
            except Damaged as found:
                damage = found
            file.flush()
            yield Path(file.name), damage
