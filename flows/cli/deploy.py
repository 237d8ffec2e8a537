"""Commands about what runs by itself, and about versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flows.cli.author import pairs
from flows.cli.common import as_json, plain, put_json, say, shared, table

if TYPE_CHECKING:
    from flows.service import Penstock
    from flows.service.deployments import DeploymentView

WORDS = {"PENDING": "waits for Prefect", "LIVE": "live", "FAILED": "not in Prefect", "REMOVING": "is being deleted"}
AWAY = "Prefect is told as soon as its server is up. Start it with `penstock up`."

env = click.option("--env", "environment", default="local", show_default=True, metavar="ENV", help="local or production.")


@click.command()
@click.argument("target", metavar="FILE|PIPELINE")
@click.option("--schedule", metavar="WHEN", help="A cron line, or 'every 15 minutes'; left out: that of the spec.")
@click.option("--timezone", metavar="ZONE", help="Of the cron line, like Europe/Vienna; left out: UTC.")
@click.option("--param", "params", multiple=True, metavar="K=V", help="A parameter of every run; left out: as before.")
@click.option("--pool", default="", metavar="NAME", help="Prefect's work pool; left out: as before, at first penstock.")
@env
@as_json
@shared
def deploy(door: Penstock, target: str, schedule: str | None, timezone: str | None, params: tuple[str, ...], pool: str, environment: str,
           as_json: bool) -> int:
    """Let a pipeline run by itself. What is paused stays paused.

    \b
    penstock deploy revenue.yml --schedule "0 2 * * *" --timezone Europe/Vienna
    penstock deploy revenue --env production
    """
    if timezone and not schedule:
        raise click.UsageError("--timezone belongs to --schedule")
    when = {"cron": schedule, "timezone": timezone} if timezone else schedule
    made = door.deploy(target, environment=environment, schedule=when, params=pairs(params) if params else None, pool=pool)
    put_json(made.as_dict()) if as_json else show(made)
    return 0


@click.command()
@click.argument("pipeline", metavar="PIPELINE")
@env
@as_json
@shared
def pause(door: Penstock, pipeline: str, environment: str, as_json: bool) -> int:
    """No run of it starts by itself until it is resumed."""
    made = door.pause(pipeline, environment=environment)
    put_json(made.as_dict()) if as_json else show(made)
    return 0


@click.command()
@click.argument("pipeline", metavar="PIPELINE")
@env
@as_json
@shared
def resume(door: Penstock, pipeline: str, environment: str, as_json: bool) -> int:
    """Switch the schedule of a paused pipeline on again."""
    made = door.resume(pipeline, environment=environment)
    put_json(made.as_dict()) if as_json else show(made)
    return 0


@click.command()
@click.argument("pipeline", metavar="PIPELINE")
@env
@shared
def undeploy(door: Penstock, pipeline: str, environment: str) -> int:
    """It runs no more by itself; its versions and runs stay."""
    door.undeploy(pipeline, environment=environment)
    say(f"{pipeline} runs no more by itself ({environment})")
    return 0


@click.command()
@click.argument("pipeline", metavar="PIPELINE")
@click.option("--to", type=click.IntRange(min=1), metavar="VERSION", help="Left out: the version before.")
@click.option("--env", "environment", metavar="ENV", help="Only this deployment; left out: the pipeline and all that run a later version.")
@as_json
@shared
def rollback(door: Penstock, pipeline: str, to: int | None, environment: str | None, as_json: bool) -> int:
    """Go back to an earlier version."""
    done = door.rollback(pipeline, to=to, environment=environment)
    if as_json:
        put_json(done.as_dict())
        return 0
    say(f"{pipeline}: version {done.version} instead of {done.before}")
    for each in done.deployments:
        show(each)
    return 0


@click.command()
@click.argument("pipeline", required=False, metavar="[PIPELINE]")
@as_json
@shared
def deployments(door: Penstock, pipeline: str | None, as_json: bool) -> int:
    """Show what runs by itself, when next, and why something is late."""
    found = door.deployments(pipeline_id=pipeline)
    if as_json:
        put_json({"deployments": [each.as_dict() for each in found]})
        return 0
    if not found:
        say("Nothing runs by itself. Deploy something: penstock deploy FILE --schedule '0 2 * * *'")
        return 0
    if pipeline:
        for each in found:
            show(each)
        return 0
    table(["pipeline", "environment", "version", "schedule", "next (UTC)", "state"],
          [(v.pipeline_id, v.environment, v.version, v.words, f"{v.next[0]:%Y-%m-%d %H:%M:%S}" if v.next else "-", _state(v))
           for v in found], right=[2])
    for each in found:
        for line in _hints(each):
            say(f"{each.pipeline_id} ({each.environment}): {plain(line, None)}")
    return 0


@click.command()
@click.argument("pipeline", required=False, metavar="[PIPELINE]")
@click.option("--diff", "between", nargs=2, type=click.IntRange(min=1), metavar="OLD NEW", help="Show what version NEW has otherwise.")
@as_json
@shared
def versions(door: Penstock, pipeline: str | None, between: tuple[int, int] | None, as_json: bool) -> int:
    """Show the pipelines that are kept, or the versions of one."""
    if pipeline is None:
        if between:
            raise click.UsageError("--diff needs a PIPELINE")
        _pipelines(door, as_json)
    elif between:
        text = door.diff(pipeline, *between)
        put_json({"diff": text}) if as_json else say(text.rstrip("\n") or "The same.")
    else:
        _versions(door, pipeline, as_json)
    return 0


def _pipelines(door: Penstock, as_json: bool) -> None:
    found = door.pipelines()
    if as_json:
        put_json({"pipelines": [each.as_dict() for each in found]})
    elif found:
        table(["pipeline", "name", "version", "newest", "changed (UTC)", "by"],
              [(p.pipeline_id, p.name, p.version, p.newest, f"{p.updated_at:%Y-%m-%d %H:%M:%S}", p.author) for p in found], right=[2, 3])
    else:
        say("No pipelines are kept yet. The first run or deploy keeps one: penstock run FILE")


def _versions(door: Penstock, pipeline: str, as_json: bool) -> None:
    found, force = door.versions(pipeline), door.stored(pipeline).version
    if as_json:
        put_json({"pipeline_id": pipeline, "version": force, "versions": [
            {"version": v.version, "digest": v.digest, "author": v.author, "created_at": v.created_at.isoformat(), "spec": v.spec}
            for v in found]})
        return
    table(["version", "", "created (UTC)", "by", "digest"],
          [(v.version, "in force" if v.version == force else "", f"{v.created_at:%Y-%m-%d %H:%M:%S}", v.author, v.digest[:12])
           for v in found], right=[0])


def _state(view: DeploymentView) -> str:
    if view.paused:
        return "paused"
    return "late" if view.late else WORDS.get(view.status, view.status)


def show(view: DeploymentView) -> None:
    """A deployment with its next times."""
    say(f"{view.pipeline_id} ({view.environment})  version {view.version}, release {view.release}, {_state(view)}")
    say(f"  {view.words}, work pool {view.pool}")
    if view.params:
        say("  " + ", ".join(f"{name}={plain(value)}" for name, value in view.params.items()))
    if view.paused:
        where = "" if view.environment == "local" else f" --env {view.environment}"
        say(f"  paused: nothing starts by itself. Switch it on: penstock resume {view.pipeline_id}{where}")
    for moment in view.next:
        say(f"  next: {moment:%Y-%m-%d %H:%M:%S} UTC")
    for line in _hints(view):
        say(f"  {plain(line, None)}")


def _hints(view: DeploymentView) -> list[str]:
    """What is wrong, and what to do about it."""
    found = [line for line in (view.error, view.late) if line]
    return found or ([AWAY] if view.status == "PENDING" else [])
