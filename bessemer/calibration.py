"""What the stage ``classifier`` found to be the cut between wanted and unwanted documents."""

import json
from pathlib import Path

from bessemer.errors import DataError


def read_cut(calibration: Path) -> float | None:
    """The calibrated cut of the quality classifier; None if none was trained.

    Raises:
        DataError: the file is not what ``classifier`` writes.
    """
    try:
        value = json.loads(calibration.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        raise DataError(f"{calibration} is not JSON; run the stage classifier again.") from None
    cut = value.get("cut")
    return None if cut is None else float(cut)
