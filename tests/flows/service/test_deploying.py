"""Deploy, pause, roll back, delete: what is kept, what is refused, who may, and why something is late."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flows.access import Identity
from flows.errors import ForbiddenError, InputError, MissingError, PenstockError, SpecError, UnreachableError
from flows.service import Penstock
from flows.store import NewRun


def spec(seconds: float = 0, **more: Any) -> dict[str, Any]:
    return {"pipeline_id": "job", "name": "The job", "parameters": [{"name": "country", "default": "AT"}], **more,
            "steps": [{"step_id": "wait", "ps_type": "generic.wait", "config": {"seconds": seconds}}]}


@pytest.fixture
def door(settings: Any) -> Iterator[Penstock]:
    with Penstock(settings=settings) as opened:
        yield opened


def live(door: Penstock, pool: dict[str, Any] | None = None) -> None:
    """As if Prefect knew."""
    given = door.store.deployments.claim((door.tenant, "job", "local"), 60)
    assert given is not None
    door.store.deployments.told(given, "p-1", {"paused": given.paused, "params": given.values, "base": given.params})
    if pool is not None:
        door.store.deployments.note_pool(given.pool, pool)


def test_a_deployment_says_what_runs_when(door: Penstock) -> None:
    made = door.deploy(spec(), schedule={"cron": "0 2 * * *", "timezone": "Europe/Vienna"}, params={"country": "DE"})
    assert (made.version, made.release, made.status, made.pool) == (1, 1, "PENDING", "penstock")
    assert made.words == "Every day at 02:00 Europe/Vienna"
    assert len(made.next) == 5
    assert made.next == door.next_times({"cron": "0 2 * * *", "timezone": "Europe/Vienna"})
    assert door.deployment("job") == door.deployments()[0] == door.deployments(pipeline_id="job")[0]
    assert made.as_dict()["next"][0] == made.next[0].isoformat()


def test_the_schedule_is_the_given_one_else_that_of_the_spec_else_the_one_before(door: Penstock) -> None:
    with pytest.raises(InputError, match="'job' has no schedule"):
        door.deploy(spec())
    assert door.deploy(spec(), schedule="every 2 hours").words == "Every 2 hours"
    assert door.deploy(spec()).words == "Every 2 hours"
    assert door.deploy(spec(schedule={"cron": "0 6 * * *"})).words == "Every day at 06:00 UTC"
    assert door.deploy(spec(schedule={"cron": "0 6 * * *"}), schedule="0 7 * * *").words == "Every day at 07:00 UTC"


@pytest.mark.parametrize(("schedule", "kind", "words"), [
    ("hello", SpecError, "does not have five fields"), ("0 0 31 2 *", SpecError, "never comes true"), ("", SpecError, "five fields"),
    ({"cron": "0 2 * * *", "timezone": "Vienna"}, SpecError, "Europe/Vienna"),
    ({"cron": "0 2 * * *", "interval_seconds": 5}, InputError, "no schedule"),
    ({"interval_seconds": 0}, InputError, "no schedule"), ({"secret": 1}, InputError, "no schedule"),
    ("every 0 minutes", SpecError, "five fields")])
def test_what_is_no_schedule_is_refused_and_nothing_is_kept(door: Penstock, schedule: Any, kind: type[PenstockError], words: str) -> None:
    for ask in (lambda: door.deploy(spec(), schedule=schedule), lambda: door.next_times(schedule)):
        with pytest.raises(kind, match=words):
            ask()
    assert door.pipelines() == []


def test_values_that_no_run_could_begin_with_are_refused(door: Penstock) -> None:
    for params, words in (({"county": "DE"}, "country"), ({"run_date": "2025-11-15"}, "own run date")):
        with pytest.raises(InputError, match=words):
            door.deploy(spec(), schedule="0 2 * * *", params=params)
    with pytest.raises(InputError, match="is needed"):
        door.deploy(spec(parameters=[{"name": "country"}]), schedule="0 2 * * *")
    with pytest.raises(InputError, match="no environment 'test'"):
        door.deploy(spec(), schedule="0 2 * * *", environment="test")
    with pytest.raises(UnreachableError):
        door.deploy(spec(), schedule="0 2 * * *", environment="production")


def test_a_run_date_that_has_no_default_is_the_day_when_a_run_is_due(door: Penstock) -> None:
    made = door.deploy(spec(parameters=[{"name": "run_date", "type": "date"}]), schedule="0 2 * * *")
    assert made.params == {}


def test_deploying_anew_keeps_the_pause_the_values_and_the_pool(door: Penstock) -> None:
    door.deploy(spec(), schedule="0 2 * * *", params={"country": "DE"}, pool="cluster")
    door.pause("job")
    again = door.deploy(spec(1), schedule="0 3 * * *")
    assert (again.version, again.paused, again.next, again.params, again.pool) == (2, True, [], {"country": "DE"}, "cluster")
    assert door.resume("job").next == door.next_times("0 3 * * *")


def test_a_rollback_takes_the_pipeline_and_what_runs_a_later_version(door: Penstock) -> None:
    door.deploy(spec(1), schedule="0 1 * * *")
    door.submit(spec(2), trigger_by="test")  # a version that was never deployed
    door.deploy(spec(3), schedule="0 3 * * *")
    done = door.rollback("job")
    assert (done.version, done.before) == (1, 3)
    assert [(each.version, each.words) for each in done.deployments] == [(1, "Every day at 01:00 UTC")]
    assert door.stored("job").version == 1
    assert [(each.version, each.newest) for each in door.pipelines()] == [(1, 3)]
    assert door.rollback("job", to=3).deployments[0].version == 3
    assert [r.action for r in door.releases("job")] == ["rollback", "rollback", "deploy", "deploy"]


def test_a_rollback_of_one_environment_leaves_the_pipeline(door: Penstock) -> None:
    door.deploy(spec(1), schedule="0 1 * * *")
    door.deploy(spec(2))
    assert door.rollback("job", environment="local").version == 1
    assert door.stored("job").version == 2
    assert door.deployment("job").version == 1


def test_values_that_the_old_version_does_not_know_are_those_it_had(door: Penstock) -> None:
    door.deploy(spec(1), schedule="0 1 * * *", params={"country": "DE"})
    door.deploy(spec(2, parameters=[{"name": "region", "default": "x"}]), params={"region": "south"})
    assert door.rollback("job").deployments[0].params == {"country": "DE"}


def test_there_is_nothing_to_go_back_to(door: Penstock) -> None:
    door.deploy(spec(), schedule="0 1 * * *")
    for ask, kind, words in ((lambda: door.rollback("job"), MissingError, "no version before 1"),
                             (lambda: door.rollback("job", to=1), InputError, "runs version 1 already"),
                             (lambda: door.rollback("job", to=9), MissingError, "no version 9"),
                             (lambda: door.rollback("jop"), MissingError, "job"),
                             (lambda: door.rollback("job", environment="production"), MissingError, "not deployed in 'production'")):
        with pytest.raises(kind, match=words):
            ask()


def test_what_is_deleted_is_gone_and_its_history_stays(door: Penstock) -> None:
    door.deploy(spec(), schedule="0 1 * * *")
    door.undeploy("job")
    assert door.deployments() == []
    for ask in (lambda: door.deployment("job"), lambda: door.pause("job"), lambda: door.undeploy("job")):
        with pytest.raises(MissingError, match="is not deployed in 'local'"):
            ask()
    assert [r.action for r in door.releases("job")] == ["delete", "deploy"]
    assert door.deploy("job", schedule="0 1 * * *").release == 3


def test_the_difference_of_two_versions_is_shown_as_yaml(door: Penstock) -> None:
    door.deploy(spec(1), schedule="0 1 * * *")
    door.deploy(spec(2))
    assert [line for line in door.diff("job", 1, 2).splitlines() if line[0] in "+-"] == [
        "--- job version 1", "+++ job version 2", "-    seconds: 1", "+    seconds: 2"]
    assert door.diff("job", 2, 2) == ""
    with pytest.raises(MissingError, match="no version 3"):
        door.diff("job", 1, 3)


def test_each_change_has_its_row_in_the_audit_log(door: Penstock) -> None:
    door.deploy(spec(1), schedule="0 1 * * *")
    door.pause("job")
    door.resume("job")
    door.deploy(spec(2))
    door.rollback("job")
    door.undeploy("job")
    found = [row for row in door.store.audit.find(door.tenant)[::-1] if row.target.startswith("job")]
    changes = [row for row in found if row.action in ("deploy", "pause", "resume", "rollback", "undeploy")]
    assert [row.action for row in changes] == ["deploy", "pause", "resume", "deploy", "rollback", "undeploy"]
    assert (changes[3].before["version"], changes[3].after["version"]) == (1, 2)


def test_roles_and_tenants_hold(door: Penstock) -> None:
    door.deploy(spec(), schedule="0 1 * * *")
    editor = door.acting(Identity(door.tenant, "editor", "eve"))
    assert len(editor.deployments()) == 1
    for ask in (lambda: editor.deploy(spec(), schedule="0 1 * * *"), lambda: editor.pause("job"), lambda: editor.resume("job"),
                lambda: editor.undeploy("job"), lambda: editor.rollback("job")):
        with pytest.raises(ForbiddenError):
            ask()
    other = door.acting(Identity("other", "admin", "mallory"))
    assert other.deployments() == other.pipelines() == other.releases("job") == []
    for ask in (lambda: other.deployment("job"), lambda: other.pause("job"), lambda: other.undeploy("job"), lambda: other.rollback("job"),
                lambda: other.versions("job"), lambda: other.diff("job", 1, 1)):
        with pytest.raises(MissingError):
            ask()


# ---- lateness

@pytest.fixture
def later(door: Penstock, monkeypatch: pytest.MonkeyPatch) -> Penstock:
    """Something was due two minutes ago."""
    door.deploy(spec(), schedule="every 60 seconds")
    now = datetime.now(UTC) + timedelta(seconds=150)

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return now

    monkeypatch.setattr("flows.service.late.datetime", Later)
    return door


def runner(door: Penstock, **info: Any) -> None:
    told = {"ready": True, "silent": 0.0, "prefect": "http://127.0.0.1:9", "runs": [], "most": 2}
    door.store.runners.beat("runner@here:1:a", {**told, **info})


def late(door: Penstock) -> str:
    return door.deployments()[0].late


def test_nothing_is_late_before_its_time(door: Penstock) -> None:
    assert door.deploy(spec(), schedule="0 2 * * *").late == ""


def test_no_worker_is_named_first(later: Penstock) -> None:
    assert late(later).endswith("UTC has not begun: no worker is up: start one with `penstock up`.")


def test_what_prefect_said_is_passed_on(later: Penstock) -> None:
    runner(later)
    assert "Prefect has not heard of it yet" in late(later)
    given = later.store.deployments.claim((later.tenant, "job", "local"), 60)
    assert given is not None
    later.store.deployments.failed(given, "Prefect refuses it: no.")
    assert "has not begun: Prefect refuses it: no." in late(later)


@pytest.mark.parametrize(("pool", "words"), [
    ({"there": False}, "there is no work pool 'penstock' in Prefect. Make it: prefect work-pool create penstock"),
    ({"there": True, "paused": True}, "the work pool 'penstock' is paused in Prefect. Switch it on: prefect work-pool resume penstock"),
    ({"there": True, "paused": False}, "Prefect has not handed it to a worker")])
def test_a_pool_that_does_not_work_is_named(later: Penstock, pool: dict[str, Any], words: str) -> None:
    runner(later)
    live(later, pool)
    assert words in late(later)


def test_a_run_that_has_the_place_is_named(later: Penstock) -> None:
    runner(later)
    live(later)
    run = later.store.runs.submit(NewRun(later.tenant, "job", {}))
    assert f"its place is taken by {run.run_id}. Wait for it, or stop it: penstock cancel {run.run_id}" in late(later)


def test_what_was_refused_says_why(later: Penstock) -> None:
    runner(later)
    live(later)
    later.store.deployments.refuse("p-1", datetime.now(UTC) + timedelta(seconds=149), "tenant 'demo' has had its 5 runs of today")
    assert "has not begun: tenant 'demo' has had its 5 runs of today" in late(later)


def test_a_pause_in_prefect_is_a_cause(later: Penstock) -> None:
    live(later)
    later.store.deployments.adopt(later.store.deployments.get((later.tenant, "job", "local")), True)
    assert "the schedule is paused. Switch it on: penstock resume job" in late(later)


def test_prefect_that_is_away_is_named(later: Penstock) -> None:
    runner(later, ready=False, silent=30.0)
    live(later)
    assert "does not answer" in late(later)


def test_a_run_that_began_is_not_late(later: Penstock) -> None:
    runner(later)
    live(later)
    run = later.store.runs.submit(NewRun(later.tenant, "job", {}, due_at=datetime.now(UTC) + timedelta(seconds=149)))
    later.store.runs.finish(run.run_id, "SUCCESS")
    assert late(later) == ""


def test_a_pool_of_other_workers_is_judged_by_their_polls(door: Penstock, later: Penstock) -> None:
    door.deploy(spec(), schedule="every 60 seconds", pool="cluster")
    live(door, {"there": True, "paused": False, "polled": ""})
    assert "no worker has ever polled 'cluster': start one: prefect worker start --pool cluster" in late(door)
    door.store.deployments.note_pool("cluster", {"there": True, "polled": (datetime.now(UTC) - timedelta(seconds=210)).isoformat()})
    assert "no worker has polled 'cluster' for 4 minutes" in late(door)
