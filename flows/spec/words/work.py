"""What a step does, in words: one phrase for each operation, check and kind of step; anything else is said as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.spec.words.condition import VALUE, Condition
from flows.spec.words.form import ATOMS, Choice, Cursor, Either, Form, Name, Pairs, Record, Scalar, Series, Text, Unfit

CONDITION = Condition()
FORMS: dict[str, Form] = {
    **ATOMS, "condition": CONDITION, "value": VALUE,
    "direction": Choice({"asc": "ascending", "desc": "descending"}),
    "unit": Choice({u: u for u in ("minute", "hour", "day", "week", "month", "quarter", "year")}),
    "how": Choice({h: f"{h} joins" for h in ("inner", "left", "right", "full", "anti", "semi")}),
    "repeats": Choice({True: "without repeats", False: "with repeats"}),
    "renames": Pairs(Name(), " to ", Name()), "derives": Pairs(Name(), " as ", Text()), "fills": Pairs(Name(), " with ", VALUE),
    "masks": Pairs(Name(), " by ", Name()),
    "on_fail": Choice({"fail": "the step fails", "quarantine": "the rows are set aside", "warn": "a warning is given"}),
    "scalars": Series(Scalar(), last=", "), "texts": Series(Text()), "types": Pairs(Name(), " as ", Text()),
}


class Match:
    """The keys of a join: `customer_id = customer_id and day = day`."""

    def say(self, value: Any) -> str:
        if not isinstance(value, list) or not value or not all(isinstance(p, list) and len(p) == 2 for p in value):
            raise Unfit
        return " and ".join(f"{Name().say(a)} = {Name().say(b)}" for a, b in value)

    def hear(self, at: Cursor) -> list[list[str]]:
        found: list[list[str]] = []
        while not found or at.take(" and "):
            left = Name().hear(at)
            at.need(" = ")
            found.append([left, Name().hear(at)])
        return found


def _record(*phrases: str, comma: str = "") -> Record:
    return Record(*phrases, forms=FORMS, comma=comma)


class Bracketed:
    """A form in round brackets."""

    def __init__(self, inner: Form) -> None:
        self.inner = inner

    def say(self, value: Any) -> str:
        return f"({self.inner.say(value)})"

    def hear(self, at: Cursor) -> Any:
        at.need("(")
        found = self.inner.hear(at)
        at.need(")")
        return found


FORMS["match"] = Match()
FORMS["order"] = Series(_record("<column:name>", "? <direction:direction>"))
GRAIN = _record("<unit:unit> of <column:name>", "? as <as:name>")
FORMS["grain"] = Either((Bracketed(Series(GRAIN, last=", ")), GRAIN))
FORMS["measure"] = _record("<fn:name>", "? of <column:name>", "? as <as:name>", "? where (<where:condition>)")
FORMS["measures"] = Series(FORMS["measure"])
FORMS["keep"] = _record("<order_by:name>", "? <direction:direction>")
FORMS["along"] = Either((Bracketed(FORMS["order"]), Name()))
FORMS["over"] = Bracketed(_record("?along <order_by:along>", "?<direction:direction>", "?spanning <rows:scalar> rows", "?per <per:names>",
                                  comma=", "))

OPERATIONS: dict[str, Record] = {
    "filter": _record("keeps rows where <where:condition>"),
    "select": _record("selects the columns <columns:names>"),
    "rename": _record("renames <columns:renames>"),
    "derive": _record("derives <columns:derives>"),
    "aggregate": _record("aggregates", "? by <by:names>", "? per <grain:grain>", "? into <measures:measures>"),
    "top": _record("keeps the top <n:scalar> by <order_by:order>", "? per <per:names>"),
    "deduplicate": _record("removes duplicates", "? of <keys:names>", "? keeping the first by <keep:keep>"),
    "window": _record("adds <fn:name>", "? of <column:name>", "? over <over:over>", "? as <as:name>"),
    "union": _record("adds the rows of <with:names>", "? <distinct:repeats>"),
    "sort": _record("sorts by <by:order>"),
    "limit": _record("keeps the first <n:scalar> rows"),
    "fill": _record("fills <columns:fills>"),
    "mask": _record("masks <columns:masks>"),
    "convert_currency": _record("converts <column:name>", "? from <from:name>", "? to <to:name>", "? at the rates of <rates:name>",
                                "? of <date:name>", "? as <as:name>"),
    "flag_anomalies": _record("flags anomalies of <column:name>", "? per <per:names>", "? by <method:name>",
                              "? above <threshold:scalar>", "? as <as:name>"),
    "pivot": _record("pivots <columns:name>", "? per <rows:names>", "? into <values:measure>", "? among (<among:scalars>)"),
    "unpivot": _record("unpivots <columns:names>", "? with names in <name:name>", "? and values in <value:name>"),
    "split_rows": _record("splits <column:name>", "? by <by:text>", "? as <as:name>", " into rows"),
}
JOINS = {True: _record("<how:how> <with:name> on <on:match>"), False: _record("joins <with:name> on <on:match>")}

CHECK = _record(
    "<check:name>", "? of column <column:name>", "? of columns <columns:names>", "? at least <min:scalar>", "? at most <max:scalar>",
    "? among (<values:scalars>)", "? like <pattern:text>", "? in table <table:name>", "? within <max_age:text>",
    "? where <expression:text>", "?, else <on_fail:on_fail>")


class Operation:
    """One operation of a transform."""

    def say(self, value: Any) -> str:
        op = value.get("op") if isinstance(value, dict) else None
        rest = {k: v for k, v in value.items() if k != "op"} if isinstance(value, dict) else {}
        forms = [JOINS["how" in rest]] if op == "join" else [OPERATIONS[op]] if isinstance(op, str) and op in OPERATIONS else []
        for form in forms:
            try:
                said = form.say(rest)
                at = Cursor(said)
                if self.hear(at) == value and at.pos == len(said):
                    return said
            except Unfit:
                break
        return f"applies {ATOMS['json'].say(value)}"

    def hear(self, at: Cursor) -> Any:
        if at.take("applies "):
            return ATOMS["json"].hear(at)
        start = at.pos
        best: tuple[int, Any] | None = None
        for op, form in (*OPERATIONS.items(), ("join", JOINS[True]), ("join", JOINS[False])):
            at.pos = start
            try:
                found = {"op": op, **form.hear(at)}
            except Unfit:
                continue
            if best is None or at.pos > best[0]:
                best = at.pos, found
        if best is None:
            raise Unfit
        at.pos = best[0]
        return best[1]


FORMS["operations"] = Series(Operation(), comma="; ", last="; ")
FORMS["checks"] = Series(Either((CHECK, ATOMS["json"])), comma="; ", last="; ")

FORMS["since"] = _record("<column:name>", "? looking back <lookback:text>")
FORMS["until"] = Either((
    _record("file <file:text> is there"), _record("address <url:text>", "? of connection <connection:name>", " answers"),
    _record("table <table:name> has a row", "? where <condition:condition>")))

# the blocks of a step as one phrase, by ps_type; fields as <block>.<field>
STEPS: dict[str, tuple[Record, ...]] = {
    "generic.extract": (_record(
        "reads", "? table <source.table:name>", "? query <source.query:text>", "? file <source.path:text>",
        "? endpoint <source.endpoint:text>", "? of format <source.format:name>", "? from connection <source.connection:name>",
        "?; sheet <source.sheet:scalar>", "?; encoding <source.encoding:text>", "?; delimiter <source.delimiter:text>",
        "?; quote <source.quote:text>", "?; first line is the header: <source.header:scalar>", "?; skipping <source.skip:scalar> lines",
        "?; empty are <source.null:texts>", "?; types <source.types:types>", "?; parameters <source.params:fills>",
        "?; records at <source.records:text>", "?; paging <source.paging:json>", "?; columns <source.columns:names>",
        "?; rows where <source.filter:condition>",
        "?; only what is new since <source.incremental:since>"),),
    "generic.transform": (_record("takes <config.inputs:names>", "?; <config.operations:operations>"),),
    "generic.sql": (_record("takes <config.inputs:names>; runs <config.query:text>"), _record("runs <config.query:text>")),
    "generic.quality_check": (_record("checks <config.input:name>", "?: <config.checks:checks>"),),
    "generic.load": (_record(
        "loads <config.input:name>", "? into table <destination.table:name>", "? on <destination.engine:name>",
        "?; mode <destination.mode:name>", "?; keys <destination.keys:names>", "?; partitioned by <destination.partition_by:name>",
        "?; clustered by <destination.cluster_by:names>", "?; file <destination.path:text>",
        "?; connection <destination.connection:name>"),),
    "generic.export": (_record("exports <config.input:name>", "? to file <destination.path:text>", "? as <destination.engine:name>",
                               "?; formulas as text: <destination.escape_formulas:scalar>"),),
    "generic.wait": (_record("waits <config.seconds:scalar> seconds"),
                     _record("waits until <config.until:until>", "?, looking every <config.poll_seconds:scalar> seconds")),
    "cloud.focus_converter": (_record("converts <config.input:name>", "? of provider <config.provider:name>",
                                      "? to FOCUS <config.version:text>"),),
    "generic.procedure_executor": (_record("calls procedure <config.procedure:name>", "? with <config.args:json>"),),
}
BLOCKS = _record("?source <source:json>", "?destination <destination:json>", "?config <config:json>", comma=", ")


def say_work(ps_type: str, blocks: Mapping[str, Any]) -> str:
    """The blocks of a step as one phrase that `hear_work` turns back into the same blocks."""
    flat = {f"{name}.{key}": value for name, block in blocks.items() for key, value in block.items()}
    if all(blocks.values()):  # an empty block has no field that could name it
        for form in STEPS.get(ps_type, ()):
            try:
                said = form.say(flat)
                at = Cursor(said)
                if hear_work(ps_type, at) == blocks and at.pos == len(said):
                    return said
            except Unfit:
                continue
    return f"has {BLOCKS.say(blocks)}" if blocks else "has no settings"


def hear_work(ps_type: str, at: Cursor) -> dict[str, Any]:
    """The blocks that a phrase says. Raises Unfit."""
    if at.take("has no settings"):
        return {}
    if at.take("has "):
        return BLOCKS.hear(at)
    start = at.pos
    for form in STEPS.get(ps_type, ()):
        at.pos = start
        try:
            return _deep(form.hear(at))
        except Unfit:
            continue
    raise Unfit


def _deep(flat: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path, value in flat.items():
        block, key = path.split(".", 1)
        found.setdefault(block, {})[key] = value
    return found
