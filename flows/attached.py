"""Run a module as a process that does not outlive its parent: ``python -m flows.attached dvc repro …``.

The kernel sends SIGTERM when the thread that started the process is gone, so a runner that is killed leaves no trainer
behind (Linux; elsewhere the module simply runs).
"""

import ctypes
import os
import runpy
import signal
import sys

_PR_SET_PDEATHSIG = 1
PARENT = "BESSEMER_PARENT"
"""Environment variable with the parent's process id: a parent that died before the request is noticed by it."""


def main() -> None:
    """Bind this process to its parent, then become the named module with the remaining arguments."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        parent = os.environ.pop(PARENT, None)
        if parent is not None and os.getppid() != int(parent):
            sys.exit(75)
    module = sys.argv[1]
    sys.argv = sys.argv[1:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
