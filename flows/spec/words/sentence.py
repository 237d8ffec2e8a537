"""The sentences of a pipeline and of its steps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flows.spec.words.cron import said_cron
from flows.spec.words.form import ATOMS, Choice, Cursor, Either, Form, Name, Record, Scalar, Series, Unfit, Zone, quote, unquote
from flows.spec.words.work import hear_work, say_work

TRIES = re.compile(r"([0-9]+) (?:try|tries) in all \((?:no retry|[0-9]+ retry|[0-9]+ retries)\)")
CRON = re.compile(r"(?:[^']*, )?cron ('(?:[^'\\]|\\.)*')")


class Tries:
    """`max_attempts` counts all tries; people count retries: both are said."""

    def say(self, value: Any) -> str:
        if type(value) is not int or value < 1:
            raise Unfit
        again = {1: "no retry", 2: "1 retry"}.get(value, f"{value - 1} retries")
        return f"{value} {'try' if value == 1 else 'tries'} in all ({again})"

    def hear(self, at: Cursor) -> int:
        return int(at.match(TRIES).split(" ", 1)[0])


class Cron:
    """A cron line, with its meaning in front when it can be said."""

    def say(self, value: Any) -> str:
        if not isinstance(value, str):
            raise Unfit
        meaning = said_cron(value)
        return f"{meaning}, cron {quote(value)}" if meaning else f"on cron {quote(value)}"

    def hear(self, at: Cursor) -> str:
        at.take("on ")
        found = at.match(CRON)
        return unquote(found[found.index("cron '") + 5:])


class After:
    """What a step waits for."""

    def say(self, value: Any) -> str:
        return "starts at once" if value == [] else f"runs after {ATOMS['names'].say(value)}"

    def hear(self, at: Cursor) -> list[str]:
        if at.take("starts at once"):
            return []
        at.need("runs after ")
        found: list[str] = ATOMS["names"].hear(at)
        return found


class Sentences:
    """A list with one sentence for each item; an empty one has a sentence of its own."""

    def __init__(self, item: Form, none: str = "") -> None:
        self.item, self.none = item, none

    def say(self, value: Any) -> str:
        if not value:
            return self.none
        return "".join(self.item.say(v) for v in value)

    def hear(self, at: Cursor) -> list[Any]:
        if self.none and at.take(self.none.replace("\n", " ")):
            return []
        found = []
        while True:
            mark = at.pos
            try:
                found.append(self.item.hear(at))
            except Unfit:
                at.pos = mark
                break
        if not found:
            raise Unfit
        return found


class Variables:
    """The variables, a sentence each."""

    def __init__(self) -> None:
        pair = Record("\nVariable <name:name> is <value:scalar>.", forms={"name": Name(), "scalar": Scalar()})
        self.pairs = Sentences(pair, "\nIt has no variables.")

    def say(self, value: Any) -> str:
        return self.pairs.say([{"name": k, "value": v} for k, v in value.items()])

    def hear(self, at: Cursor) -> dict[str, Any]:
        found = self.pairs.hear(at)
        if len({p["name"] for p in found}) != len(found):
            raise Unfit
        return {p["name"]: p["value"] for p in found}


class Usual:
    """An empty mapping, said so that it is not lost."""

    def __init__(self, words: str) -> None:
        self.words = words

    def say(self, value: Any) -> str:
        if value != {}:
            raise Unfit
        return self.words

    def hear(self, at: Cursor) -> dict[str, Any]:
        at.need(self.words)
        return {}


FORMS: dict[str, Form] = {
    **ATOMS, "tries": Tries(), "zone": Zone(), "cron": Cron(), "after": After(),
    "catchup": Choice({True: "catching up on missed runs", False: "without catching up on missed runs"}),
    "trigger": Choice({"on_success": "only when every step before it succeeded", "on_failure": "only when a step before it failed",
                       "always": "whatever happens before it"}),
    "aside": Choice({True: "are set aside and it goes on", False: "stop it"}),
    "kind": Choice({"string": "a text", "integer": "a whole number", "number": "a number", "boolean": "true or false", "date": "a date",
                    "timestamp": "a point in time"}),
    "events": Series(Choice({"failure": "failure", "success": "success", "always": "every end", "anomaly": "an anomaly"})),
    "channel": Choice({"slack": "slack", "email": "email"}),
}


def _record(*phrases: str, comma: str = "") -> Record:
    return Record(*phrases, forms=FORMS, comma=comma)


FORMS["retry"] = Either((
    Usual("nothing is said about it"),
    _record("?<max_attempts:tries>", "?first wait <backoff_seconds:number> seconds",
            "?each wait <backoff_multiplier:number> times the last", "?no wait above <max_backoff_seconds:number> seconds",
            "?only on <retry_on:names>", comma=", ")))
FORMS["schedule"] = _record("?<cron:cron>", "?every <interval_seconds:number> seconds", "?time zone <timezone:zone>", "?<catchup:catchup>",
                            comma=", ")
FORMS["parameters"] = Sentences(_record("\nParameter <name:name>", "? is <type:kind>", "?, by default <default:scalar>",
                                        "?, described as <description:text>", "."), "\nIt has no parameters.")
FORMS["notify"] = Sentences(_record("\nIt notifies <channel:channel> <target:text>", "? on <on:events>", "."), "\nIt notifies nobody.")
FORMS["budget"] = Either((Usual("has no limit"), _record("?at most <bytes_per_run:number> bytes a run",
                                                         "?at most <usd_per_month:number> US dollars a month", comma=", ")))
FORMS["defaults"] = Either((Usual("nothing is said"), _record(
    "?a step may take <timeout_seconds:number> seconds", "?a step may take <timeout_minutes:number> minutes", "?retries are <retry:retry>",
    comma="; ")))
FORMS["variables"] = Variables()

STEP = _record(
    "? Its name is <name:text>.", "? It <depends_on:after>.", "? It is in parallel group <parallel_group:name>.",
    "? It runs <trigger:trigger>.", "? It may take <timeout_seconds:number> seconds.",
    "? It may take <timeout_minutes:number> minutes.", "? It is retried: <retry:retry>.",
    "? Rows that cannot be used <continue_on_error:aside>.")
BLOCKS = ("source", "destination", "config")


class Step:
    """One step: what it does, then how it runs."""

    def say(self, value: Mapping[str, Any]) -> str:
        blocks = {key: value[key] for key in BLOCKS if key in value}
        rest = {key: part for key, part in value.items() if key not in (*BLOCKS, "step_id", "ps_type")}
        name, kind = Name().say(value["step_id"]), Name().say(value["ps_type"])
        return f"\nStep {name} ({kind}) {say_work(value['ps_type'], blocks)}.{STEP.say(rest)}"

    def hear(self, at: Cursor) -> dict[str, Any]:
        at.need(" Step ")
        step_id = Name().hear(at)
        at.need(" (")
        ps_type = Name().hear(at)
        at.need(") ")
        blocks = hear_work(ps_type, at)
        at.need(".")
        return {"step_id": step_id, "ps_type": ps_type, **STEP.hear(at), **blocks}


FORMS["steps"] = Sentences(Step())

PIPELINE = _record(
    "Pipeline <pipeline_id:name>", "? is called <name:text>", ".", "? It is described as <description:text>.", "?<variables:variables>",
    "?<parameters:parameters>", "?\nIt runs <schedule:schedule>.", "?\nIts budget: <budget:budget>.", "?<notify:notify>",
    "?\nBy default <defaults:defaults>.", "<steps:steps>")
