"""Arrow without pandas, for commands that are to answer at once."""

import sys
from importlib.abc import MetaPathFinder
from typing import NoReturn


class _NoPandas(MetaPathFinder):
    def find_spec(self, name: str, *_: object) -> None:
        if name == "pandas":
            self._refuse()

    @staticmethod
    def _refuse() -> NoReturn:
        raise ImportError("pandas is not needed here")


def keep_pandas_out() -> None:
    """Let Arrow find no pandas: it imports it with the first array that it makes, which takes a quarter of a second.

    Arrow looks once in a process, and its conversions to pandas do not work afterwards. Other modules still can import
    pandas themselves.
    """
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        import pyarrow as pa

        pa.array([0])
    finally:
        sys.meta_path.remove(finder)
