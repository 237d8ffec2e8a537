"""Commands about data and abilities: query, catalog, engines."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flows.cli.common import as_json, hint, numeric, plain, put_json, say, shared, table
from flows.errors import InputError, SqlError
from flows.show.units import several, size, usd
from flows.show.verdict import WORDS

if TYPE_CHECKING:
    from flows.service import Penstock
    from flows.warehouse import SqlPlan


SHOWN = 200  # rows
VERDICTS = {**WORDS, "portable": "same on DuckDB and BigQuery"}


@click.command()
@click.argument("sql", required=False)
@click.option("--file", "file", metavar="F", type=click.Path(), help="Read the SQL from a file.")
@click.option("--read-only", is_flag=True, help="Refuse everything but one SELECT.")
@click.option("--env", "environment", type=click.Choice(["local", "production"]), default="local", show_default=True,
              help="Local tables, or those of the BigQuery project.")
@click.option("--check", is_flag=True, help="Do not run it: say what it reads, gives and costs, and where it may differ.")
@click.option("--timeout", type=click.FloatRange(0.1, 86_400), metavar="SECONDS", help="Stop a statement after this time (default: 300).")
@click.option("--batch", metavar="IN.jsonl", type=click.Path(), help="Each line in a new throw-away warehouse, one JSON answer a line.")
@as_json
@shared
def query(door: Penstock, sql: str | None, file: str | None, read_only: bool, environment: str, check: bool, timeout: float | None,
          batch: str | None, as_json: bool) -> int:
    """BigQuery SQL on the warehouse. Tables by catalogued name or dataset.table.

    An answer that BigQuery may give otherwise says so behind its rows ("notes" with --json). What only BigQuery can run is refused with
    the reason and exit code 2.
    """
    from flows.warehouse.encode import notes_of, rows_json

    if batch is not None:
        return _batch(batch)
    if (sql is None) == (file is None):
        raise InputError("give the SQL in quotes or with --file", where="query",
                         fix='For instance: penstock query "select count(*) from orders"')
    text = sql if sql is not None else _read(str(file), "--file")
    if check:
        return _check(door, text, environment, as_json)
    answer = door.query(text, read_only=read_only, seconds=timeout, environment=environment)
    (columns, rows), notes = rows_json(answer), notes_of(answer)
    if as_json:
        put_json({"columns": columns, "rows": rows, "notes": notes})
    elif columns:
        _show(columns, rows)
    else:
        hint("done")
    for note in () if as_json else notes:
        hint(f"{WORDS['local-approximate']}: {plain(note, None)}")
    return 0


def _check(door: Penstock, text: str, environment: str, as_json: bool) -> int:
    """What only BigQuery can run has a verdict too, and does not run here: exit 2."""
    from flows.warehouse import SqlPlan

    try:
        return _checked(door.check_sql(text, environment=environment), as_json)
    except SqlError as error:
        if error.code != "bigquery_only":
            raise
        _checked(SqlPlan(verdict="bigquery-only", notes=(str(error),)), as_json)
        return 2


def _checked(plan: SqlPlan, as_json: bool) -> int:
    """What a statement would do, in words or as data."""
    if as_json:
        put_json({"verdict": plan.verdict, "notes": list(plan.notes), "reads": list(plan.reads), "bytes": plan.bytes, "usd": plan.usd,
                  "columns": [{"name": c.name, "type": c.type} for c in plan.columns]})
        return 0
    if plan.columns:
        table(["column", "type"], [[c.name, c.type] for c in plan.columns])
        cost = [size(plan.bytes)] if plan.bytes is not None else []
        cost += [usd(plan.usd)] if plan.usd is not None else []
        say(f"reads {', '.join(plan.reads) or 'no table'}" + (f": {', '.join(cost)}" if cost else ""))
    say("".join([VERDICTS[plan.verdict], *(f"\n  {plain(note, None)}" for note in plan.notes)]))
    return 0


def _show(columns: list[dict[str, str]], rows: list[list[Any]]) -> None:
    """A drawn table while it can be looked at; more rows are cut on a terminal and tab-separated in a pipe."""
    names = [c["name"] for c in columns]
    if len(rows) > SHOWN and not sys.stdout.isatty():
        say("\t".join(plain(name) for name in names))
        print("\n".join("\t".join("null" if v is None else plain(v, None) for v in row) for row in rows))
    else:
        table(names, rows[:SHOWN], right=numeric([c["type"] for c in columns]))
    cut = len(rows) > SHOWN and sys.stdout.isatty()
    hint(several(len(rows), "row") + (f", the first {SHOWN} shown; all of them with --json or in a pipe" if cut else ""))


def _read(path: str, where: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path!r} cannot be read ({type(error).__name__})", where=where, fix="Give a UTF-8 text file") from None


def _batch(path: str) -> int:
    from flows.warehouse.batch import answer

    for number, line in enumerate(_read(path, "--batch").splitlines(), 1):
        if not line.strip():
            continue
        try:
            case: dict[str, Any] = json.loads(line)
            case["id"], case["sql"].strip
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            put_json({"id": number, "error": {"code": "invalid_input", "message": f"line {number}: a line needs an id and sql"},
                      "verdict": "failed"})
            continue
        put_json(answer(case))
    return 0


@click.group(invoke_without_command=True)
@click.pass_context
def catalog(ctx: click.Context) -> None:
    """What data there is: tables, columns and where they are. Without a command: list."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_tables)


@catalog.command("list")
@as_json
@shared
def list_tables(door: Penstock, as_json: bool) -> int:
    """All catalogued tables."""
    known = door.known_tables()
    if as_json:
        put_json(door.catalog.model_dump(mode="json") | {"tables": {name: t.model_dump(mode="json") for name, t in known.items()}})
        return 0
    rows = [(name, t.connection, len(t.columns), ", ".join(t.synonyms[:4]), t.description) for name, t in known.items()]
    table(["table", "connection", "columns", "also called", "description"], rows, right=[2])
    return 0


@catalog.command("show")
@click.argument("name")
@as_json
@shared
def show_table(door: Penstock, name: str, as_json: bool) -> int:
    """One table with its columns, known values and keys."""
    from flows.errors import MissingError
    from flows.spec.suggest import did_you_mean

    known = door.known_tables()
    found = known.get(name)
    if found is None:
        raise MissingError(f"there is no catalogued table {name!r}",
                           fix=did_you_mean(name, known) or "See: penstock catalog list")
    if as_json:
        put_json({"name": name, **found.model_dump(mode="json")})
        return 0
    say(f"{name}  ({found.connection or 'local'}{', ' + found.location if found.location else ''})  {found.description}")
    keys = {k.column: f"{k.references.table}.{k.references.column}" for k in door.catalog.foreign_keys if k.table == name}
    rows = [(c, about.type, "key" if c in found.primary_key else keys.get(c, ""), ", ".join(about.synonyms), ", ".join(about.values))
            for c, about in found.columns.items()]
    table(["column", "type", "key", "also called", "values"], rows)
    return 0


@catalog.command("add")
@click.argument("name")
@click.option("--file", "file", metavar="F", help="A CSV, Parquet, JSON or Excel file to read the columns from.")
@click.option("--connection", metavar="NAME", help="A connection to read the table from.")
@click.option("--table", "table_name", metavar="T", help="The table's name there (default: NAME), or a table of the local warehouse.")
@as_json
@shared
def add_table(door: Penstock, name: str, file: str | None, connection: str | None, table_name: str | None, as_json: bool) -> int:
    """Catalogue a file, a table of a database or a table of the local warehouse by reading its columns."""
    added = door.catalog_add(name, file=file, connection=connection, table=table_name)
    if as_json:
        put_json({"name": name, **added.model_dump(mode="json")})
    else:
        say(f"{name}: {len(added.columns)} columns catalogued")
    return 0


@click.group(invoke_without_command=True)
@click.pass_context
def engines(ctx: click.Context) -> None:
    """What steps can do. Without a command: list."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_engines)


@engines.command("list")
@as_json
@shared
def list_engines(door: Penstock, as_json: bool) -> int:
    """All kinds of steps."""
    from flows.engines.registry import engine, names

    found = [{"ps_type": name, "summary": engine(name).summary} for name in names()]
    if as_json:
        put_json(found)
    else:
        table(["ps_type", "what it does"], [(e["ps_type"], e["summary"]) for e in found])
    return 0


@engines.command("show")
@click.argument("ps_type")
@as_json
@shared
def show_engine(door: Penstock, ps_type: str, as_json: bool) -> int:
    """One kind of step with all its fields."""
    from flows.engines.registry import describe

    about = describe(ps_type)
    if as_json:
        put_json(about)
        return 0
    say(f"{about['ps_type']}: {about['summary']}")
    table(["field", "type", "needed", "description"],
          [(f["name"], f["type"], "yes" if f["required"] else "", f["description"]) for f in about["fields"]])
    return 0
