"""Commands that start things: up and demo."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from flows.cli.author import show_preview
from flows.cli.common import numeric, say, shared, table
from flows.cli.runs import show_run, watch
from flows.errors import InputError

if TYPE_CHECKING:
    from flows.service import Penstock

DEMO = ("Daily revenue by country: join orders with customers, keep only paid orders, sum amount per day and country, "
        "into mart.daily_revenue partitioned by day, every day at 2 AM, retry 3 times")


@click.command()
@click.option("--app/--no-app", default=True, help="With the app in the browser, or only what runs pipelines.")
@partial(shared, known=False)
def up(door: Penstock, app: bool) -> int:
    """Start everything and stay: the app, Prefect server and runner. Open the address that is printed; Ctrl-C stops all of it."""
    return door.up(say, app=app)


@click.command()
@click.option("--text", default=DEMO, help="Another sentence than the demo's own.")
@shared
def demo(door: Penstock, text: str) -> int:
    """A sentence becomes a spec, a preview, a run on a real Prefect server, and rows."""
    from flows.insight.sample import TENANT

    if door.tenant != TENANT:
        raise InputError(f"the sample shop belongs to the tenant {TENANT}", where="--tenant", fix="Leave it out")
    heading("1  Words in")
    say(f'"{text}"')
    result = door.plan(text)
    if result.status != "ready":
        for question in result.questions:
            say(f"  asks: {question.message}")
        return 0
    heading("2  The spec, in plain English, checked")
    say(door.explain(result).rstrip())
    for assumption in result.assumptions:
        say(f"  assumed: {assumption.text}")
    report = door.validate(result, level="full")
    report.raise_for()
    say(f"valid ({report.level}), {len(report.columns)} steps, columns and types known through the whole graph")
    heading("3  Preview on real rows")
    seen = door.preview(result, limit=3)
    show_preview(seen)
    if not seen.ok:
        return 1
    heading("4  Run on Prefect")
    view = watch(door, result, params={})
    show_run(view)
    if view.run.status != "SUCCESS":
        return 1
    heading("5  Rows out")
    show_rows(door, view.run.spec)
    say("The run stays in Prefect's UI: start it with `penstock up` and open the address above.")
    return 0


def heading(text: str) -> None:
    click.echo("\n" + click.style(text, bold=True))  # echo takes the style away in a pipe


def show_rows(door: Penstock, spec: dict[str, object]) -> None:
    """The first rows of every table that the spec loads, without the lineage columns."""
    from flows.spec.model import FlowSpec
    from flows.warehouse.encode import rows_json

    for step in FlowSpec.model_validate(spec).steps:
        target = (step.destination or {}).get("table")
        if not target:
            continue
        first, count = door.table(target, limit=10)
        columns, rows = rows_json(first)
        say(f"{target}  ({count:,} rows)")
        table([c["name"] for c in columns], rows, right=numeric([c["type"] for c in columns]))
