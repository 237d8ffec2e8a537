"""What runs by itself: deploy, pause, resume, roll back, delete; and why something that was due did not run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flows.access import needs
from flows.errors import InputError, MissingError, SpecError
from flows.service.late import Late, planned
from flows.service.submit import Submit
from flows.service.versions import Versions
from flows.spec.model import Schedule

if TYPE_CHECKING:
    from flows.service.door import Given, Source
    from flows.store.deployments import Deployment, NewRelease, Release

    Times = str | Mapping[str, Any] | Schedule
    """A cron line, `every 15 minutes`, or plain data: {cron, timezone} or {interval_seconds}."""

NEXT = 5


@dataclass(frozen=True)
class DeploymentView:
    """What runs by itself, as people see it.

    `status`: PENDING (Prefect is still to be told), LIVE, FAILED (Prefect was told in vain, `error` says why; it is tried on).
    `next` are the next five times in UTC, none while paused; `words` say the schedule; `late` says why a run that was due has not
    begun, with what to do, and is "" when none is late.
    """

    tenant_id: str
    pipeline_id: str
    environment: str
    release: int
    version: int
    schedules: list[dict[str, Any]]
    params: dict[str, Any]
    pool: str
    paused: bool
    status: str
    error: str
    prefect_id: str
    author: str
    created_at: datetime
    updated_at: datetime
    next: list[datetime] = field(default_factory=list)
    words: str = ""
    late: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "created_at": self.created_at.isoformat(), "updated_at": self.updated_at.isoformat(),
                "next": [moment.isoformat() for moment in self.next]}


@dataclass(frozen=True)
class Rollback:
    """`version` is in force now, `before` was; `deployments` run it from now on."""

    pipeline_id: str
    version: int
    before: int
    deployments: list[DeploymentView]

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "deployments": [each.as_dict() for each in self.deployments]}


class Deployments(Versions, Submit, Late):
    """Durable here before Prefect is told; Prefect is told again until it knows."""

    @needs("operator")
    def deploy(self, given: Given, *, environment: str = "local", schedule: Times | None = None,
               params: Mapping[str, Any] | None = None, pool: str = "") -> DeploymentView:
        """Let a pipeline run by itself from now on: the spec is checked and kept as a version, and that version runs at its times.

        `schedule` None is that of the spec, else that of the release before. `params` None keeps the values of the release before,
        also when they were changed in Prefect. `pool` "" keeps the work pool, at first `penstock`. What is paused stays paused, and
        schedules that somebody added in Prefect stay. Raises SpecError, InputError (no schedule, params that do not fit),
        UnreachableError for production without a project.
        """
        from flows.store.deployments import NewRelease

        source = self._runnable(given, environment)
        before = self._deployed(source, environment)
        chosen = self._times(source, schedule, before)
        if schedule is not None:
            self._valid(replace(source, spec=source.spec.model_copy(update={"schedule": chosen})))
        given_params = None if params is None else dict(params)
        pipeline_id = self._fits(source, given_params if given_params is not None else before.values if before else {})
        self._sample()
        who = self.identity.who
        with self._change("deploy", f"{pipeline_id}/{environment}", planner=source.planner) as note:
            _, version = self._kept(source, pipeline_id, who)
            new = NewRelease(self.tenant, pipeline_id, environment, version, [_plain(chosen)], given_params,
                             pool or (before.pool if before else _own_pool()), [str(f) for f in self._reach(source).folders], author=who)
            note.before = _noted(before)
            made = self.store.deployments.release(new)
            note.after = _noted(made)
        return self._told(made)

    @needs("operator", "pause a deployment")
    def pause(self, pipeline_id: str, *, environment: str = "local") -> DeploymentView:
        """No run of it starts by itself until `resume`; one that is at work goes on. Raises MissingError."""
        return self._switch(pipeline_id, environment, True)

    @needs("operator", "resume a deployment")
    def resume(self, pipeline_id: str, *, environment: str = "local") -> DeploymentView:
        """It runs by itself again, from its next time on. Raises MissingError."""
        return self._switch(pipeline_id, environment, False)

    @needs("operator", "delete a deployment")
    def undeploy(self, pipeline_id: str, *, environment: str = "local") -> None:
        """It runs no more by itself; its versions, releases and runs stay. Raises MissingError."""
        key = (self.tenant, pipeline_id, environment)
        with self._change("undeploy", f"{pipeline_id}/{environment}") as note:
            note.before = _noted(self.store.deployments.get(key))
            gone = self.store.deployments.remove(key, self.identity.who)
        self._tell(gone)

    @needs("operator", "roll back")
    def rollback(self, pipeline_id: str, *, to: int | None = None, environment: str | None = None) -> Rollback:
        """Go back to version `to`, or to the one before, of those that were deployed when there are such.

        Without `environment` that version is in force from then on, and every deployment that runs a later one (with `to`: another
        one) runs it; with it only that deployment changes. Schedules are those that the version was last deployed with, parameters stay.
        Raises MissingError, InputError for the version that runs already.
        """
        stored = self.stored(pipeline_id)
        mine = [each for each in self.store.deployments.list(self.tenant, pipeline_id) if environment in (None, each.environment)]
        if environment is not None and not mine:
            self.store.deployments.get((self.tenant, pipeline_id, environment))
        now = mine[0].version if environment is not None else stored.version or 0
        target = to if to is not None else self._earlier(pipeline_id, now, {
            release.version for each in mine for release in self.store.deployments.releases(each.key)})
        self.store.specs.get(self.tenant, pipeline_id, target)
        moved = [each for each in mine if each.version > target or (to is not None and each.version != target)]
        if not moved and target == now:
            raise InputError(f"{pipeline_id!r} runs version {target} already", where="to", fix=f"See: penstock versions {pipeline_id}")
        made = []
        with self._change("rollback", pipeline_id, before={"version": now}, after={"version": target}):
            if environment is None:
                self.store.specs.put_in_force(self.tenant, pipeline_id, target)
            made = [self.store.deployments.release(self._back(each, target)) for each in moved]
        return Rollback(pipeline_id, target, now, [self._told(each) for each in made])

    @needs("viewer", "see deployments")
    def deployments(self, *, pipeline_id: str | None = None) -> list[DeploymentView]:
        """All that runs by itself, by pipeline and environment."""
        return [self._view(each) for each in self.store.deployments.list(self.tenant, pipeline_id or "")]

    @needs("viewer", "see deployments")
    def deployment(self, pipeline_id: str, environment: str = "local") -> DeploymentView:
        """Raises MissingError."""
        return self._view(self.store.deployments.get((self.tenant, pipeline_id, environment)))

    @needs("viewer", "see releases")
    def releases(self, pipeline_id: str, environment: str = "local") -> list[Release]:
        """Every deploy, rollback and delete of a pipeline in an environment, newest first; none for one that never was deployed."""
        return self.store.deployments.releases((self.tenant, pipeline_id, environment))

    @needs("viewer", "see schedules")
    def next_times(self, schedule: Times, *, count: int = NEXT, after: datetime | None = None) -> list[datetime]:
        """The next times of a schedule in UTC, after `after` (default now), at most 1,000. Raises SpecError for one that does not hold,
        InputError for what is none."""
        from flows.spec.times import next_times

        return next_times([_checked(_schedule(schedule))], max(0, min(count, 1000)), after or datetime.now(UTC))

    # ---- inside

    def _switch(self, pipeline_id: str, environment: str, paused: bool) -> DeploymentView:
        key = (self.tenant, pipeline_id, environment)
        with self._change("pause" if paused else "resume", f"{pipeline_id}/{environment}", after={"paused": paused}) as note:
            note.before = {"paused": self.store.deployments.get(key).paused}
            changed = self.store.deployments.pause(key, paused)
        return self._told(changed)

    def _deployed(self, source: Source, environment: str) -> Deployment | None:
        try:
            return self.store.deployments.get((self.tenant, self._fits(source, None), environment))
        except MissingError:
            return None

    def _fits(self, source: Source, params: Mapping[str, Any] | None) -> str:
        """The pipeline's id, when a run with these values could begin; None asks for the id alone. Raises InputError."""
        from flows.spec.placeholder import as_text, fill
        from flows.spec.template import builtins, values_of

        if params is None:
            known = values_of(source.spec, builtins(tenant_id=self.tenant))
            return as_text(fill(source.spec.pipeline_id, known, "pipeline_id"))
        if "run_date" in params:
            raise InputError("every run of a deployment has its own run date, that of the day when it was due", where="--param run_date",
                             fix="Leave it out")
        return str(self._values(source, {**params, "run_date": datetime.now(UTC).date().isoformat()})["pipeline_id"])

    def _times(self, source: Source, given: Times | None, before: Deployment | None) -> Schedule:
        if given is not None:
            return _checked(_schedule(given))
        if source.spec.schedule is not None:
            return source.spec.schedule
        if before is not None and before.schedules:
            return Schedule.model_validate(before.schedules[0])
        raise InputError(f"{source.spec.pipeline_id!r} has no schedule", where="--schedule",
                         fix="Give it one, like --schedule '0 2 * * *' or --schedule 'every 15 minutes'")

    def _back(self, each: Deployment, version: int) -> NewRelease:
        """The release that an older version comes back with."""
        from flows.service.door import Source
        from flows.spec.loader import from_data
        from flows.store.deployments import NewRelease

        then = next((r for r in self.store.deployments.releases(each.key) if r.version == version and r.action != "delete"), None)
        source = Source(from_data(self.store.specs.get(self.tenant, each.pipeline_id, version).spec))
        params = None
        try:
            self._values(source, each.values)
        except (InputError, SpecError):
            params = dict(then.params) if then else {}
        return NewRelease(*each.key, version=version, schedules=then.schedules if then else each.schedules, params=params,
                          pool=each.pool, folders=each.folders, action="rollback", author=self.identity.who)

    def _told(self, given: Deployment) -> DeploymentView:
        self._tell(given)
        return self._view(self.store.deployments.get(given.key))

    def _tell(self, given: Deployment) -> None:
        """Tell Prefect at once, where it answers; else the runner does."""
        from flows.run.deploy import address, tell

        if api := address(self.settings, self.store):
            tell(self.store, given.key, api)

    def _view(self, given: Deployment) -> DeploymentView:
        from flows.spec.times import next_times, said

        schedules = planned(given)
        return DeploymentView(
            given.tenant_id, given.pipeline_id, given.environment, given.release, given.version, given.schedules, given.values, given.pool,
            given.paused, given.status, given.error, given.prefect_id, given.author, given.created_at, given.updated_at,
            next=[] if given.paused else next_times(schedules, NEXT, datetime.now(UTC)),
            words=" and ".join(said(each) for each in schedules), late=self._late(given))


def _schedule(given: Times) -> Schedule:
    """Raises InputError for what is no schedule."""
    from pydantic import ValidationError

    from flows.spec.problems import clip
    from flows.spec.times import every

    if isinstance(given, Schedule):
        return given
    try:
        if isinstance(given, str):
            seconds = every(given)
            return Schedule(interval_seconds=seconds) if seconds else Schedule(cron=" ".join(given.split()))
        return Schedule.model_validate(dict(given))
    except (ValidationError, TypeError, ValueError, OverflowError):
        raise InputError(f"{clip(str(given))!r} is no schedule", where="schedule",
                         fix="Give a cron line like '0 2 * * *', 'every 15 minutes', {cron, timezone} or {interval_seconds}") from None


def _checked(schedule: Schedule) -> Schedule:
    from flows.spec.times import problems

    if found := list(problems(schedule)):
        raise SpecError(found)
    return schedule


def _plain(schedule: Schedule) -> dict[str, Any]:
    return schedule.model_dump(exclude_none=True)


def _own_pool() -> str:
    from flows.run.reconcile import POOL

    return POOL


def _noted(given: Deployment | None) -> dict[str, Any] | None:
    """For the audit log."""
    return None if given is None else {"release": given.release, "version": given.version, "schedules": given.schedules,
                                       "params": given.params, "pool": given.pool, "paused": given.paused}
