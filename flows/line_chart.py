"""A curve in a terminal, in Braille dots: two by four of them in a character."""

from collections.abc import Sequence

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BLANK = 0x2800


def line_chart(points: Sequence[tuple[float, float]], width: int, height: int) -> list[str]:
    """Lines of text, ``width`` wide: ``height`` of them with a value axis, and one with the x axis.

    Args:
        points: x and y, finite, x rising.
        width: characters in all, axis labels included; at least 20.
        height: characters of the curve; at least 2.
    """
    if not points:
        return ["no values yet".center(width).rstrip()]
    low, high = min(y for _, y in points), max(y for _, y in points)
    top, bottom = _label(high), _label(low)
    margin = max(len(top), len(bottom)) + 1
    columns = max(8, width - margin - 1)
    drawn = _draw(points, columns, height, low, high)
    labels = {0: top, height - 1: bottom}
    lines = [f"{labels.get(row, ''):>{margin - 1}} ┤{text}" for row, text in enumerate(drawn)]
    first, last = f"{points[0][0]:,.0f}", f"{points[-1][0]:,.0f}"
    return [*lines, " " * (margin + 1) + first + last.rjust(columns - len(first))]


def _draw(points: Sequence[tuple[float, float]], columns: int, height: int, low: float, high: float) -> list[str]:
    cells = [[0] * columns for _ in range(height)]
    dots_x, dots_y = columns * 2, height * 4
    first, span = points[0][0], (points[-1][0] - points[0][0]) or 1.0
    rise = (high - low) or 1.0
    sums: dict[int, list[float]] = {}
    for x, y in points:
        sums.setdefault(min(dots_x - 1, int((x - first) / span * dots_x)), []).append(y)
    before: tuple[int, int] | None = None
    for x in sorted(sums):
        share = min(1.0, max(0.0, (sum(sums[x]) / len(sums[x]) - low) / rise))
        y = round((1 - share) * (dots_y - 1))
        steps = 1 if before is None else max(1, x - before[0], abs(y - before[1]))
        start_x, start_y = (x, y) if before is None else before
        for number in range(1, steps + 1):  # the line from the point before
            dot_x = round(start_x + (x - start_x) * number / steps)
            dot_y = round(start_y + (y - start_y) * number / steps)
            cells[dot_y // 4][dot_x // 2] |= _DOTS[dot_y % 4][dot_x % 2]
        before = (x, y)
    return ["".join(chr(_BLANK + cell) if cell else " " for cell in row) for row in cells]


def _label(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1e4 else f"{value:.2e}"
