"""``make serve``: a Prefect server on this machine and the line as a deployment, until interrupted.

An answering server at PREFECT_API_URL is used as it is; otherwise one is started on 127.0.0.1.
"""

from __future__ import annotations

import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from bessemer.config.load import load_params, load_runtime
from bessemer.errors import BessemerError, TryAgain

HOST = "127.0.0.1"
DEFAULT_PORT = "4200"
START_S = 120.0
STOP_S = 15.0
DEPLOYMENT = "line"


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
        load_runtime(root)
        os.environ.update(server_settings(os.environ))
        with ExitStack() as held:
            _ensure_server(held, os.environ["PREFECT_API_URL"])
            _serve()
    except BessemerError as error:
        print(f"bessemer: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(0)


def _ensure_server(held: ExitStack, address: str) -> None:
    from flows.runner import service

    if answers(address):
        print(f"the server at {address} is used")
        return
    port = os.environ.get("PREFECT_SERVER_API_PORT", DEFAULT_PORT)
    log = Path(".runs/server.log")
    log.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", port]
    process = held.enter_context(service(command, log=log, stop_s=STOP_S))
    deadline = time.monotonic() + START_S
    while not answers(address):
        if process.poll() is not None or time.monotonic() > deadline:
            raise TryAgain(
                f"the Prefect server did not start at {address}; {log} says why, and so does bessemer doctor."
            )
        time.sleep(0.5)
    print(f"server: {address.removesuffix('/api')}   (log: {log})", flush=True)


def _serve() -> None:
    from flows.pipeline import line

    # One run at a time: the checkout is one set of files. A second one waits.
    line.serve(name=DEPLOYMENT, description=line.description, limit=1, global_limit=1)


if __name__ == "__main__":
    main()
