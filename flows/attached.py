"""Run a module as a process that does not outlive its parent: ``python -m flows.attached dvc repro …``.

The kernel sends SIGTERM when the thread that started the process is gone, so a runner that is killed leaves no trainer
behind (Linux; elsewhere the module simply runs).
"""

import ctypes
import os
import runpy
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1
PARENT = "BESSEMER_PARENT"
"""Environment variable with the parent's process id: a parent that died before the request is noticed by it."""

SERVER_OF_DEPLOYMENTS = "BESSEMER_SERVE"
"""Environment variable with the process id of ``make serve``: the flow runs that it starts end with it."""

TELLING_S = 5.0
"""Seconds beyond the grace time of stages in which a flow run may tell a server, that may be gone, how it ended."""
_WATCH_S = 0.5


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


def end_with_server_of_deployments(grace_s: float) -> None:
    """For a flow run: end with the ``make serve`` that started it, if one did. A worker's runs outlive the worker.

    Args:
        grace_s: seconds that stages have after SIGTERM.
    """
    server = os.environ.get(SERVER_OF_DEPLOYMENTS)
    if server == str(os.getppid()):
        end_with_parent()
        threading.Thread(target=_leave_after, args=(int(server), grace_s), name="parent-watch", daemon=True).start()


def _leave_after(parent: int, grace_s: float) -> None:
    """Prefect's client goes on asking a server that is gone for minutes; nobody waits for the answer."""
    while os.getppid() == parent:
        time.sleep(_WATCH_S)
    time.sleep(grace_s + TELLING_S)
    os._exit(75)


if __name__ == "__main__":
    main()
