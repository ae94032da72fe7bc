"""The Chromium of this machine: Debian's package, or whatever its users have installed."""

import shutil

_NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium_path() -> str | None:
    """The first that is found."""
    return next(filter(None, map(shutil.which, _NAMES)), None)
