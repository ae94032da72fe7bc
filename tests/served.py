"""`make serve` in a checkout, on a port and with a Prefect home of its own, and what a browser would ask it."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.checkout import Checkout

START_S = 400.0
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


class Served:
    """A running `make serve` and its API."""

    def __init__(self, checkout: Checkout, process: subprocess.Popen[bytes], api: str, log: Path) -> None:
        self.checkout, self.process, self.api, self.log = checkout, process, api, log

    def ask(self, path: str, body: object = None, method: str = "") -> Any:
        """The answer of the API; a body makes it a POST."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.api}/{path}",
            data=data,
            method=method or ("GET" if body is None else "POST"),
            headers={"Content-Type": "application/json"},
        )
        text = _answer(request)
        return json.loads(text) if text else None

    def start(self, deployment: str, **parameters: object) -> str:
        """Ask for a run of a deployment; its id."""
        found = self.ask(f"deployments/name/bessemer/{deployment}")["id"]
        run: str = self.ask(f"deployments/{found}/create_flow_run", {"parameters": parameters})["id"]
        return run

    def cancel(self, run: str) -> None:
        """What the button in the browser does."""
        self.ask(f"flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})

    def state(self, run: str) -> dict[str, Any]:
        """The state of a flow run."""
        state: dict[str, Any] = self.ask(f"flow_runs/{run}")["state"]
        return state

    def ended(self, run: str, timeout_s: float = 300) -> dict[str, Any]:
        """The state in which a flow run ends."""
        wait_until(lambda: self.state(run)["type"] in FINAL, timeout_s, f"flow run {run} never ended; see {self.log}")
        return self.state(run)

    def runs(self, deployment: str) -> list[dict[str, Any]]:
        """Flow runs of a deployment that have begun."""
        found = self.ask(f"deployments/name/bessemer/{deployment}")["id"]
        body = {"flow_runs": {"deployment_id": {"any_": [found]}}}
        runs: list[dict[str, Any]] = self.ask("flow_runs/filter", body)
        return [run for run in runs if run["state"]["type"] != "SCHEDULED"]

    def tasks(self, run: str) -> dict[str, dict[str, Any]]:
        """Stage to its task run."""
        found = self.ask("task_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})
        return {task["name"]: task for task in found}

    def artifacts(self, run: str) -> list[dict[str, Any]]:
        """What the run has published."""
        artifacts: list[dict[str, Any]] = self.ask("artifacts/filter", {"flow_runs": {"id": {"any_": [run]}}})
        return artifacts

    def family(self) -> list[psutil.Process]:
        """Every process that it has started."""
        return psutil.Process(self.process.pid).children(recursive=True)


def _answer(request: urllib.request.Request) -> bytes:
    """503 is Prefect's word for "ask again": another writer had its database for too long."""
    for _ in range(6):
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                answer: bytes = reply.read()
            return answer
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
            time.sleep(1)
    raise AssertionError(f"{request.full_url} was busy six times")


@contextmanager
def served(checkout: Checkout, home: Path, **environment: str) -> Iterator[Served]:
    """Serve a checkout while the block runs; no process is left behind."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("BESSEMER_", "PREFECT_"))}
    home.mkdir(parents=True, exist_ok=True)
    log = home / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.serve"],
            cwd=checkout.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={
                **inherited,
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "PYTHONPATH": str(checkout.folder),
                "PYTHONDONTWRITEBYTECODE": "1",
                "PREFECT_HOME": str(home),
                "PREFECT_SERVER_API_PORT": str(port),
                **environment,
            },
        )
    serving = Served(checkout, process, f"http://127.0.0.1:{port}/api", log)
    family: list[psutil.Process] = []
    try:
        wait_until(lambda: b"Your deployments are being served" in log.read_bytes(), START_S, f"not served; see {log}")
        family = serving.family()
        yield serving
    finally:
        with_it = [*family, *(serving.family() if process.poll() is None else [])]
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
        for left in running(with_it):
            left.kill()


def running(members: list[psutil.Process]) -> list[psutil.Process]:
    """Those that have not ended."""
    return [item for item in members if item.is_running() and item.status() != psutil.STATUS_ZOMBIE]


def wait_until(true: Callable[[], bool], timeout_s: float, message: str) -> None:
    """Ask five times a second until the answer is yes."""
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, message
        time.sleep(0.2)
