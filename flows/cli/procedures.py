"""Commands about stored procedures: list, sync."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flows.cli.common import as_json, hint, put_json, say, shared, table

if TYPE_CHECKING:
    from flows.service import Penstock


environment = click.option("--env", "environment", type=click.Choice(["local", "production"]), default="local", show_default=True,
                           help="Those of the local warehouse, or those of the BigQuery project.")


@click.group(invoke_without_command=True)
@click.pass_context
def procedures(ctx: click.Context) -> None:
    """Stored procedures, called by CALL and by steps. Without a command: list."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_procedures)


@procedures.command("list")
@environment
@as_json
@shared
def list_procedures(door: Penstock, environment: str, as_json: bool) -> int:
    """All procedures with their arguments."""
    found = door.procedures(environment=environment)
    if as_json:
        put_json([{"name": p.name, "arguments": [{"name": n, "type": kind, "mode": mode} for n, kind, mode in p.arguments],
                   "sha256": p.sha256} for p in found])
    else:
        for p in found:
            say(p.signature())
        if not found:
            hint("there are no procedures; store a folder of .sql files with: penstock procedures sync FOLDER")
    return 0


@procedures.command("sync")
@click.argument("folder", required=False, type=click.Path(file_okay=False))
@environment
@as_json
@shared
def sync_procedures(door: Penstock, folder: str | None, environment: str, as_json: bool) -> int:
    """Store the procedures of FOLDER (default: those of Penstock) where they changed."""
    done = door.sync_procedures(folder, environment=environment)
    if as_json:
        put_json(dict(done))
        return 0
    table(["procedure", "is now"], list(done.items()))
    hint(f"{sum(what != 'unchanged' for what in done.values())} of {len(done)} stored")
    return 0
