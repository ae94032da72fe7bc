"""The line as a drawing: stages in layers from top to bottom, each in the colour of its state.

Layers by longest path, edges that follow from others left out, crossings reduced by barycentres (Sugiyama,
Tagawa and Toda 1981). Plain data in, inline SVG out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import networkx as nx
from markupsafe import Markup

from bessemer.reporting.untrusted import neutralise

NODE_WIDTH, NODE_HEIGHT = 122, 38
COLUMN, LAYER = 134, 60
_SWEEPS = 4


@dataclass(frozen=True)
class Node:
    """A box of the drawing: its name, a second line, a CSS class for its colour, and where a click leads."""

    name: str
    note: str
    tone: str
    link: str = ""


@dataclass(frozen=True)
class Place:
    """Where a box, or a bend of a long edge, lies: column (may be fractional) and layer, from the upper left."""

    column: float
    layer: int


def layout(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> tuple[dict[str, Place], list[list[Place]]]:
    """Places of the named stages, and the points of every edge that does not follow from others.

    Args:
        names: in the order in which stages stand side by side where nothing else decides.
        edges: pairs (from, to); those with an end that is not named are left out, and so is one that closes a circle.

    Returns:
        Name to place, and per edge its points from the upper stage to the lower one.
    """
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(names)
    for upper, lower in edges:
        if upper in graph and lower in graph and upper != lower and not nx.has_path(graph, lower, upper):
            graph.add_edge(upper, lower)
    layers = {name: depth for depth, row in enumerate(nx.topological_generations(graph)) for name in row}
    bent: nx.DiGraph[str] = nx.DiGraph()
    bent.add_nodes_from(names)
    depth = dict(layers)
    routes = []
    for upper, lower in sorted(
        nx.transitive_reduction(graph).edges, key=lambda edge: [names.index(end) for end in edge]
    ):
        route = [upper, *(f"{upper}\0{lower}\0{step}" for step in range(layers[upper] + 1, layers[lower])), lower]
        depth.update({name: layers[upper] + step for step, name in enumerate(route)})
        nx.add_path(bent, route)
        routes.append(route)
    columns = _columns(bent, depth)
    places = {name: Place(columns[name], depth[name]) for name in bent}
    return {name: places[name] for name in names}, [[places[name] for name in route] for route in routes]


def _columns(graph: "nx.DiGraph[str]", depth: Mapping[str, int]) -> dict[str, float]:
    rows: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for name in graph:
        rows[depth[name]].append(name)
    widest = max((len(row) for row in rows), default=1)

    def place(row: Sequence[str]) -> dict[str, float]:
        return {name: (widest - len(row)) / 2 + index for index, name in enumerate(row)}

    columns = {name: column for row in rows for name, column in place(row).items()}
    for sweep in range(_SWEEPS):
        downward = sweep % 2 == 0
        for row in rows if downward else rows[::-1]:
            centre = {}
            for name in row:
                beside = [
                    columns[other] for other in (graph.predecessors(name) if downward else graph.successors(name))
                ]
                centre[name] = sum(beside) / len(beside) if beside else columns[name]
            row.sort(key=lambda name: (centre[name], columns[name]))
            columns.update(place(row))
    return columns


def draw(nodes: Sequence[Node], edges: Sequence[tuple[str, str]]) -> Markup:
    """Inline SVG of the nodes and edges, coloured by the page's style sheet."""
    places, routes = layout([node.name for node in nodes], edges)
    columns = [place.column for place in places.values()] + [place.column for route in routes for place in route]
    left, right = min(columns, default=0.0), max(columns, default=0.0)
    width = (right - left) * COLUMN + NODE_WIDTH + 4
    height = max((place.layer for place in places.values()), default=0) * LAYER + NODE_HEIGHT + 4

    def corner(place: Place) -> tuple[float, float]:
        return (place.column - left) * COLUMN + 2, place.layer * LAYER + 2

    drawn = [
        Markup('<path class="edge" d="{}"/>').format(_curve([corner(place) for place in route])) for route in routes
    ]
    drawn += [_box(node, *corner(places[node.name])) for node in nodes]
    size = Markup('style="max-width:{0:.0f}px" viewBox="0 0 {0:.0f} {1:.0f}"').format(width, height)
    head = Markup('<svg class="graph" {} role="img" aria-label="{}">')
    label = "The stages in order: " + ", ".join(f"{node.name} {node.note}" for node in nodes)
    return Markup("").join([head.format(size, neutralise(label)), *drawn, Markup("</svg>")])


def _curve(corners: Sequence[tuple[float, float]]) -> str:
    """A line that leaves a box downwards, passes the bends and enters the next box from above."""
    middle = NODE_WIDTH / 2
    x, y = corners[0]
    parts = [f"M{x + middle:.1f} {y + NODE_HEIGHT:.1f}"]
    from_x, from_y = x + middle, y + NODE_HEIGHT
    for number, (x, y) in enumerate(corners[1:], start=2):
        to_x, to_y = x + middle, y
        half = (from_y + to_y) / 2
        parts.append(f"C{from_x:.1f} {half:.1f} {to_x:.1f} {half:.1f} {to_x:.1f} {to_y:.1f}")
        if number < len(corners):
            parts.append(f"V{y + NODE_HEIGHT:.1f}")
            to_y = y + NODE_HEIGHT
        from_x, from_y = to_x, to_y
    return "".join(parts)


def _box(node: Node, x: float, y: float) -> Markup:
    middle = x + NODE_WIDTH / 2
    box = Markup(
        '<rect x="{:.1f}" y="{:.1f}" width="{}" height="{}" rx="4"/><text x="{:.1f}" y="{:.1f}">{}</text>'
        '<text class="sub" x="{:.1f}" y="{:.1f}">{}</text>'
    ).format(
        x, y, NODE_WIDTH, NODE_HEIGHT, middle, y + 16, neutralise(node.name), middle, y + 31, neutralise(node.note)
    )
    if node.link:
        box = Markup('<a href="{}">{}</a>').format(node.link, box)
    return Markup('<g class="{}">{}</g>').format(node.tone, box)
