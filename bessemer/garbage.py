"""Python's search for unreachable cycles while modules are imported: all of them are looked through, and none goes.

On a slow core that is over half a second of the start of a stage.
"""

import gc

_USUAL = gc.get_threshold()
_RARELY = 100_000


def collect_rarely() -> None:
    """Search for garbage after many new objects only: for imports, for commands, and for the processes of a pool."""
    gc.set_threshold(_RARELY)


def collect_as_usual() -> None:
    """Search as Python does, but never again among what is there by now."""
    gc.freeze()
    gc.set_threshold(*_USUAL)
