"""Functions over arrays that are compiled to machine code, once per machine and version of the code."""

import fcntl
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator

from bessemer.text.kernel_folder import kernel_folder

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def kernel(function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Compile a function on its first call for each set of argument types; other threads run meanwhile.

    Integers wrap around, nothing is checked: indexes must be right. Tables are arguments, never globals, so that the
    compiled code stays small and can be kept. See :mod:`bessemer.text.kernel_folder` for where it is kept.
    """
    folder = kernel_folder()
    compiled: Any = numba.njit(nogil=True, error_model="numpy", boundscheck=False)(function)
    if folder is not None and hasattr(compiled, "enable_caching"):  # not so where NUMBA_DISABLE_JIT is set
        compiled._cache = _Cache(function)
    return cast(Callable[_Parameters, _Result], compiled)


class _Locator(_CacheLocator):
    """One folder for all kernels; its name is the stamp, so what is in it is never stale."""

    def __init__(self, function: Callable[..., Any], folder: Path) -> None:
        code = function.__code__
        self._name = f"{function.__module__}-{code.co_firstlineno}"
        self._folder = folder

    @classmethod
    def from_function(cls, function: Callable[..., Any], _: str) -> "_Locator | None":
        folder = kernel_folder()
        return None if folder is None else cls(function, folder)

    def get_cache_path(self) -> str:
        return str(self._folder)

    def get_source_stamp(self) -> str:
        return self._folder.name

    def get_disambiguator(self) -> str:
        return self._name


class _Impl(CompileResultCacheImpl):
    _locator_classes = [_Locator]  # noqa: RUF012  (numba declares it so)


class _Cache(FunctionCache):
    """numba's cache, made safe for processes that compile at once and for a disk that is full or was cut off.

    numba reads the index of a kernel, adds a line and writes it back: of two processes at it, one could find its line
    pointing to the other's code. Saving is done one at a time here. A failure to save or load costs time, nothing else.
    """

    _impl_class = _Impl

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # whatever unpickling raises for bytes that were cut off
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            with (Path(self.cache_path) / "lock").open("ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self._save_locked(sig, data)
        except OSError:
            self.disable()

    def _save_locked(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except OSError:
            raise
        except Exception:  # the index was cut off: begin another
            self.flush()
            super().save_overload(sig, data)
