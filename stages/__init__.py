"""One short module per DVC stage. Stages never import each other: they meet only in files."""

from bessemer.garbage import collect_rarely

collect_rarely()
