"""``make serve``: a Prefect server on this machine and the deployments of the line, until interrupted.

An answering server at PREFECT_API_URL is used as it is; otherwise one is started on 127.0.0.1. That one and this
process live and die together, and the runs with them: without a server nobody could cancel them. A training run among
them ends with a checkpoint, and the next run continues it.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import psutil

from bessemer.config.load import load_params, load_runtime
from bessemer.errors import BessemerError, TryAgain
from flows.attached import SERVER_OF_DEPLOYMENTS, TELLING_S
from flows.page_server import PAGES, page_server
from flows.runner import service

HOST = "127.0.0.1"
DEFAULT_PORT = "4200"
START_S = 120.0
STOP_S = 15.0
WATCH_S = 0.5
"""Seconds between two looks at the server."""


def server_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Settings that make a local server and its UI find each other and tell no one; what is set already stays.

    The UI asks port 4200 whatever port the server has, unless PREFECT_SERVER_UI_API_URL says otherwise.
    """
    port = environment.get("PREFECT_SERVER_API_PORT", DEFAULT_PORT)
    address = environment.get("PREFECT_API_URL", f"http://{HOST}:{port}/api")
    wanted = {
        "PREFECT_API_URL": address,
        "PREFECT_SERVER_UI_API_URL": address,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    return {name: environment.get(name, value) for name, value in wanted.items()}


def answers(address: str) -> bool:
    """Whether a Prefect server answers at an API address."""
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=5) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False


def main() -> None:
    """Serve until interrupted."""
    try:
        root = Path()
        load_params(root)
        grace_s = load_runtime(root).grace_s
        os.environ.update(server_settings(os.environ))
        with ExitStack() as held:
            server = _ensure_server(held, os.environ["PREFECT_API_URL"])
            if server is not None:
                closing = threading.Event()
                held.callback(closing.set)
                watch = (server, closing, grace_s)
                threading.Thread(target=_end_with, args=watch, name="server-watch", daemon=True).start()
            port = int(os.environ.get("PREFECT_SERVER_API_PORT", DEFAULT_PORT)) + 1
            os.environ[PAGES] = held.enter_context(page_server(root, port))
            print(f"pages: {os.environ[PAGES]}/<run>/html/", flush=True)
            _serve()
    except BessemerError as error:
        print(f"bessemer: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(0)


def _ensure_server(held: ExitStack, address: str) -> subprocess.Popen[bytes] | None:
    """The server's process, if it had to be started; it ends with this one."""
    if answers(address):
        print(f"the server at {address} is used")
        return None
    port = os.environ.get("PREFECT_SERVER_API_PORT", DEFAULT_PORT)
    log = Path(".runs/server.log")
    log.parent.mkdir(exist_ok=True)
    command = ["flows.attached", "prefect", "server", "start", "--host", HOST, "--port", port]
    process = held.enter_context(service([sys.executable, "-m", *command], log=log, stop_s=STOP_S))
    deadline = time.monotonic() + START_S
    while not answers(address):
        if process.poll() is not None or time.monotonic() > deadline:
            raise TryAgain(
                f"the Prefect server did not start at {address}; {log} says why, and so does bessemer doctor."
            )
        time.sleep(0.5)
    print(f"server: {address.removesuffix('/api')}   (log: {log})", flush=True)
    return process


def _end_with(server: subprocess.Popen[bytes], closing: threading.Event, grace_s: float) -> None:
    """When the server is gone, and not because all is ``closing``, end the runs, in their grace time, and this one."""
    while server.poll() is None:
        if closing.wait(WATCH_S):
            return
    print("bessemer: the Prefect server has ended; its runs are stopped, the next ones continue them.", file=sys.stderr)
    runs = psutil.Process().children()
    for run in runs:
        with contextlib.suppress(psutil.Error):
            run.terminate()
    _, left = psutil.wait_procs(runs, timeout=grace_s + TELLING_S)
    for run in left:
        with contextlib.suppress(psutil.Error):
            run.kill()
    os._exit(TryAgain.exit_code)


def _serve() -> None:
    from prefect import serve

    from flows.automations import register_automations
    from flows.deployments import deployments

    print(f"automations: {', '.join(register_automations())}", flush=True)
    os.environ[SERVER_OF_DEPLOYMENTS] = str(os.getpid())
    serve(*deployments())


if __name__ == "__main__":
    main()
