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


SERVER_OF_DEPLOYMENTS = "BESSEMER_SERVE"
"""Environment variable with the process id of ``make serve``: the flow runs that it starts end with it."""


def main() -> None:
    """Bind this process to its parent, then become the named module with the remaining arguments."""
    end_with_parent(os.environ.pop(PARENT, None))
    module = sys.argv[1]
    sys.argv = sys.argv[1:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def end_with_parent(parent: str | None = None) -> None:
    """Ask the kernel for SIGTERM at the parent's end; exit with 75 if ``parent`` is given and has ended already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if parent is not None and os.getppid() != int(parent):
            sys.exit(75)


def end_with_server_of_deployments() -> None:
    """For a flow run: end with the ``make serve`` that started it, if one did. A worker's runs outlive the worker."""
    if os.environ.get(SERVER_OF_DEPLOYMENTS) == str(os.getppid()):
        end_with_parent()


if __name__ == "__main__":
    main()
