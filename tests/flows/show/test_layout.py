from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.show.layout import HEIGHT, WIDE, WIDTH, layout
from flows.show.outline import outline
from flows.show.rows import rising
from flows.spec.model import FlowSpec


def steps(*said: tuple) -> dict:
    """`("b", "a")`: step b after a."""
    return {"pipeline_id": "p", "steps": [{"step_id": name, "ps_type": "generic.wait", "depends_on": list(after)} for name, *after in said]}


@st.composite
def pipelines(draw, most: int = 40) -> dict:
    many = draw(st.integers(1, most))
    found = []
    for n in range(many):
        after = draw(st.lists(st.integers(max(0, n - 9), n - 1), max_size=3, unique=True)) if n else []
        group = draw(st.sampled_from([None, None, "g", "h"]))
        found.append({"step_id": f"s{n}", "ps_type": "generic.wait", "depends_on": [f"s{i}" for i in after],
                      **({"parallel_group": group} if group else {})})
    return {"pipeline_id": "p", "steps": found}


@settings(max_examples=80, deadline=None)
@given(pipelines(), st.sampled_from([54, 76]))
def test_boxes_stand_apart_edges_go_down_and_no_step_is_lost(spec, height):
    drawn = layout(spec, height=height)
    for a, b in combinations(drawn.nodes, 2):
        assert abs(a.x - b.x) >= WIDTH or abs(a.y - b.y) >= height
    at = {node.id: node for node in drawn.nodes}
    for (a, b), route in zip(drawn.edges, drawn.routes, strict=True):
        assert at[a].y + height == route[0][1] < route[-1][1] == at[b].y
        assert [y for _, y in route] == sorted(y for _, y in route)
    assert sorted(s for node in drawn.nodes for s in node.steps) == sorted(s["step_id"] for s in spec["steps"])
    assert all(node.x >= 0 and node.x + node.w <= drawn.width and node.y + node.h <= drawn.height for node in drawn.nodes)


@settings(max_examples=60, deadline=None)
@given(pipelines(25))
def test_an_edge_leads_around_the_boxes_between(spec):
    drawn = layout(spec)
    for (a, b), route in zip(drawn.edges, drawn.routes, strict=True):
        for (x0, y0), (x1, y1) in pairwise(route):
            for node in drawn.nodes:
                inside = node.y < max(y0, y1) and min(y0, y1) < node.y + node.h and node.id not in (a, b)
                assert not inside or (x0 == x1 and not node.x < x0 < node.x + node.w)


@settings(max_examples=40, deadline=None)
@given(pipelines(30))
def test_every_edge_of_the_spec_is_drawn_and_no_other(spec):
    drawn = layout(spec, many=1_000)
    assert set(drawn.edges) == {(a, s["step_id"]) for s in spec["steps"] for a in s["depends_on"]}


def test_reading_order_is_from_the_top_and_from_the_left():
    drawn = layout(steps(("a",), ("b",), ("c", "a"), ("d", "a", "b"), ("e", "c", "d")))
    assert [node.id for node in drawn.nodes] == ["a", "b", "c", "d", "e"]
    assert [node.level for node in drawn.nodes] == [0, 0, 1, 1, 2]
    assert {(node.w, node.h) for node in drawn.nodes} == {(WIDTH, HEIGHT)}


def test_the_order_in_a_row_avoids_crossings():
    drawn = layout(steps(("a",), ("b",), ("under_b", "b"), ("under_a", "a")))
    assert [node.id for node in drawn.nodes] == ["a", "b", "under_a", "under_b"]


def test_a_chain_is_one_straight_line():
    drawn = layout(steps(("a",), ("b", "a"), ("c", "b")))
    assert len({node.x for node in drawn.nodes}) == 1
    assert drawn.path(0).count("C") == 0


def test_what_nobody_waits_for_stands_beside_the_others():
    drawn = layout(steps(("a",), ("alone",), ("b", "a"), ("c", "b"), ("d", "b"), ("e", "b")))
    at = {node.id: node.x for node in drawn.nodes}
    assert abs(at["alone"] - at["a"]) < WIDTH * 1.2


def test_a_wide_level_goes_on_in_the_next_row():
    drawn = layout(steps(("a",), *((f"s{n}", "a") for n in range(20)), ("z", *(f"s{n}" for n in range(20)))))
    rows = [sum(node.level == level for node in drawn.nodes) for level in range(6)]
    assert rows == [1, 5, 5, 5, 5, 1]
    assert max(rows) == WIDE
    assert drawn.width < 1_500


def fan(many: int) -> dict:
    return steps(("a",), *((f"s{n}", "a") for n in range(many)), ("z", *(f"s{n}" for n in range(many))))


def test_many_steps_side_by_side_are_one_box_until_it_is_opened():
    drawn = layout(fan(58))
    assert [(node.id, len(node.steps)) for node in drawn.nodes] == [("a", 1), ("+s0", 58), ("z", 1)]
    assert drawn.edges == (("a", "+s0"), ("+s0", "z"))
    whole = layout(fan(58), opened=["+s0"])
    assert len(whole.nodes) == 60
    assert whole.folds == ("+s0",)


def test_up_to_25_steps_nothing_is_folded():
    assert len(layout(fan(23)).nodes) == 25
    assert len(layout(fan(24)).nodes) == 3


def test_twelve_chains_of_one_shape_are_folded_row_by_row():
    chains = [step for n in range(12) for step in ((f"read{n}",), (f"clean{n}", f"read{n}"), (f"load{n}", f"clean{n}"))]
    drawn = layout(steps(*chains))
    assert [len(node.steps) for node in drawn.nodes] == [12, 12, 12]


def test_a_parallel_group_is_folded():
    spec = {"steps": [{"step_id": "start", "depends_on": []},
                      *({"step_id": f"g{n}", "parallel_group": "g"} for n in range(5)),
                      *({"step_id": f"c{n}"} for n in range(20))]}
    assert next(node for node in layout(spec).nodes if node.id == "+g0").steps == ("g0", "g1", "g2", "g3", "g4")


@pytest.mark.parametrize("spec", [fan(1_998), steps(("s0",), *((f"s{n}", f"s{n - 1}") for n in range(1, 2_000)))], ids=["fan", "chain"])
def test_two_thousand_steps_are_placed(spec):
    assert sum(len(node.steps) for node in layout(spec).nodes) == 2_000


def test_a_long_net_is_drawn_simply():
    spec = steps(*((f"s{n}", *(f"s{k}" for k in {n - 1, n // 2} if 0 <= k < n)) for n in range(900)))
    drawn = layout(spec, many=10_000)
    assert len(drawn.nodes) == 900
    assert all(len(route) == 2 for route in drawn.routes)


def test_the_same_spec_gives_the_same_picture_from_data_or_model():
    spec = fan(9)
    assert layout(spec) == layout(FlowSpec.model_validate(spec))


@pytest.mark.parametrize("draft", [{}, {"steps": None}, {"steps": []}, {"steps": ["?", None]}])
def test_a_draft_without_steps_is_an_empty_picture(draft):
    assert layout(draft).nodes == ()


def test_a_draft_with_faults_is_still_drawn():
    drawn = layout({"steps": [{"step_id": "a", "depends_on": ["?", "gone", "a", "c"]}, {"step_id": "b", "depends_on": ["a", "a"]},
                              {"depends_on": ["b"]}, {"step_id": "b", "depends_on": None}, {"step_id": "c", "depends_on": ["b"]}]})
    assert sorted(node.id for node in drawn.nodes) == ["a", "b", "b_2", "c", "step_3"]
    assert set(drawn.edges) == {("c", "a"), ("b", "c"), ("b", "step_3"), ("step_3", "b_2")}  # the circle a, b, c is cut once


def test_steps_without_depends_on_follow_each_other():
    assert outline({"steps": [{"step_id": "a"}, {"step_id": "b"}]}).parents == (("a", ()), ("b", ("a",)))


@given(st.lists(st.floats(-1e3, 1e3), max_size=30))
def test_rising_numbers_rise(wish):
    found = rising(wish, [1.0] * len(wish))
    assert len(found) == len(wish)
    assert all(a <= b + 1e-9 for a, b in pairwise(found))
    if wish == sorted(wish):
        assert found == wish
