"""The table of triggers, and how a run ends."""

import pytest

from flows.run import gate
from flows.run.gate import CANCELLED, FAILED, SKIPPED, SUCCESS, TIMED_OUT, judge, waits_for
from flows.run.plan import make_plan

pytestmark = pytest.mark.usefixtures("fake_engines")


@pytest.fixture
def decide(spec_of, catalog):
    def decide(trigger, a, b):
        plan = make_plan(spec_of({"step_id": "a", "depends_on": []}, {"step_id": "b", "depends_on": []},
                                 {"step_id": "c", "depends_on": ["a", "b"], "trigger": trigger}), catalog=catalog)
        return judge(plan.step("c"), plan, {"a": a, "b": b})
    return decide


@pytest.mark.parametrize(("trigger", "a", "b", "go", "why"), [
    ("on_success", SUCCESS, SUCCESS, True, ""),
    ("on_success", FAILED, SUCCESS, False, "a failed"),
    ("on_success", TIMED_OUT, SKIPPED, False, "a timed out, b was skipped"),
    ("on_success", SUCCESS, SKIPPED, False, "b was skipped"),
    ("on_failure", SUCCESS, SUCCESS, False, "runs on failure only, and no step before it failed"),
    ("on_failure", SUCCESS, FAILED, True, ""),
    ("on_failure", TIMED_OUT, SUCCESS, True, ""),
    ("on_failure", SKIPPED, CANCELLED, False, "runs on failure only, and no step before it failed"),
    ("always", FAILED, SKIPPED, True, ""),
    ("always", SUCCESS, CANCELLED, True, ""),
])
def test_triggers_are_judged_by_the_table(decide, trigger, a, b, go, why):
    decision = decide(trigger, a, b)
    assert (decision.go, decision.why) == (go, why)


def test_on_failure_sees_a_failure_further_up(spec_of, catalog):
    plan = make_plan(spec_of({"step_id": "a"}, {"step_id": "b"}, {"step_id": "c", "trigger": "on_failure"}), catalog=catalog)
    assert judge(plan.step("c"), plan, {"a": FAILED, "b": SKIPPED}).go


def test_on_failure_ignores_a_failure_elsewhere(spec_of, catalog):
    plan = make_plan(spec_of({"step_id": "a", "depends_on": []}, {"step_id": "b", "depends_on": []},
                             {"step_id": "c", "depends_on": ["b"], "trigger": "on_failure"}), catalog=catalog)
    assert not judge(plan.step("c"), plan, {"a": FAILED, "b": SUCCESS}).go


def test_on_failure_without_upstream_looks_at_the_whole_run_at_its_end(spec_of, catalog):
    plan = make_plan(spec_of({"step_id": "alarm", "depends_on": [], "trigger": "on_failure"},
                             {"step_id": "told", "depends_on": ["alarm"]},
                             {"step_id": "second", "depends_on": [], "trigger": "on_failure"},
                             {"step_id": "a", "depends_on": []}, {"step_id": "b"}), catalog=catalog)
    awaited = waits_for(plan)
    assert set(awaited["alarm"]) == set(awaited["second"]) == {"a", "b"}  # not each other, not what hangs on them
    assert awaited["told"] == ("alarm",)
    assert judge(plan.step("alarm"), plan, {"a": SUCCESS, "b": FAILED}).go
    assert judge(plan.step("alarm"), plan, {"a": SUCCESS, "b": SUCCESS}).why == "runs on failure only, and no step failed"


@pytest.mark.parametrize(("states", "status"), [
    ([SUCCESS, SUCCESS], "SUCCESS"),
    ([SUCCESS, SKIPPED], "SUCCESS"),
    ([FAILED, SUCCESS], "FAILED"),  # an on_failure step that worked does not save the run
    ([TIMED_OUT, SKIPPED], "FAILED"),
    ([FAILED, CANCELLED], "CANCELLED"),
])
def test_a_run_ends_as_its_steps_say(states, status):
    assert gate.final_status(states) == status
