"""Energy of this machine's processors and memory as Linux counts it (powercap, RAPL), where it may be read.

Most systems let only the administrator read the counters, since 2020 (CVE-2020-8694); virtual machines have none.
"""

import threading
from pathlib import Path

ZONES = Path("/sys/class/powercap")
INTERVAL_S = 30.0
"""Seconds between two readings. A counter starts again after 65 to 262 kJ, which takes minutes at full load."""


class EnergyMeter:
    """Adds up, from its making on, what the packages and memory of the whole machine use.

    Other programs that run at the same time are in the sum.
    """

    def __init__(self, zones: Path = ZONES, interval_s: float = INTERVAL_S) -> None:
        self._microjoules = 0
        self._stop = threading.Event()
        self._last: dict[Path, int] | None = None
        self._thread = threading.Thread(target=self._watch, args=(interval_s,), name="energy", daemon=True)
        try:
            self._ranges = {zone: _number(zone / "max_energy_range_uj") for zone in _zones(zones)}
            self._last = {zone: _number(zone / "energy_uj") for zone in self._ranges} or None
        except (OSError, ValueError):
            return
        if self._last is not None:
            self._thread.start()

    def joules(self) -> float | None:
        """What was used since the beginning, and the end of the counting; None where the system does not tell."""
        if self._thread.is_alive():
            self._stop.set()
            self._thread.join()
            self.read()
        return None if self._last is None else self._microjoules / 1e6

    def read(self) -> None:
        """Take a reading; one is due at least as often as a counter starts again."""
        last = self._last
        if last is None:
            return
        try:
            now = {zone: _number(zone / "energy_uj") for zone in last}
        except (OSError, ValueError):
            self._last = None
            return
        for zone, value in now.items():
            used = value - last[zone]
            self._microjoules += used if used >= 0 else used + self._ranges[zone]
        self._last = now

    def _watch(self, interval_s: float) -> None:
        while not self._stop.wait(interval_s):
            self.read()


def _zones(folder: Path) -> list[Path]:
    """Packages, and memory beside them. A package's cores are part of it, and ``psys`` holds packages again."""
    names = {zone: (zone / "name").read_text(encoding="ascii").strip() for zone in sorted(folder.glob("*-rapl:*"))}
    return [zone for zone, name in names.items() if name == "dram" or name.startswith("package")]


def _number(path: Path) -> int:
    return int(path.read_text(encoding="ascii"))
