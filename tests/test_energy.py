"""Energy is what the counters of packages and memory grew by, over every restart of a counter."""

from pathlib import Path

from bessemer.energy import EnergyMeter

RANGE = 1_000_000


def zone(folder: Path, directory: str, name: str, microjoules: int) -> Path:
    place = folder / directory
    place.mkdir()
    (place / "name").write_text(f"{name}\n")
    (place / "max_energy_range_uj").write_text(f"{RANGE}\n")
    (place / "energy_uj").write_text(f"{microjoules}\n")
    return place / "energy_uj"


def test_packages_and_memory_count_and_what_holds_them_or_is_in_them_does_not(tmp_path: Path) -> None:
    counters = {
        "package-0": zone(tmp_path, "intel-rapl:0", "package-0", 100),
        "core": zone(tmp_path, "intel-rapl:0:0", "core", 100),
        "dram": zone(tmp_path, "intel-rapl:0:1", "dram", 100),
        "psys": zone(tmp_path, "intel-rapl:1", "psys", 100),
        "same package": zone(tmp_path, "intel-rapl-mmio:0", "package-0", 100),
    }
    meter = EnergyMeter(tmp_path)
    for number, counter in enumerate(counters.values()):
        counter.write_text(str(100 + 10**number * 50))
    assert meter.joules() == (50 + 50 * 100) / 1e6
    assert meter.joules() == (50 + 50 * 100) / 1e6


def test_a_counter_that_starts_again_several_times_loses_nothing(tmp_path: Path) -> None:
    counter = zone(tmp_path, "intel-rapl:0", "package-0", 900_000)
    meter = EnergyMeter(tmp_path)
    for value in (300_000, 800_000, 200_000):
        counter.write_text(str(value))
        meter.read()
    assert meter.joules() == 1.3


def test_where_nothing_can_be_read_nothing_is_claimed(tmp_path: Path) -> None:
    assert EnergyMeter(tmp_path / "none").joules() is None
    counter = zone(tmp_path, "intel-rapl:0", "package-0", 5)
    meter = EnergyMeter(tmp_path)
    counter.unlink()
    assert meter.joules() is None
    assert EnergyMeter(tmp_path).joules() is None
