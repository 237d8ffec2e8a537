"""Commands about runs: run, status, cancel."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from flows.cli.author import pairs
from flows.cli.common import as_json, hint, plain, print_step, put_json, say, shared, table
from flows.show.states import state

if TYPE_CHECKING:
    from flows.run.view import RunView
    from flows.service import Penstock

TELL_PERCENT = 10  # a long step has a line as often


@click.command()
@click.argument("target", metavar="FILE|PIPELINE")
@click.option("--param", "params", multiple=True, metavar="K=V", help="A parameter of this run, for instance run_date=2025-11-15.")
@click.option("--env", "environment", default="local", show_default=True, metavar="ENV", help="local or production.")
@click.option("--resume", metavar="RUN_ID", help="Start again from the failed steps of that run.")
@as_json
@shared
def run(door: Penstock, target: str, params: tuple[str, ...], environment: str, resume: str | None, as_json: bool) -> int:
    """Run a pipeline on Prefect and wait. Exit 0 when it succeeded, 1 when not."""
    view = watch(door, target, params=pairs(params), environment=environment, resume=resume)
    if as_json:
        put_json(view.as_dict())
    else:
        show_run(view)
    return 0 if view.run.status == "SUCCESS" else 1


def watch(door: Penstock, target: object, *, params: dict[str, str], environment: str = "local", resume: str | None = None) -> RunView:
    """Run and print what changes, on a terminal only; the final view comes back."""
    told: dict[str, tuple[str, int]] = {}
    live = sys.stderr.isatty()
    for view in door.follow(target, params=params, environment=environment, trigger_by="cli", resume=resume):  # type: ignore[arg-type]
        last = view
        for step in view.steps if live else ():
            now = step["status"], step.get("progress", {"percent": 0})["percent"] // TELL_PERCENT
            if told.get(step["step_id"]) != now and step["status"] != "PENDING":
                told[step["step_id"]] = now
                hint(print_step(step))
    return last


def show_run(view: RunView) -> None:
    """A run with its steps and where to see it."""
    run = view.run
    say(f"{run.run_id}  {run.pipeline_id}  {state(run.status).mark} {state(run.status).word}")
    for step in view.steps:
        say(print_step(step))
    if run.error:
        say(f"  {run.error}")
    if view.bill:
        say(f"  {view.bill.words()}")
    for message in view.messages:
        say(f"  {plain(message['words'], None)}")
    if view.address:
        say(f"  Prefect: {view.address}")


@click.command()
@click.argument("target", required=False, metavar="[RUN_ID|PIPELINE|BACKFILL_ID]")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many runs.")
@as_json
@shared
def status(door: Penstock, target: str | None, limit: int, as_json: bool) -> int:
    """Show the newest runs, those of one pipeline, one run with its steps, or one backfill with its runs."""
    from flows.errors import MissingError

    if target is not None and target.startswith("fill-"):
        from flows.cli.backfill import show

        show(door.backfill_view(target), as_json)
        return 0
    if target is not None:
        try:
            view = door.view(target)
        except MissingError:
            view = None
        if view is not None:
            put_json(view.as_dict()) if as_json else show_run(view)
            return 0
    found = door.runs(pipeline_id=target, limit=limit)
    if target is not None and not found and all(kept.pipeline_id != target for kept in door.pipelines()):
        raise MissingError(f"there is no run or pipeline {target!r}", fix="See: penstock status")
    if as_json:
        put_json({"runs": [view.as_dict() for view in found], "health": door.health()})
        return 0
    rows = [(v.run.run_id, v.run.pipeline_id, state(v.run.status).word, v.run.run_date, f"{v.run.created_at:%Y-%m-%d %H:%M:%S}",
             v.run.error) for v in found]
    if rows:
        table(["run", "pipeline", "status", "run date", "created (UTC)", "error"], rows)
    else:
        say(f"No runs yet. Start one: penstock run {target or 'FILE'}")
    health = door.health()
    for line in [*health["words"], *health["notes"]]:
        say(line)
    return 0


@click.command()
@click.argument("run_id")
@shared
def cancel(door: Penstock, run_id: str) -> int:
    """Stop a run; it ends within seconds as Stopped."""
    run = door.cancel(run_id)
    say(f"{run.run_id} has ended already: {state(run.status).word}" if run.ended_at else f"{run.run_id} is being stopped")
    return 0
