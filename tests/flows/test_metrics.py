"""What monitoring reads is what happened: parsed as Prometheus does, after real events."""

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from flows import metrics
from flows.errors import InputError, SpecError, UnreachableError
from flows.metrics import LABELS, Names
from flows.service import Penstock
from flows.settings import Settings
from flows.store import NewRun

STEPS = [{"step_id": "a", "ps_type": "generic.wait", "config": {"seconds": 1}}]
GOOD = {"pipeline_id": "p", "steps": STEPS}
TEXT = "Daily revenue: join orders with customers, keep only paid orders, sum amount per day into mart.daily_revenue, every day at 2 AM"


@pytest.fixture
def door(tmp_path, monkeypatch):
    monkeypatch.setattr(metrics, "_meters", None)
    monkeypatch.setattr(metrics, "FRESH", -1.0)
    home = tmp_path / "home"
    home.mkdir()
    with Penstock(settings=Settings(home=home, control_url=f"sqlite:///{home / 'control.sqlite'}")) as opened:
        yield opened


def read(door):
    """Samples by name and labels."""
    text, kind = door.metrics()
    assert kind.startswith("text/plain; version=")
    return {(sample.name, *sorted(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(text.decode()) for sample in family.samples}


def ran(door, pipeline, status, tenant="demo", **steps):
    """A run with these steps: status, type, tries, seconds."""
    store = door.store
    run = store.runs.submit(NewRun(tenant, pipeline, GOOD))
    store.runs.claim("me", 60)
    store.runs.begin(run.run_id, "me")
    store.steps.plan(run.run_id, [(name, name, each[1], n) for n, (name, each) in enumerate(steps.items())])
    began = datetime(2025, 11, 15, tzinfo=UTC)
    for name, (state, _, tries, seconds) in steps.items():
        store.steps.update(run.run_id, name, status=state, attempts=tries, started_at=began, ended_at=began + timedelta(seconds=seconds))
    if status:
        store.runs.finish(run.run_id, status, "", owner="me")
    return run.run_id


def test_runs_steps_and_the_queue_are_those_of_the_store(door):
    ran(door, "a", "SUCCESS", x=("SUCCESS", "generic.load", 3, 2), y=("SKIPPED", "generic.load", 0, 0))
    ran(door, "b", "FAILED", tenant="rival-corp", x=("FAILED", "generic.load", 2, 700))
    ran(door, "c", "", x=("SUCCESS", "generic.extract", 1, 0.2))
    door.store.runs.submit(NewRun("demo", "d", GOOD))
    door.store.runners.beat("runner-1", {})
    seen = read(door)
    assert {name: seen[name] for name in [
        ("penstock_runs_total", "local", "success"), ("penstock_runs_total", "failed", "local"), ("penstock_queue_length",),
        ("penstock_runs_open",), ("penstock_runners_alive",), ("penstock_control_store_up",), ("penstock_step_retries_total",),
        ("penstock_steps_total", "generic.load", "success"), ("penstock_steps_total", "failed", "generic.load"),
        ("penstock_steps_total", "generic.load", "skipped"), ("penstock_steps_total", "generic.extract", "success"),
        ("penstock_step_duration_seconds_count", "generic.load"), ("penstock_step_duration_seconds_bucket", "2.5", "generic.load"),
        ("penstock_step_duration_seconds_bucket", "1.0", "generic.load"), ("penstock_step_duration_seconds_bucket", "+Inf", "generic.load"),
        ("penstock_run_duration_seconds_count",), ("penstock_queue_wait_seconds_count",)]} == {
        ("penstock_runs_total", "local", "success"): 1, ("penstock_runs_total", "failed", "local"): 1, ("penstock_queue_length",): 1,
        ("penstock_runs_open",): 2, ("penstock_runners_alive",): 1, ("penstock_control_store_up",): 1, ("penstock_step_retries_total",): 3,
        ("penstock_steps_total", "generic.load", "success"): 1, ("penstock_steps_total", "failed", "generic.load"): 1,
        ("penstock_steps_total", "generic.load", "skipped"): 1, ("penstock_steps_total", "generic.extract", "success"): 1,
        ("penstock_step_duration_seconds_count", "generic.load"): 3, ("penstock_step_duration_seconds_bucket", "2.5", "generic.load"): 2,
        ("penstock_step_duration_seconds_bucket", "1.0", "generic.load"): 1,
        ("penstock_step_duration_seconds_bucket", "+Inf", "generic.load"): 3,
        ("penstock_run_duration_seconds_count",): 2, ("penstock_queue_wait_seconds_count",): 3}
    assert seen["penstock_step_duration_seconds_sum", "generic.load"] == pytest.approx(702)
    text = door.metrics()[0].decode()
    assert "rival-corp" not in text
    assert "demo" not in text


def test_a_counter_never_goes_down_and_a_restart_loses_nothing(door, monkeypatch):
    monkeypatch.setattr("flows.store.tallies.LATE", 1)
    for name in "abc":
        ran(door, name, "SUCCESS", x=("SUCCESS", "generic.load", 2, 1))
    going = ran(door, "d", "", x=("RUNNING", "generic.load", 3, 1))
    first = read(door)
    door.store.steps.plan(going, [("x", "x", "generic.load", 0)])  # taken up anew: its tries are forgotten
    ran(door, "e", "FAILED", x=("FAILED", "generic.load", 1, 1))
    second = read(door)
    counters = [name for name in first if name[0].startswith("penstock_") and name[0].endswith(("_total", "_bucket", "_count", "_sum"))]
    assert len(counters) > 40
    assert all(first[name] <= second[name] for name in counters)
    assert second["penstock_step_retries_total",] == 5
    assert second["penstock_runs_total", "local", "success"] == 3
    monkeypatch.setattr(metrics, "_meters", None)
    anew = read(door)
    assert {name: anew[name] for name in counters if name[0] != "penstock_step_retries_total"} == {
        name: second[name] for name in counters if name[0] != "penstock_step_retries_total"}


def test_a_store_that_does_not_answer_is_a_figure(door, monkeypatch):
    def gone(*_):
        raise UnreachableError("it is away")

    monkeypatch.setattr(door.store.tallies, "take", gone)
    seen = read(door)
    assert seen["penstock_control_store_up",] == 0
    assert not [name for name in seen if name[0].startswith("penstock_runs")]


def test_the_store_is_asked_at_most_once_in_a_while(door, monkeypatch):
    monkeypatch.setattr(metrics, "FRESH", 60.0)
    read(door)
    ran(door, "a", "SUCCESS")
    assert ("penstock_runs_total", "local", "success") not in read(door)


def test_generations_and_validations_are_counted_where_they_happen(door):
    door.plan(TEXT)  # nobody reads yet
    read(door)
    door.plan(TEXT)
    door.plan("load it")
    with pytest.raises(InputError):
        door.plan(" ")
    assert door.validate(GOOD).ok
    assert not door.validate({**GOOD, "steps": [*STEPS, {**STEPS[0]}]}, level="semantic").ok
    with pytest.raises(SpecError):
        door.validate("pipeline_id: p\nstep: []\n", level="syntax")
    seen = read(door)
    assert {name: value for name, value in seen.items() if name[0] in ("pipeline_generations_total", "penstock_validations_total")} == {
        ("pipeline_generations_total", "local", "ready"): 1, ("pipeline_generations_total", "local", "needs_input"): 1,
        ("pipeline_generations_total", "error", "local"): 1, ("penstock_validations_total", "semantic", "valid"): 1,
        ("penstock_validations_total", "invalid", "semantic"): 1, ("penstock_validations_total", "invalid", "syntax"): 1}
    assert seen["pipeline_generation_duration_seconds_count",] == 3
    assert seen["pipeline_validation_errors_total", "duplicate_step"] == 1
    assert seen["pipeline_validation_errors_total", "unknown_field"] == 1


def test_names_from_outside_are_bounded(door):
    names = Names()
    for given, shown in (("generic.load", "generic.load"), ('a"b\n', "other"), ("x" * 64, "other"), ("", "other"), ("é", "other")):
        assert names(given) == shown
    assert len({names(f"kind{n}") for n in range(500)}) == LABELS
    assert names("kind0") == "kind0"
    ran(door, "a", "SUCCESS", x=("SUCCESS", 'no"type\n} 1', 1, 1), y=("SUCCESS", "another one", 1, 1))
    seen = read(door)
    assert seen["penstock_steps_total", "other", "success"] == 2
