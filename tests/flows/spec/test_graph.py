"""Promises of the running order: section 2 of the contract, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from flows.errors import SpecError
from flows.spec import FlowSpec
from flows.spec.graph import edges, order, upstream


def spec(*steps: tuple[str, dict[str, Any]] | str) -> FlowSpec:
    named = [(s, {}) if isinstance(s, str) else s for s in steps]
    return FlowSpec.model_validate({"pipeline_id": "p", "steps": [{"step_id": i, "ps_type": "x", **more} for i, more in named]})


def test_without_any_depends_on_steps_run_top_to_bottom() -> None:
    assert edges(spec("a", "b", "c")) == {"a": (), "b": ("a",), "c": ("b",)}


def test_an_empty_depends_on_starts_at_once() -> None:
    assert edges(spec("a", ("b", {"depends_on": []}), "c")) == {"a": (), "b": (), "c": ("b",)}


def test_a_list_is_exactly_what_it_says() -> None:
    assert edges(spec("a", "b", ("c", {"depends_on": ["a"]}), ("d", {"depends_on": ["c", "b"]})))["d"] == ("c", "b")


def test_neighbours_of_a_group_follow_what_stood_before_it_and_the_next_step_follows_all_of_them() -> None:
    group = {"parallel_group": "g"}
    assert edges(spec("a", ("b", group), ("c", group), "d", "e")) == {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c"), "e": ("d",)}


def test_a_group_that_comes_first_starts_at_once_and_a_group_follows_all_of_the_group_before() -> None:
    g, h = {"parallel_group": "g"}, {"parallel_group": "h"}
    assert edges(spec(("a", g), ("b", g), ("c", h), ("d", h))) == {"a": (), "b": (), "c": ("a", "b"), "d": ("a", "b")}


def test_only_neighbours_are_one_group() -> None:
    g = {"parallel_group": "g"}
    assert edges(spec(("a", g), "b", ("c", g))) == {"a": (), "b": ("a",), "c": ("b",)}


def test_depends_on_wins_inside_a_group() -> None:
    g = {"parallel_group": "g"}
    assert edges(spec("a", ("b", g), ("c", {**g, "depends_on": ["b"]}), "d")) == {"a": (), "b": ("a",), "c": ("b",), "d": ("b", "c")}


def test_the_order_respects_edges_and_otherwise_stays_as_written() -> None:
    steps = [("d", {"depends_on": ["a"]}), ("c", {"depends_on": []}), ("a", {"depends_on": ["c"]}), ("b", {"depends_on": []})]
    assert order(spec(*steps)) == ["c", "a", "d", "b"]


def test_upstream_is_transitive() -> None:
    above = upstream(spec("a", "b", "c", ("d", {"depends_on": []})))
    assert above("a", "c")
    assert not above("c", "a")
    assert not above("a", "d")
    assert not above("a", "a")
    assert not above("nobody", "c")


def problem(*steps: Any) -> str:
    with pytest.raises(SpecError) as caught:
        order(spec(*steps))
    return str(caught.value)


def test_a_circle_is_printed_from_the_step_written_first() -> None:
    said = problem(("a", {"depends_on": ["c"]}), ("b", {"depends_on": ["a"]}), ("c", {"depends_on": ["b"]}), ("d", {"depends_on": []}))
    assert said == ("steps.a.depends_on: the steps wait for each other in a circle: a -> b -> c -> a. "
                    "Take one of these names off a depends_on")


def test_a_circle_over_a_step_that_says_nothing_tells_why() -> None:
    assert "a -> b -> a" in problem(("a", {"depends_on": ["b"]}), "b")
    assert "'b' has none and so follows what is written before it" in problem(("a", {"depends_on": ["b"]}), "b")


def test_a_step_that_waits_for_itself() -> None:
    assert "steps.a.depends_on: the step waits for itself: a -> a" in problem(("a", {"depends_on": ["a"]}))


def test_an_unknown_step_is_named_with_the_nearest_one() -> None:
    assert problem("extract", ("b", {"depends_on": ["extarct"]})) == \
        "steps.b.depends_on: there is no step 'extarct'. Did you mean 'extract'?"


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        edges(spec("a", ("a", {"depends_on": []}), ("b", {"depends_on": ["x", "a", "a"]})))
    assert [p.code for p in caught.value.problems] == ["duplicate_step", "unknown_step", "duplicate_edge"]


def test_a_circle_of_two_thousand_steps_is_one_short_message() -> None:
    ring = [(f"s{n}", {"depends_on": [f"s{(n + 1) % 2000}"]}) for n in range(2000)]
    assert len(problem(*ring)) < 400


def test_a_chain_of_two_thousand_steps_is_ordered() -> None:
    chain = spec(*(f"s{n}" for n in range(2000)))
    assert order(chain)[-1] == "s1999"
    assert upstream(chain)("s0", "s1999")
