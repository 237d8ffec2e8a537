"""Commands about programs: serve them over stdio, and decide what they ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flows.cli.common import as_json, hint, plain, put_json, say, shared, table

if TYPE_CHECKING:
    from flows.service import Penstock


@click.command()
@shared
def mcp(door: Penstock) -> int:
    """Offer Penstock's tools to a program by the Model Context Protocol, over stdin and stdout.

    Whose data and which role it is says the key in PENSTOCK_API_KEY. A run asks a person first.
    """
    from flows.errors import MissingPackage

    try:
        from flows.mcp import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types"):
            raise
        raise MissingPackage("penstock mcp", "mcp") from None
    door.via = "mcp"
    asked = door.identity  # a wrong key is told now, not at the first call
    hint(f"penstock: tools for {plain(asked.who)} of {asked.tenant_id} ({asked.role}) over stdio; Ctrl-D ends it")
    serve(door).run("stdio")
    return 0


@click.command()
@click.argument("approval_id", required=False)
@click.option("--all", "every", is_flag=True, help="Those that are decided or over too.")
@as_json
@shared
def approvals(door: Penstock, approval_id: str | None, every: bool, as_json: bool) -> int:
    """Show what programs have asked for and a person decides, or one request with all that it would do."""
    if approval_id is not None:
        return _one(door, approval_id, as_json)
    found = door.approvals("" if every else "WAITING")
    if as_json:
        put_json({"approvals": [view.as_dict() for view in found]})
    elif found:
        table(["approval", "is", "asked by", "what", "until (UTC)"],
              [(v.approval_id, v.status.lower(), v.author, v.words, f"{v.expires_at:%Y-%m-%d %H:%M}") for v in found])
        hint("See one: penstock approvals ID. Decide it: penstock approve ID, penstock refuse ID")
    else:
        say("Nothing waits for a person.")
    return 0


def _one(door: Penstock, approval_id: str, as_json: bool) -> int:
    view = door.approval(approval_id)
    if as_json:
        put_json({**view.as_dict(), "explained": view.explained})
        return 0
    say(f"{view.approval_id}  {view.status.lower()}  asked by {plain(view.author)} on {view.created_at:%Y-%m-%d %H:%M} UTC")
    say(f"  {view.words}")
    for name, value in view.params.items():
        say(f"  {plain(name)} = {plain(value)}")
    for text in view.explained.splitlines():
        say(f"  {plain(text, None)}")
    return 0


@click.command()
@click.argument("approval_id")
@as_json
@shared
def approve(door: Penstock, approval_id: str, as_json: bool) -> int:
    """Say yes to what a program has asked for: the run is queued."""
    run = door.approve(approval_id)
    if as_json:
        put_json({"approval_id": approval_id, "run_id": run.run_id, "status": run.status})
        return 0
    say(f"{run.run_id}  {run.pipeline_id}  is queued")
    if why := door.why(run.run_id):
        say(f"  {why}")
    return 0


@click.command()
@click.argument("approval_id")
@as_json
@shared
def refuse(door: Penstock, approval_id: str, as_json: bool) -> int:
    """Say no to what a program has asked for: nothing runs."""
    view = door.refuse(approval_id)
    put_json(view.as_dict()) if as_json else say(f"{view.approval_id} is refused; nothing runs")
    return 0
