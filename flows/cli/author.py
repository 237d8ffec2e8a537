"""Commands that make and judge a spec: plan, validate, explain, preview."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from flows.cli.common import as_json, hint, numeric, plain, put_json, say, shared, table
from flows.errors import InputError
from flows.show.units import several
from flows.show.verdict import WHOLE

if TYPE_CHECKING:
    from flows.planner.answer import PlanResult
    from flows.run.preview import Preview
    from flows.run.price import PriceTag
    from flows.service import Penstock


@click.command()
@click.argument("text", required=False)
@click.option("--catalog", "catalog_file", metavar="F", type=click.Path(), help="Judge against this catalogue file.")
@click.option("--now", metavar="TIME", help="The moment that words like yesterday start from, ISO 8601 (default: now).")
@click.option("--batch", metavar="IN.jsonl", type=click.Path(), help='Plan {"id", "text"} lines, one JSON answer a line.')
@as_json
@shared
def plan(door: Penstock, text: str | None, now: str | None, batch: str | None, as_json: bool) -> int:
    """Words to a checked spec. A ready plan prints its YAML on stdout; questions and assumptions go to stderr."""
    moment = _moment(now)
    if batch is not None:
        return _batch(door, batch, moment)
    if text is None:
        raise InputError("there is no text", where="plan", fix='Write it in quotes: penstock plan "load orders into mart.orders"')
    result = door.plan(sys.stdin.read() if text == "-" else text, now=moment)
    if as_json:
        put_json(result.as_dict())
    else:
        show_plan(result)
    return 0


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InputError(f"{text!r} is not a time with a zone", where="--now", fix="Write it like 2025-11-15T12:00:00Z")
    return moment


def _batch(door: Penstock, path: str, moment: datetime | None) -> int:
    try:
        with open(path, encoding="utf-8") as lines:
            for answer in door.plan_lines(lines, now=moment):
                put_json(answer)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path!r} cannot be read ({type(error).__name__})", where="--batch",
                         fix="Give a UTF-8 file of JSON lines") from None
    return 0


def show_plan(result: PlanResult) -> None:
    """The draft as YAML on stdout, what to know about it on stderr."""
    from flows.spec.loader import dump_draft

    if result.spec and result.status != "refused":
        print(dump_draft(result.spec), end="")
    elif result.run_request:
        put_json(result.as_dict()["run_request"])
    words = {"ready": "Ready.", "needs_input": "Not ready yet.", "refused": "Refused."}
    hint(f"# {words[result.status]}" + (" Nothing has run." if result.status == "ready" else ""))
    for assumption in result.assumptions:
        hint(f"# assumed: {plain(assumption.text)}")
    for question in result.questions:
        hint(f"# asks ({question.slot}): {plain(question.message)}")
        for option in question.options:
            hint(f"#     - {plain(option.label)}")


@click.command()
@click.argument("file")
@click.option("--level", type=click.Choice(["syntax", "semantic", "full"]), default="semantic", show_default=True,
              help="full also tries the SQL on empty tables and whether connections answer.")
@as_json
@shared
def validate(door: Penstock, file: str, level: str, as_json: bool) -> int:
    """Judge a spec: exit 0 when it holds, 2 when it does not."""
    from flows.errors import SpecError

    try:
        report = door.validate(file, level=level)
        problems, warnings, document = report.problems, report.warnings, report.as_dict()
    except SpecError as error:
        problems, warnings = error.problems, []
        document = {"ok": False, "level": level, "problems": [p.as_dict() for p in problems], "warnings": []}
    if as_json:
        put_json(document)
        return 2 if problems else 0
    for problem in problems:
        hint(f"penstock: {file}: {plain_line(str(problem))}")
    for warning in warnings:
        hint(f"warning: {file}: {plain_line(str(warning))}")
    if not problems:
        say(f"{file}: valid ({level})")
    return 2 if problems else 0


def plain_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


@click.command()
@click.argument("file")
@shared
def explain(door: Penstock, file: str) -> int:
    """Say a spec in plain English; `penstock plan` of that English gives the same spec back."""
    say(door.explain(file).rstrip())
    return 0


@click.command()
@click.argument("file")
@click.option("--step", metavar="ID", help="Only this step and what it needs.")
@click.option("--limit", type=click.IntRange(1, 10_000), help="Rows shown of each step (default 200 with --json, else 5).")
@click.option("--param", "params", multiple=True, metavar="K=V", help="A parameter of the run.")
@click.option("--sample", type=click.Choice(["production"]), help="Sample the tables it reads there first, keep the samples and use them.")
@as_json
@shared
def preview(door: Penstock, file: str, step: str | None, limit: int | None, params: tuple[str, ...], sample: str | None,
            as_json: bool) -> int:
    """Run the whole graph in memory. Nothing is written, nothing is started.

    Rows are real where they can be read. For what is not there yet a sample that was kept or generated rows stand in, and the step
    says so.
    """
    seen = door.preview(file, step=step, limit=limit or (None if as_json else 5), params=pairs(params), sample=sample or "")
    if as_json:
        put_json(seen.as_dict())
    else:
        show_preview(seen)
    return 0 if seen.ok else 1


@click.command()
@click.argument("file")
@click.option("--env", "environment", type=click.Choice(["local", "production"]), default="local", show_default=True,
              help="Ask BigQuery itself, or go by the rows that are here.")
@click.option("--param", "params", multiple=True, metavar="K=V", help="A parameter of the run.")
@as_json
@shared
def price(door: Penstock, file: str, environment: str, params: tuple[str, ...], as_json: bool) -> int:
    """What a run is billed on BigQuery, step by step, and a month of it. Nothing is run. Exit 1 when the spec's budget is broken."""
    tag = door.price(file, environment=environment, params=pairs(params))
    if as_json:
        put_json(tag.as_dict())
    else:
        show_price(tag)
    return 1 if tag.over_budget else 0


def show_price(tag: PriceTag) -> None:
    """The steps, the run and the month."""
    from flows.show.units import size, usd

    table(["step", "bytes", "price", "known by"],
          [[s.step_id, "?" if s.bytes is None else size(s.bytes), "?" if s.usd is None else usd(s.usd), s.note or s.known]
           for s in tag.steps],
          right=[1, 2])
    more = "" if tag.complete else "at least "
    say(f"A run: {more}{size(tag.bytes)}, {more}{usd(tag.usd)} ({usd(tag.tariff.usd_per_tib)} a TiB, {tag.tariff.source})")
    for broken in tag.over_budget:
        say(f"Over budget: {broken.message}. {broken.hint}")
    if tag.runs_a_month is not None and tag.usd_a_month is not None:
        say(f"A month at its schedule: {tag.runs_a_month:,.0f} runs, {more}{usd(tag.usd_a_month)}")


def pairs(params: tuple[str, ...]) -> dict[str, str]:
    """`k=v` options as a mapping. Raises InputError."""
    found: dict[str, str] = {}
    for param in params:
        name, equals, value = param.partition("=")
        if not equals or not name:
            raise InputError(f"{param!r} is not of the form name=value", where="--param", fix="Write --param run_date=2025-11-15")
        if name in found:
            raise InputError(f"{name!r} is given twice", where="--param", fix="Give it once")
        found[name] = value
    return found


def show_preview(seen: Preview) -> None:
    """Each step with its first rows."""
    if seen.verdict:
        say(f"DuckDB and BigQuery: {WHOLE[seen.verdict]}")
    for step in seen.as_dict()["steps"]:
        _show_step(step)
    say("Nothing was written.")


def _show_step(step: dict[str, Any]) -> None:
    counted = [several(step["row_count"], "row")] if step.get("row_count") is not None else []
    about = ", ".join([step["ps_type"], *counted, *filter(None, [step["basis"], step["verdict_words"]])])
    say(f"{step['step_id']}  ({about})" + (f"  {step['status']}" if step["status"] != "ok" else ""))
    if step.get("error"):
        say(f"  {plain_line(str(step['error']))}")
    differs = [] if step.get("error") else step["differs"]  # the error of a step that only BigQuery can do says why
    for note in [*(f"{step['verdict_words']}: {text}" for text in differs), *step["notes"]]:
        say(f"  {plain_line(str(note))}")
    if step.get("rejected"):
        say(f"  {several(step['rejected'], 'row')} rejected, the first:")
        for reject in step.get("rejects", [])[:5]:
            place = f"line {reject['line']}" if "line" in reject else ", ".join(f"{k}={v}" for k, v in reject.get("values", {}).items())
            say(f"    {plain(place)}: {plain(reject.get('reason', ''))}")
    for check in step.get("checks") or []:
        say(f"  check {check['check']} {', '.join(check['columns'])}: {check['message']}")
    if step.get("columns") and step.get("rows") is not None:
        types = [c["type"] for c in step["columns"]]
        table([c["name"] for c in step["columns"]], [list(row.values()) for row in step["rows"]], right=numeric(types))
