"""Why a run that was due did not begin: one cause with its fix."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from flows.service.health import Health, since
from flows.spec.model import Schedule

if TYPE_CHECKING:
    from flows.store.deployments import Deployment

GRACE = 30.0  # seconds after its time in which a run may still begin without being late
QUIET = 90.0  # seconds without a poll of another work pool's worker


def planned(given: Deployment) -> list[Schedule]:
    return [Schedule.model_validate(each) for each in given.schedules]


class Late(Health):
    """Reads what the runner wrote about itself, the pools and what it could not queue."""

    def _late(self, given: Deployment) -> str:
        """"" when nothing is late."""
        from flows.spec.times import last_time

        due = last_time(planned(given), given.updated_at, datetime.now(UTC) - timedelta(seconds=GRACE))
        if due is None or self._began(given, due):
            return ""
        return f"The run of {due:%Y-%m-%d %H:%M} UTC has not begun: {self._cause(given, due)}"

    def _began(self, given: Deployment, due: datetime) -> bool:
        return self.store.deployments.last_due(given.key) >= due

    def _cause(self, given: Deployment, due: datetime) -> str:
        if given.paused:
            return f"the schedule is paused. Switch it on: penstock resume {given.pipeline_id}{_env(given)}"
        if given.refused and str(given.refused.get("due") or "") >= due.isoformat():
            return str(given.refused.get("why"))
        pool = given.seen or {}
        own = given.pool == _own()
        if own and not self.store.runners.alive():
            last = self.store.runners.last()
            silent = f"no worker has polled for {since(last.beat_at)}" if last else "no worker is up"
            return f"{silent}: start one with `penstock up`."
        if given.status != "LIVE":
            return given.error or "Prefect has not heard of it yet. It is told as soon as its server answers."
        if own and (missing := self._missing()):
            return missing
        if pool.get("there") is False:
            return f"there is no work pool {given.pool!r} in Prefect. Make it: prefect work-pool create {given.pool}"
        if pool.get("paused"):
            return f"the work pool {given.pool!r} is paused in Prefect. Switch it on: prefect work-pool resume {given.pool}"
        if not own and (words := _quiet(given.pool, str(pool.get("polled") or ""))):
            return words
        busy = self.store.runs.find(self.tenant, pipeline_id=given.pipeline_id, status=("PENDING", "RUNNING"), limit=1, specs=False)
        if busy:
            return f"its place is taken by {busy[0].run_id}. Wait for it, or stop it: penstock cancel {busy[0].run_id}"
        return "Prefect has not handed it to a worker. Look into logs/server.log of Penstock's home."


def _quiet(pool: str, polled: str) -> str:
    """Whether no worker of another pool has polled for some time."""
    start = f"start one: prefect worker start --pool {pool}"
    if not polled:
        return f"no worker has ever polled {pool!r}: {start}"
    moment = datetime.fromisoformat(polled.replace("Z", "+00:00"))
    if (datetime.now(UTC) - moment).total_seconds() < QUIET:
        return ""
    return f"no worker has polled {pool!r} for {since(moment)}: {start}"


def _env(given: Deployment) -> str:
    return "" if given.environment == "local" else f" --env {given.environment}"


def _own() -> str:
    from flows.run.reconcile import POOL

    return POOL
