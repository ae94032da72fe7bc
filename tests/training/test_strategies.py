"""Two processes train the model that one trains, whatever shards it; all resume to the bit and gather equal weights."""

from pathlib import Path

import pytest

from benchmarks.strategies import ALL, Outcome, run_strategy, table
from bessemer.training.run import Places
from tests.training.conftest import small

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def extensions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("extensions")


@pytest.mark.parametrize(
    ("optimizer", "precision", "relative", "absolute"),
    [
        ("adamw", "fp32", 1e-5, None),
        ("adamw", "bf16", None, 5e-3),
        # Newton-Schulz runs in bf16, so that sums in another order show after three digits and not after seven.
        ("muon", "fp32", None, 1e-3),
    ],
)
def test_losses_of_twenty_steps_agree_with_one_process(
    material: Path,
    extensions: Path,
    tmp_path: Path,
    optimizer: str,
    precision: str,
    relative: float | None,
    absolute: float | None,
) -> None:
    places = Places(material / "train", material / "val", tmp_path, extensions)
    params = small(optimizer={"name": optimizer}, precision=precision)
    outcomes: list[Outcome] = [run_strategy(places, params, name, 2, tmp_path) for name in ALL[optimizer]]
    print(f"\n{optimizer}, {precision}\n{table(outcomes)}")
    for outcome in outcomes:
        found_absolute, found_relative = outcome.loss_difference(outcomes[0])
        assert len(outcome.losses) == 20
        assert relative is None or found_relative <= relative, outcome.strategy
        assert absolute is None or found_absolute <= absolute, outcome.strategy
        assert outcome.resume_difference() == 0.0, outcome.strategy
        assert outcome.weights.keys() == outcomes[0].weights.keys()
