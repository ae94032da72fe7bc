"""The pages of runs over HTTP, on this machine only: a browser opens no file from a page that a server has sent."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from flows.runs import RUNS

PAGES = "BESSEMER_PAGES"
"""Environment variable: address under which the pages of runs are found."""

_A_PAGE = re.compile(r"/[\w-]+/html/([\w-]+\.html)?")


class _Pages(SimpleHTTPRequestHandler):
    """Answers for ``/<run>/html/<page>.html`` and for nothing else that lies in the folder."""

    def do_GET(self) -> None:
        if _A_PAGE.fullmatch(self.path.partition("?")[0]):
            super().do_GET()
        else:
            self.send_error(404)

    def do_HEAD(self) -> None:
        self.send_error(405)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the terminal belongs to the runs."""


@contextmanager
def page_server(root: Path, port: int) -> Iterator[str]:
    """Serve the pages while a ``with`` block runs; their address. A port that is taken is replaced by a free one."""
    handler = partial(_Pages, directory=str(root / RUNS))
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError:
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, name="pages", daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
