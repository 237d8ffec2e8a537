"""Commands about backfills: start one, list them, stop one, resume one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flows.cli.author import pairs
from flows.cli.common import as_json, hint, plain, put_json, say, shared, table
from flows.show.states import state

if TYPE_CHECKING:
    from flows.run.view import BackfillView
    from flows.service import Penstock
    from flows.store import Run

HELP = ("-h", "--help")
WORDS = {"RUNNING": "at work", "DONE": "done", "STOPPED": "stopped", "FAILED": "failed"}


class Fill(click.Group):
    """`penstock backfill FILE` starts one: what is no command of the group is what `start` is given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = bool(args) and (args[0] in self.commands or args[0] in HELP)
        return super().parse_args(ctx, args if own or not args else ["start", *args])


detach = click.option("--detach", is_flag=True, help="Only queue it; `penstock up` works it off.")


@click.group(cls=Fill, context_settings={"help_option_names": list(HELP)})
def backfill() -> None:
    """Run a pipeline once for every day of a period.

    \b
    penstock backfill FILE|PIPELINE --from 2025-11-01 --to 2025-11-07 [--at-once 3] [--param k=v]
    penstock backfill list
    penstock backfill stop BACKFILL_ID
    penstock backfill resume BACKFILL_ID
    """


@backfill.command("start")
@click.argument("target", metavar="FILE|PIPELINE")
@click.option("--from", "first", required=True, metavar="DAY", help="The first day, like 2025-11-01.")
@click.option("--to", "last", required=True, metavar="DAY", help="The last day; at most 1,000 days.")
@click.option("--param", "params", multiple=True, metavar="K=V", help="A parameter of every run.")
@click.option("--at-once", type=click.IntRange(1, 16), default=1, show_default=True,
              help="So many days side by side; refused where days would write over each other.")
@click.option("--env", "environment", default="local", show_default=True, metavar="ENV", help="local or production.")
@detach
@as_json
@shared
def start(door: Penstock, target: str, first: str, last: str, params: tuple[str, ...], at_once: int, environment: str, detach: bool,
          as_json: bool) -> int:
    """Queue one run for every day and wait. Exit 0 when all days succeeded, 1 when not. Ctrl-C stops it."""
    from flows.service.submit import period

    days, given = period(first, last), pairs(params)
    for note in door.backfill_notes(target, days, params=given, environment=environment):
        hint(f"note: {note}.")
    fill = door.backfill(target, days, params=given, environment=environment, trigger_by="cli", at_once=at_once)
    return _queued(door, fill.backfill_id, as_json) if detach else _follow(door, fill.backfill_id, as_json)


@backfill.command("list")
@click.option("--pipeline", metavar="PIPELINE", help="Those of one pipeline.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many.")
@as_json
@shared
def list_backfills(door: Penstock, pipeline: str | None, limit: int, as_json: bool) -> int:
    """The newest backfills, and how far they are."""
    found = door.backfills(pipeline_id=pipeline, limit=limit)
    if as_json:
        put_json({"backfills": [seen.as_dict() for seen in found]})
    elif found:
        table(["backfill", "pipeline", "is", "done", "days", "at once", "first day", "last day", "created (UTC)"],
              [(seen.backfill.backfill_id, seen.backfill.pipeline_id, WORDS[seen.state], seen.done, seen.total, seen.backfill.at_once,
                seen.backfill.dates[0], seen.backfill.dates[-1], f"{seen.backfill.created_at:%Y-%m-%d %H:%M:%S}") for seen in found],
              right=[3, 4, 5])
    else:
        say("No backfills yet. Start one: penstock backfill FILE --from 2025-11-01 --to 2025-11-07")
    return 0


@backfill.command("stop")
@click.argument("backfill_id")
@as_json
@shared
def stop(door: Penstock, backfill_id: str, as_json: bool) -> int:
    """Stop the runs at work and begin no more. Days that are done stay done."""
    door.stop_backfill(backfill_id)
    show(door.backfill_view(backfill_id), as_json)
    return 0


@backfill.command("resume")
@click.argument("backfill_id")
@detach
@as_json
@shared
def resume(door: Penstock, backfill_id: str, detach: bool, as_json: bool) -> int:
    """Go on with one that failed or was stopped: days that did not succeed from their failed steps, then the rest."""
    door.go_on(backfill_id)
    return _queued(door, backfill_id, as_json) if detach else _follow(door, backfill_id, as_json)


def show(seen: BackfillView, as_json: bool) -> None:
    """A backfill with its newest runs, the first day first."""
    if as_json:
        put_json(seen.as_dict())
        return
    fill = seen.backfill
    say(f"{fill.backfill_id}  {fill.pipeline_id}  {fill.dates[0]} to {fill.dates[-1]}")
    for run in sorted(seen.runs, key=lambda run: (run.backfill_day, run.created_at)):
        say(day_line(run))
    _summary(seen)


def day_line(run: Run) -> str:
    """`  ✓ 2025-11-01  Succeeded     1.24 s  run-...`"""
    look = state(run.status)
    took = f"{(run.ended_at - run.started_at).total_seconds():8.2f} s" if run.ended_at and run.started_at else " " * 10
    return f"  {look.mark} {run.run_date}  {look.word:<10} {took}  {run.run_id}  {plain(run.error)}".rstrip()


def _follow(door: Penstock, backfill_id: str, as_json: bool) -> int:
    """A line for each day as it ends, then the summary."""
    if not as_json:
        say(f"{backfill_id}  {door.backfill_view(backfill_id).words}")
    told: set[str] = set()
    for seen in door.follow_backfill(backfill_id):
        last = seen
        for run in reversed(seen.runs) if not as_json else ():
            if run.ended and run.run_id not in told:
                told.add(run.run_id)
                say(day_line(run))
    put_json(last.as_dict()) if as_json else _summary(last)
    return 0 if last.state == "DONE" else 1


def _queued(door: Penstock, backfill_id: str, as_json: bool) -> int:
    seen = door.backfill_view(backfill_id)
    if as_json:
        put_json(seen.as_dict())
        return 0
    say(f"{backfill_id}  {seen.total} {'day is' if seen.total == 1 else 'days are'} queued.")
    if seen.wait:
        say(f"  {seen.wait}")
    say(f"  See how far it is: penstock status {backfill_id}")
    return 0


def _summary(seen: BackfillView) -> None:
    say(f"  {seen.words}")
    if seen.state in ("FAILED", "STOPPED"):
        say(f"  Go on: penstock backfill resume {seen.backfill.backfill_id}")
