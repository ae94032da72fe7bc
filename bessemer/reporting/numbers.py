"""Numbers as people read them: 12,345 · 3.4 MB · 1.61 bits/byte · 4.5 % · 3 min 20 s."""

import math
import re
from collections.abc import Callable
from functools import partial

NBSP = "\u00a0"
MINUS = "\u2212"
_BYTES = ("B", "kB", "MB", "GB", "TB", "PB")
_WIDE = 10_000_000
_SHARES = frozenset({"fraction", "share", "accuracy", "coverage"})
_DURATIONS = ("seconds", "_s")
_DECIMAL = re.compile(r"\b(\d) (\d+)\b")
_SPELT = re.compile(r"\S*\w[._/]\w")
_ACRONYMS = {
    "auc": "AUC",
    "pii": "PII",
    "xz": "xz",
    "utf8": "UTF-8",
    "html": "HTML",
    "url": "URL",
    "id": "ID",
    "lr": "learning rate",
    "bpb": "bits per byte",
    "val": "validation",
}


def count(value: float) -> str:
    """Thousands separated: ``12,345``."""
    return f"{round(value):,}"


def short_count(value: float) -> str:
    """A count in at most five characters, for axes: ``950``, ``12k``, ``3.4M``."""
    size = abs(value)
    for limit, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if size >= limit:
            return f"{value / limit:.3g}{unit}"
    return f"{value:.3g}"


def narrow_count(value: float) -> str:
    """A count in full up to seven digits, and in short from there on: ``5,930,900``, ``12.3M``."""
    return count(value) if abs(value) < _WIDE else short_count(value)


def byte_size(value: float) -> str:
    """Decimal units and three digits: ``3.4 MB``, ``938 kB``."""
    size, unit = float(value), 0
    while abs(size) >= 999.5 and unit < len(_BYTES) - 1:
        size, unit = size / 1000, unit + 1
    if unit == 0:
        return f"{size:.0f}{NBSP}B"
    return f"{size:.{0 if abs(size) >= 99.95 else 1}f}{NBSP}{_BYTES[unit]}"


def percent(share: float) -> str:
    """A share of one as per cent: ``4.5 %``. Never rounds something to nothing or to all."""
    if not math.isfinite(share):
        return "–"
    value = share * 100
    if 0 < value < 0.1:
        return f"<{NBSP}0.1{NBSP}%"
    if 99.9 < value < 100:
        return f">{NBSP}99.9{NBSP}%"
    return f"{value:.0f}{NBSP}%" if value in (0, 100) else f"{value:.1f}{NBSP}%"


def duration(seconds: float) -> str:
    """The two largest units: ``0.4 s``, ``41 s``, ``3 min 20 s``, ``2 h 05 min``."""
    if seconds < 10:
        return f"{seconds:.1f}{NBSP}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}{NBSP}s"
    if whole < 3600:
        return f"{whole // 60}{NBSP}min{NBSP}{whole % 60:02d}{NBSP}s"
    minutes = round(seconds / 60)
    return f"{minutes // 60}{NBSP}h{NBSP}{minutes % 60:02d}{NBSP}min"


def hours(seconds: float) -> str:
    """Time in hours, as machines are paid for: ``0.74 h``, ``1,250 h``. Never rounds something to nothing."""
    value = seconds / 3600
    if 0 < value < 0.005:
        return f"<{NBSP}0.01{NBSP}h"
    return f"{value:,.{2 if value < 10 else 1 if value < 100 else 0}f}{NBSP}h"


def energy(joules: float) -> str:
    """Watt-hours, from a thousand on kilowatt-hours: ``8.9 Wh``, ``3.2 kWh``. Never rounds something to nothing."""
    value, unit = joules / 3600, "Wh"
    if 0 < value < 0.005:
        return f"<{NBSP}0.01{NBSP}Wh"
    if value >= 999.5:
        value, unit = value / 1000, "kWh"
    return f"{value:,.{0 if value >= 99.95 else 1 if value >= 0.95 else 2}f}{NBSP}{unit}"


def decimal(value: float, digits: int = 4) -> str:
    """Significant digits without an exponent where that is readable."""
    if not math.isfinite(value):
        return {math.inf: "∞", -math.inf: "−∞"}.get(value, "not a number")
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 0.001:
        return f"{value:.{digits}g}"
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def quantity(name: str, value: float | str | None) -> str:
    """A value in the unit that its name ends with (``…_bytes``, ``…_fraction``, ``…_seconds``, ``bits_per_byte``)."""
    if value is None or isinstance(value, str | bool):
        return {None: "–", True: "yes", False: "no"}.get(value, str(value))  # type: ignore[arg-type]
    key = name.lower().replace(" ", "_")
    last = key.rsplit(".", 1)[-1]
    write: Callable[[float], str] = decimal
    if "bits_per_byte" in key:
        write = _bits
    elif last.endswith(("_per_s", "_per_second")):
        write = partial(_speed, byte_size if "bytes" in last else count if value >= 100 else decimal)
    elif "_per_" in last:
        write = decimal
    elif "bytes" in last.split("_") and (isinstance(value, int) or value >= 1):
        write = byte_size
    elif _SHARES & set(last.split("_")) and 0 <= value <= 1:
        write = percent
    elif last.endswith(_DURATIONS) and value >= 0:
        write = duration
    elif isinstance(value, int):
        write = count
    return write(value) if math.isfinite(value) else decimal(value)


def _speed(write: Callable[[float], str], value: float) -> str:
    return f"{write(value)}/s"


def _bits(value: float) -> str:
    return f"{value:.3f}{NBSP}bits/byte"


def words(name: str) -> str:
    """A key as a heading: ``near_duplicate`` becomes ``Near duplicate``, ``recall_at_0_8`` ``Recall at 0.8``."""
    parts = [_ACRONYMS.get(part, part) for part in name.replace(".", " · ").replace("_", " ").split(" ")]
    text = _DECIMAL.sub(r"\1.\2", " ".join(parts))
    return sentence(text)


def sentence(text: str) -> str:
    """The text with a capital at its start; the name of a command, a parameter or a file keeps its own spelling."""
    return text if text.startswith("xz ") or _SPELT.match(text) else text[:1].upper() + text[1:]
