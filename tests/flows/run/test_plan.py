"""The plan: order, defaults, typed configs, and what is wrong with a spec."""

import pytest

from flows.errors import MissingError, SpecError
from flows.run.plan import make_plan

pytestmark = pytest.mark.usefixtures("fake_engines")


def test_steps_come_in_running_order_with_their_upstream(spec_of, catalog):
    plan = make_plan(spec_of({"step_id": "last", "depends_on": ["b", "a"]}, {"step_id": "a", "depends_on": []}, {"step_id": "b"}),
                     catalog=catalog)
    assert [s.step_id for s in plan.steps] == ["a", "b", "last"]
    assert [s.position for s in plan.steps] == [0, 1, 2]
    assert plan.step("b").upstream == ("a",)
    assert plan.above("last") == ["a", "b"]


def test_defaults_hold_where_a_step_says_nothing(spec_of, catalog):
    plan = make_plan(spec_of({"step_id": "a"}, {"step_id": "b", "timeout_seconds": 5, "retry": {"max_attempts": 2}},
                             defaults={"timeout_minutes": 2, "retry": {"max_attempts": 4}}), catalog=catalog)
    assert (plan.step("a").timeout, plan.step("a").retry.max_attempts) == (120, 4)
    assert (plan.step("b").timeout, plan.step("b").retry.max_attempts) == (5, 2)
    bare = make_plan(spec_of({"step_id": "a"}), catalog=catalog).step("a")
    assert (bare.timeout, bare.retry.max_attempts, bare.name) == (1800, 1, "a")


def test_every_wrong_step_is_named(spec_of, catalog):
    spec = spec_of({"step_id": "a", "ps_type": "generic.waitt"}, {"step_id": "b", "config": {"secondz": 1}}, {"step_id": "c"})
    with pytest.raises(SpecError) as caught:
        make_plan(spec, catalog=catalog)
    first, second = caught.value.problems
    assert first.path == "steps.a.ps_type"
    assert second.path == "steps.b.config.secondz"
    assert "'seconds'" in second.hint


def test_a_circle_is_printed(spec_of, catalog):
    with pytest.raises(SpecError, match="a -> b -> a"):
        make_plan(spec_of({"step_id": "a", "depends_on": ["b"]}, {"step_id": "b", "depends_on": ["a"]}), catalog=catalog)


def test_an_input_must_run_before_its_reader(spec_of, catalog):
    spec = spec_of({"step_id": "a", "depends_on": []}, {"step_id": "b", "depends_on": [], "inputs": ["a"]})
    with pytest.raises(SpecError, match="reads 'a', which does not run before it") as caught:
        make_plan(spec, catalog=catalog)
    assert caught.value.problems[0].path == "steps.b"


def test_what_one_step_needs_follows_the_rows_not_the_order(spec_of, catalog):
    plan = make_plan(spec_of({"step_id": "a"}, {"step_id": "b"}, {"step_id": "c", "inputs": ["b", "orders"]}), catalog=catalog)
    assert plan.needed("c") == ["b", "c"]
    with pytest.raises(MissingError, match="Did you mean"):
        plan.needed("cc")
