"""The command that tries a spec on both warehouses, and shows what came of it: parity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from flows.cli.author import pairs, plain_line
from flows.cli.common import as_json, hint, put_json, say, shared, table
from flows.errors import InputError
from flows.show.parity import MARKS, line, rows, tried

if TYPE_CHECKING:
    from flows.service import Penstock


@click.command()
@click.argument("target", metavar="FILE|PIPELINE")
@click.option("--rows", "limit", type=click.IntRange(1, 100_000), default=1000, show_default=True, help="Rows read of each source at most.")
@click.option("--param", "params", multiple=True, metavar="K=V", help="A parameter of the run.")
@click.option("--sample", type=click.Choice(["production"]), help="Sample the tables it reads there first, keep the samples and use them.")
@click.option("--keep", is_flag=True, help="Keep a file as a version, as a run does, with its certificate. A stored pipeline always does.")
@click.option("--show", is_flag=True, help="Only show the certificate of a stored pipeline; nothing is tried.")
@click.option("--version", type=click.IntRange(1), metavar="N", help="With --show: of this version (default: the newest).")
@as_json
@shared
def parity(door: Penstock, target: str, limit: int, params: tuple[str, ...], sample: str | None, keep: bool, show: bool,
           version: int | None, as_json: bool) -> int:
    """Try a spec on DuckDB and on the BigQuery project of production, and compare them step by step.

    Both get the same rows, in places that are thrown away: nothing of your own is written. Exit 0 when they give the same (or what
    differs is named: approximate, BigQuery only), 1 when a step differs or fails, 3 when production cannot be reached.
    """
    if show:
        return _show(door, target, version, as_json)
    if version is not None:
        raise InputError("a version is shown, not chosen for a trial", where="--version", fix="Add --show, or leave --version out")
    seen = door.parity(target, rows=limit, params=pairs(params), sample=sample or "", keep=keep)
    if as_json:
        put_json(seen.as_dict())
        return 0 if seen.ok else 1
    for step in seen.as_dict()["steps"]:
        _step(step)
    say(seen.words)
    if seen.version is not None:
        say(f"Kept with version {seen.version} of {seen.pipeline_id}.")
    return 0 if seen.ok else 1


def _step(step: dict[str, Any]) -> None:
    """A line, and the first rows that differ."""
    took = f"  ({step['local_seconds']:.2f} s, {step['bigquery_seconds']:.2f} s)" if step["bigquery_seconds"] else ""
    say(f"{MARKS[step['verdict']]} {step['step_id']}  {plain_line(line(step))}{took}")
    names, found = rows(step)
    if found:
        table(names, found)


def _show(door: Penstock, pipeline_id: str, version: int | None, as_json: bool) -> int:
    found = door.certificate(pipeline_id, version)
    if as_json:
        put_json(found)
    elif found is None:
        hint(f"{pipeline_id} was not tried on both warehouses in this version. Try it: penstock parity {pipeline_id}")
    else:
        say(tried(found))
        table(["", "step", "verdict", "rows", "notes"],
              [[MARKS[s["verdict"]], s["step_id"], s["verdict"], "" if s["rows"] is None else f"{s['rows']:,}", "; ".join(s["notes"])]
               for s in found["steps"]], right=[3])
    return 0 if found is not None and found["ok"] else 1
