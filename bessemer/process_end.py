"""How a process of ours ends: at once."""

import atexit
import os
import sys
import threading
from typing import NoReturn


def leave(code: int) -> NoReturn:
    """End the process after its exit handlers, without taking every module apart, which takes half a second.

    The ordinary way is taken where that may matter: while a thread has to be waited for, beside torch and Prefect,
    whose companions close files and connections then, and by a rank, after whose end its launcher ends the others.
    """
    waiting = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    if (
        {"torch", "prefect"} & sys.modules.keys()
        or "RANK" in os.environ
        or any(not thread.daemon for thread in waiting)
    ):
        sys.exit(code)
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
