"""The command that shows the log of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flows.cli.common import as_json, hint, put_json, say, shared

if TYPE_CHECKING:
    from flows.run.runlog import LogLine
    from flows.service import Penstock


@click.command()
@click.argument("run_id")
@click.option("--step", metavar="ID", help="Only the lines of this step.")
@click.option("--follow", is_flag=True, help="Stay, and show each line as it comes, until the run has ended.")
@click.option("--limit", type=click.IntRange(1, 20_000), default=200, show_default=True, help="How many lines, the newest ones.")
@as_json
@shared
def logs(door: Penstock, run_id: str, step: str | None, follow: bool, limit: int, as_json: bool) -> int:
    """Show what a run logged, oldest first; times are UTC. With --follow, --json gives one JSON document a line."""
    if follow:
        for line in door.follow_log(run_id, step=step, limit=limit):
            put_json(line.as_dict()) if as_json else show(line)
        return 0
    lines = door.logs(run_id, step=step, limit=limit)
    if as_json:
        put_json({"run_id": run_id, "lines": [line.as_dict() for line in lines]})
        return 0
    for line in lines:
        show(line)
    if not lines:
        hint("No log lines: the run has not begun, or its log was removed." if step is None else "This step has no log lines yet.")
    return 0


def show(line: LogLine) -> None:
    """One event for a person; what stands behind its first line is set in."""
    from flows.logs import SET_IN, escaped

    first, *rest = line.text.split("\n")
    who = f"{line.step}: " if line.step else ""
    tries = line.known.get("attempt", 1)
    said = f"{who}{first}" + (f" (try {tries})" if isinstance(tries, int) and tries > 1 else "")
    say(f"{line.at:%Y-%m-%d %H:%M:%S}.{line.at.microsecond // 1000:03d}  {line.level:<7}  {escaped(said)}")
    for text in rest:
        say(f"{SET_IN}{escaped(text)}".rstrip())
