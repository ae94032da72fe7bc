"""The errors that a user can mend, each with the exit code that says of which kind it is.

A message is one sentence: what is wrong, where, and what to do. Anything else that is raised is a bug (exit 1).
"""


class BessemerError(Exception):
    """Base of the errors that end a stage or a command without a traceback."""

    exit_code = 1


def is_panic(error: BaseException) -> bool:
    """Whether an extension written in Rust panicked: that derives from BaseException only, so Exception misses it."""
    return not isinstance(error, Exception) and type(error).__name__ == "PanicException"


class ConfigError(BessemerError):
    """params.yaml, runtime.yaml or a command line cannot be used as it stands."""

    exit_code = 2


class GateFailed(BessemerError):
    """A check of severity ``error`` did not pass."""

    exit_code = 3


class DataError(BessemerError):
    """An input is missing, damaged, or not what it was pinned as."""

    exit_code = 4


class TryAgain(BessemerError):
    """Interrupted in a state from which the same command continues (EX_TEMPFAIL of sysexits.h)."""

    exit_code = 75
