"""The command tree: each command's module is imported only when it is called, so that `penstock plan` starts quickly."""

from __future__ import annotations

import importlib

import click

from flows.spec.suggest import did_you_mean

COMMANDS = {
    "up": ("start", "Start everything, the app in the browser first"),
    "demo": ("start", "See the main job end to end on sample data"),
    "plan": ("author", "Words to a checked spec"),
    "validate": ("author", "Judge a spec file"),
    "explain": ("author", "Say a spec in plain English"),
    "preview": ("author", "Run the whole graph in memory; nothing is written"),
    "price": ("author", "Say what a run is billed on BigQuery"),
    "parity": ("parity", "Try a spec on DuckDB and on BigQuery, and compare"),
    "export": ("export", "Write a pipeline as a Python file"),
    "run": ("runs", "Run a pipeline on Prefect"),
    "backfill": ("backfill", "Run a pipeline for every day of a period"),
    "deploy": ("deploy", "Let a pipeline run by itself"),
    "pause": ("deploy", "Switch its schedule off"),
    "resume": ("deploy", "Switch its schedule on"),
    "undeploy": ("deploy", "Take a pipeline off its schedule for good"),
    "rollback": ("deploy", "Go back to an earlier version"),
    "deployments": ("deploy", "Show what runs by itself, and why something is late"),
    "versions": ("deploy", "Show what is kept, and compare versions"),
    "status": ("runs", "Show runs, or one run with its steps"),
    "cancel": ("runs", "Stop a run"),
    "logs": ("logs", "Read the log of a run"),
    "query": ("data", "BigQuery SQL on the warehouse"),
    "catalog": ("data", "What data there is"),
    "templates": ("templates", "Whole pipelines to start from"),
    "procedures": ("procedures", "Stored procedures"),
    "engines": ("data", "What steps can do"),
    "keys": ("access", "API keys: list, create, revoke"),
    "members": ("access", "People of a tenant"),
    "tenants": ("access", "Tenants, for the root key"),
    "quota": ("access", "What a tenant may use, and uses"),
    "audit": ("access", "Who changed what"),
    "mcp": ("mcp", "Offer tools to a program (Model Context Protocol)"),
    "approvals": ("mcp", "What programs have asked for and a person decides"),
    "approve": ("mcp", "Say yes to it"),
    "refuse": ("mcp", "Say no to it"),
}


class Tree(click.Group):
    """Commands by name, loaded when asked for, with a did-you-mean for the rest."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"flows.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f"there is no command {args[0]!r}. {did_you_mean(args[0], COMMANDS)}".strip(), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=Tree, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="penstock", prog_name="penstock")
def penstock() -> None:
    """Plain words become data pipelines that can be trusted.

    \b
    penstock demo                                  see it work on sample data
    penstock plan "load orders into mart.orders every day at 2 AM" > p.yml
    penstock preview p.yml                         look at real rows, nothing is written
    penstock run p.yml                             run it on Prefect
    """
