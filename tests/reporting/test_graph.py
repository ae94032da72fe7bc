"""The drawing of the line: every stage once, edges downwards, nothing on top of another."""

import re
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from bessemer.reporting.graph import NODE_WIDTH, Node, draw, layout

NAMES = [f"s{number}" for number in range(9)]
EDGES = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=25)


@given(EDGES)
def test_no_two_boxes_share_a_place_and_every_edge_goes_down(edges: list[tuple[str, str]]) -> None:
    places, routes = layout(NAMES, edges)
    assert len({(place.column, place.layer) for place in places.values()}) == len(NAMES)
    for route in routes:
        layers = [place.layer for place in route]
        assert layers == list(range(layers[0], layers[-1] + 1))
        assert len(layers) > 1
        assert not {(bend.column, bend.layer) for bend in route[1:-1]} & {(p.column, p.layer) for p in places.values()}


def test_an_edge_that_follows_from_others_is_not_drawn() -> None:
    _, routes = layout(["a", "b", "c"], [("a", "b"), ("b", "c"), ("a", "c")])
    assert len(routes) == 2


def test_edges_to_stages_outside_the_run_are_left_out() -> None:
    places, routes = layout(["a", "b"], [("a", "b"), ("b", "elsewhere"), ("before", "a")])
    assert set(places) == {"a", "b"}
    assert len(routes) == 1


def test_a_hostile_name_is_text_in_the_drawing() -> None:
    name = '</text><script>alert(1)</script>" onload="x \u202e'
    drawing = ET.fromstring(draw([Node(name, "ran", "good", "page.html")], []))
    assert {element.tag for element in drawing.iter()} <= {"svg", "g", "a", "rect", "text", "path"}
    texts = [element.text for element in drawing.iter("text")]
    assert texts[0] == name.replace("\u202e", "[U+202E]")


def test_boxes_lie_within_the_drawing() -> None:
    svg = str(draw([Node(name, "ran", "good") for name in NAMES], [("s0", "s1"), ("s0", "s2"), ("s0", "s8")]))
    width, height = (float(size) for size in re.findall(r'viewBox="0 0 (\d+) (\d+)"', svg)[0])
    for box in ET.fromstring(svg).iter("rect"):
        assert 0 <= float(box.attrib["x"]) <= width - float(box.attrib["width"])
        assert 0 <= float(box.attrib["y"]) <= height - float(box.attrib["height"])


def test_a_line_without_stages_is_still_a_drawing() -> None:
    assert draw([], []).startswith("<svg")


def test_a_line_without_siblings_is_drawn_in_the_size_of_others() -> None:
    drawn = draw([Node("a", "ran", "good"), Node("b", "ran", "good")], [("a", "b")])
    assert f"max-width:{NODE_WIDTH + 4}px" in drawn
