"""Commands about templates: list, show, use."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from flows.cli.author import pairs
from flows.cli.common import as_json, hint, plain, put_file, put_json, say, shared
from flows.errors import InputError

if TYPE_CHECKING:
    from flows.insight.templates import Template
    from flows.service import Penstock


@click.group(invoke_without_command=True)
@click.pass_context
def templates(ctx: click.Context) -> None:
    """Whole pipelines to start from. Without a command: list. Each runs as it is: penstock run gallery/basic_etl"""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_templates)


@templates.command("list")
@as_json
@shared
def list_templates(door: Penstock, as_json: bool) -> int:
    """All templates by domain, each with its title and what it does in one sentence."""
    found = door.templates()
    twice = {t.name for t in found if sum(other.name == t.name for other in found) > 1}
    if as_json:
        put_json([about(t, twice) for t in found])
        return 0
    wide = max((len(t.name) for t in found), default=0)
    for domain, members in groupby(found, key=lambda t: t.domain):
        say(domain)
        for t in members:
            say(f"  {t.name:<{wide}}  {plain(_told(t, twice), None)}")
    hint("More about one: penstock templates show NAME. Try it: penstock preview NAME, penstock run NAME.")
    return 0


def about(t: Template, twice: set[str]) -> dict[str, Any]:
    """One template in a list, as plain data."""
    problem = t.problem or (_twice(t) if t.name in twice else "")
    return {"name": t.name, "title": "" if t.problem else t.title, "sentence": "" if t.problem else t.sentence, "domain": t.domain,
            "whose": t.whose, "problem": problem}


def _told(t: Template, twice: set[str]) -> str:
    if t.problem:
        return f"({t.whose}) cannot be read: {t.problem}"
    return f"{t.title}. {t.sentence}" + (f" ({_twice(t)})" if t.name in twice else f" ({t.whose})" if t.whose != "Penstock" else "")


def _twice(t: Template) -> str:
    return f"not used: there are two templates of this name, this one is of {t.whose}"


@templates.command("show")
@click.argument("name")
@as_json
@shared
def show_template(door: Penstock, name: str, as_json: bool) -> int:
    """How a template works, its parameters and variables, its steps in plain English, and its YAML."""
    t = door.template(name)
    spec, english = t.spec, door.explain(t.spec)
    if as_json:
        put_json({**about(t, set()), "how": t.how, "parameters": [p.model_dump(mode="json") for p in spec.parameters],
                  "variables": spec.variables, "english": english, "yaml": t.text})
        return 0
    for text in (f"{t.title}\n{t.sentence}", f"How it works\n{t.how}", _parameters(spec), _listed("Variables", spec.variables),
                 f"Step by step\n{english.rstrip()}", f"The template\n{t.text.rstrip()}"):
        say(f"{text}\n")
    hint(f"Try it: penstock preview {t.name}. A copy of your own: penstock templates use {t.name} --out my.yml")
    return 0


def _parameters(spec: Any) -> str:
    return _listed("Parameters", {f"{p.name} ({p.type})": f"{p.default}  {p.description}".rstrip() for p in spec.parameters})


def _listed(head: str, values: Mapping[str, Any]) -> str:
    wide = max((len(name) for name in values), default=0)
    return "\n".join([head, *(f"  {name:<{wide}}  {value}" for name, value in values.items())]) if values else f"{head}\n  none"


@templates.command("use")
@click.argument("name")
@click.option("--var", "variables", multiple=True, metavar="K=V", help="A variable's value, for instance source_table=crm.clients.")
@click.option("--param", "params", multiple=True, metavar="K=V", help="A parameter's default, for instance run_date={yesterday}.")
@click.option("--id", "pipeline_id", metavar="ID", default="", help="The pipeline's own id; two pipelines cannot share one.")
@click.option("--out", metavar="FILE", required=True, type=click.Path(dir_okay=False), help="Where the spec is written; - for stdout.")
@shared
def use_template(door: Penstock, name: str, variables: tuple[str, ...], params: tuple[str, ...], pipeline_id: str, out: str) -> int:
    """Write a spec of your own, made from a template. A file that is there is never overwritten."""
    _, text = door.use_template_text(name, variables=_pairs(variables, "--var"), params=_pairs(params, "--param"),
                                     pipeline_id=pipeline_id)
    put_file(text, out, source=name, then=f"Look at it first: penstock preview {out}. Then: penstock run {out}")
    return 0


def _pairs(given: tuple[str, ...], option: str) -> dict[str, str]:
    try:
        return pairs(given)
    except InputError as error:
        raise InputError(error.what, where=option, fix=error.fix.replace("--param", option)) from None
