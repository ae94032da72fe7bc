"""What all tests share: property tests never judge by time, and draw the same examples in every run."""

import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("bessemer", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("bessemer")

_COMPILE_LITTLE = tuple(f"tests/{folder}/" for folder in ("config", "model", "training", "evaluation", "flows"))

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that starts the tests in the background lets them, and all that they start, ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs the finished line is begun first, since it takes the longest.

    Beside it go tests that compile few kernels: the line compiles them all and leaves them for the rest.
    """
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    if "finished_line" in getattr(item, "fixturenames", ()):
        return 0
    return 1 if item.nodeid.startswith(_COMPILE_LITTLE) else 2


@pytest.fixture(scope="session")
def finished_line(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout whose cut line was run once by a plain ``dvc repro``. Shared: copy it before changing anything."""
    from tests.checkout import make_checkout

    checkout = make_checkout(tmp_path_factory.mktemp("line") / "checkout")
    checkout.bessemer("sources", "lock")
    checkout.run("dvc", "repro")
    checkout.commit("The finished line")
    return checkout.folder
