"""Load params.yaml as a whole, checked. A stage reads its own sections only (:mod:`bessemer.stage`)."""

from pathlib import Path

from bessemer.config.params import Params
from bessemer.config.read import parse, read_yaml
from bessemer.config.runtime import Runtime, load_runtime

PARAMS = "params.yaml"

__all__ = ["PARAMS", "Params", "Runtime", "load_params", "load_runtime"]


def load_params(root: Path = Path()) -> Params:
    """params.yaml, checked.

    Raises:
        ConfigError: a key is unknown, a value is out of bounds, or the file cannot be read.
    """
    return parse(Params, read_yaml(root / PARAMS), PARAMS)
