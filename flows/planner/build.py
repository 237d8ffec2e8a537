"""From a draft to a flow spec: steps, their order, destination, schedule; every value with the words it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flows.planner.answer import Fact
from flows.planner.holes import Ask, Asks, Hole, has_hole
from flows.planner.read.draft import Draft, Ref, Said, Span
from flows.planner.resolve import Scope
from flows.planner.rowset import Rows

EXTENSION = {"excel": "xlsx", "csv": "csv", "parquet": "parquet", "json": "json"}
PROVIDERS = ("openai", "anthropic", "gemini", "deepseek", "azure", "aws", "gcp", "oci")
LATER = {"gcs": "Google Cloud Storage", "s3": "S3"}


@dataclass
class Builder:
    """The spec under construction."""

    scope: Scope
    asks: Asks
    steps: list[dict[str, Any]] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)

    @property
    def draft(self) -> Draft:
        return self.scope.draft

    def fact(self, path: str, value: Any, span: Span | None = None, source: str = "inferred") -> None:
        if not has_hole(value):
            self.facts.append(Fact(path=path, value=value, span=span, source=source))

    def said(self, path: str, said: Said) -> None:
        self.fact(path, said.value, said.span, said.source)

    def step(self, step_id: str, name: str, ps_type: str, after: list[str], **blocks: Any) -> dict[str, Any]:
        step = {"step_id": step_id, "name": name, "ps_type": ps_type, "depends_on": after, **blocks}
        self.steps.append(step)
        for key in ("step_id", "name", "ps_type", "depends_on"):
            self.fact(f"steps.{step_id}.{key}", step[key])
        return step


# ---- reading
def waits(build: Builder) -> list[str]:
    """Waiting steps come first; everything else follows them."""
    before: list[str] = []
    for n, wait in enumerate(build.draft.waits):
        step_id = "wait" if n == 0 else f"wait_{n + 1}"
        build.step(step_id, "Wait", "generic.wait", list(before), config=wait.value)
        build.fact(f"steps.{step_id}.config", wait.value, wait.span, "text")
        before = [step_id]
    return before


def extract(build: Builder, table: str, after: list[str]) -> str:
    """One step that reads a catalogued table from its connection."""
    catalog = build.scope.lexicon.catalog
    step_id = f"extract_{table}"
    span, source = build.scope.origins.get(table, (None, "inferred"))
    if table in build.scope.files:
        source_of = dict(build.scope.files[table])
        build.step(step_id, f"Read {table}", "generic.extract", after, source=source_of)
        build.fact(f"steps.{step_id}.source.path", source_of["path"], span, source)
        return step_id
    connection = catalog.tables[table].connection
    body: dict[str, Any] = {"connection": connection, "table": table} if connection else {"table": table}
    build.step(step_id, f"Read {table}", "generic.extract", after, source=body)
    build.fact(f"steps.{step_id}.source.table", table, span, source)
    named = next((c for c in build.draft.connections if c.value == connection), None)
    if connection:
        build.fact(f"steps.{step_id}.source.connection", connection, named.span if named else None, "text" if named else "inferred")
    if build.draft.incremental:
        _incremental(build, body, step_id, table)
    return step_id


def _incremental(build: Builder, body: dict[str, Any], step_id: str, table: str) -> None:
    assert build.draft.incremental is not None
    ref, back, span = build.draft.incremental
    mine = [m.column for m in ref.meanings if m.table == table]
    if not mine:
        return
    body["incremental"] = {"column": mine[0]} | ({"lookback": back.value} if back else {})
    build.fact(f"steps.{step_id}.source.incremental.column", mine[0], span, "text")
    if back:
        build.said(f"steps.{step_id}.source.incremental.lookback", back)


def no_source(build: Builder, after: list[str]) -> str:
    """A step that reads what is still asked."""
    asked = next(n for n, a in enumerate(build.asks.items) if a.slot == "source")
    build.step("extract", "Read", "generic.extract", after, source={"connection": Hole(asked, "connection"), "table": Hole(asked, "table")})
    return "extract"


# ---- operations
def transform(build: Builder, rows: Rows, inputs: list[str]) -> str:
    """The transform step with all operations, each with its facts."""
    step_id = "transform"
    build.step(step_id, "Transform", "generic.transform", list(inputs), config={"inputs": inputs, "operations": [o.body for o in rows.ops]})
    build.fact(f"steps.{step_id}.config.inputs", inputs)
    for n, op in enumerate(rows.ops):
        path = f"steps.{step_id}.config.operations.{n}"
        build.fact(path, op.body, op.span, op.source)
        for below, value, source in op.sub:
            build.fact(f"{path}.{below}", value, None if source != "text" else op.span, source)
    return step_id


def checks(build: Builder, rows: Rows | None, given: str, *, early: bool) -> str:
    """A quality_check step behind `given`; `early`: the promises about columns that the transform does not keep."""
    found: list[tuple[dict[str, Any], Span]] = []
    for check in build.draft.checks:
        for body in _bodies(build, check, rows):
            lost = [
                c for c in (body.get("columns") or [body.get("column")]) if c and rows is not None and rows.closed and c not in rows.columns
            ]
            if bool(lost) == early:
                found.append((body, check.span))
    if build.draft.dq and not early:
        found += [(b, build.draft.dq.span) for b in _asked_checks(build, rows)]
    if not found:
        return given
    step_id = "check_source" if early else "check"
    bodies = [b for b, _ in found]
    asked = next((n for n, a in enumerate(build.asks.items) if a.slot == "dq"), None)
    shown: Any = bodies if asked is None or build.draft.checks else Hole(asked, "checks", [])
    step = build.step(step_id, "Check the data", "generic.quality_check", [given], config={"input": given, "checks": shown})
    build.fact(f"steps.{step_id}.config.input", given)
    for n, (body, span) in enumerate(found if shown is bodies else []):
        path = f"steps.{step_id}.config.checks.{n}"
        action = build.draft.on_fail
        body["on_fail"] = action.value if action else "fail"
        build.fact(path, body, span, "text")
        build.fact(f"{path}.on_fail", body["on_fail"], action.span if action else None, action.source if action else "default")
    if build.draft.on_fail and build.draft.on_fail.value == "quarantine":
        step["continue_on_error"] = True
        build.fact(f"steps.{step_id}.continue_on_error", True)
    return step_id


def _bodies(build: Builder, check: Any, rows: Rows | None) -> list[dict[str, Any]]:
    if check.kind == "row_count":
        return [{"check": "row_count", **check.args}]
    out = []
    for ref in check.refs:
        column = name_now(build, ref, rows)
        args = dict(check.args)
        if check.kind == "foreign_key":
            key = build.scope.lexicon.catalog.tables[args["table"]].primary_key
            out.append({"check": "foreign_key", "columns": [column], "table": args["table"], "column": key[0] if key else column})
            continue
        out.append({"check": check.kind, "column": column, **args})
    return out


def _asked_checks(build: Builder, rows: Rows | None) -> list[dict[str, Any]]:
    """What is proposed for bare "data quality checks": keys that are there and unique."""
    keys = [k for t in build.scope.tables[:1] for k in build.scope.lexicon.catalog.tables[t].primary_key]
    keys = [k for k in keys if rows is None or not rows.closed or k in rows.columns]
    proposal = [{"check": "not_null", "column": k, "on_fail": "fail"} for k in keys]
    if len(keys) == 1:
        proposal.append({"check": "unique", "column": keys[0], "on_fail": "fail"})
    assert build.draft.dq is not None
    choices: list[tuple[str, dict[str, Any]]] = [("Keys are unique and not null", {"checks": proposal})] if proposal else []
    choices.append(("At least one row", {"checks": [{"check": "row_count", "min": 1, "on_fail": "fail"}]}))
    build.asks.add(Ask("dq", "Which checks should the data pass?", build.draft.dq.span, choices))
    return proposal or [{"check": "row_count", "min": 1}]


def name_now(build: Builder, ref: Ref, rows: Rows | None) -> Any:
    """The name of a column behind the transform."""
    if rows is not None:
        for measure, name in rows.ranked:
            if measure.ref and measure.ref.words == ref.words and name in rows.columns:
                return name
    return build.scope.name(ref)


# ---- writing
def write(build: Builder, given: str, rows: Rows | None, table: str = "") -> None:
    """The last step: a load into a table or an export to a file. `table`: one of several that go to the same dataset."""
    draft = build.draft
    step_id = f"load_{table}" if table else "load"
    engine = draft.engine.value if draft.engine else "bigquery"
    destination: dict[str, Any] = {"engine": engine}
    path = f"steps.{step_id}.destination"
    if draft.unsupported is not None:
        asked = build.asks.add(
            Ask(
                "destination.unsupported",
                f"Nothing can be written to {draft.unsupported.value} here. Where should the rows go instead?",
                draft.unsupported.span,
                [
                    ("A CSV file", {"destination": {"engine": "csv", "path": f"exports/{stem(build)}.csv"}, "ps_type": "generic.export"}),
                    (
                        "An Excel file",
                        {"destination": {"engine": "excel", "path": f"exports/{stem(build)}.xlsx"}, "ps_type": "generic.export"},
                    ),
                    (
                        "A warehouse table",
                        {
                            "destination": {"engine": "bigquery", "table": f"mart.{stem(build)}", "mode": "overwrite"},
                            "ps_type": "generic.load",
                        },
                    ),
                ],
            )
        )
        step = build.step(
            step_id,
            "Write",
            "generic.load",
            [given],
            config={"input": given},
            destination=Hole(asked, "destination", {"engine": _system(build, draft.unsupported.value), "table": "?"}),
        )
        step["ps_type"] = Hole(asked, "ps_type", "generic.load")
        build.facts = [f for f in build.facts if f.path != f"steps.{step_id}.ps_type"]
        return
    if engine in EXTENSION and draft.table is None:
        _export(build, given, step_id.replace("load", "export"), engine, table)
        return
    step = build.step(step_id, "Write the rows", "generic.load", [given], config={"input": given}, destination=destination)
    build.fact(f"steps.{step_id}.config.input", given)
    _engine(build, path, engine)
    _table(build, destination, path, table)
    _options(build, destination, path, rows, step)


def _system(build: Builder, words: str) -> str:
    """The kind of a connection that the catalogue has but cannot be written to; anything else has no name here."""
    lexicon = build.scope.lexicon
    name = lexicon.connections.get(words.lower(), "")
    return lexicon.catalog.connections[name].kind if name else "?"


def _engine(build: Builder, path: str, engine: str) -> None:
    said = build.draft.engine
    source = "text" if said else "inferred"
    build.fact(f"{path}.engine", engine, said.span if said else None, source)
    if engine in LATER:
        build.notes.append((f"{path}.engine", f"writing to {LATER[engine]} needs its connector; a run says so when it is missing"))


def read_from(build: Builder, engine: str) -> list[str]:
    """The tables that are read from a system of this kind: writing over them would change the source."""
    catalog = build.scope.lexicon.catalog
    kinds = {name: about.kind for name, about in catalog.connections.items()}
    return [t for t in build.scope.tables if t in catalog.tables and kinds.get(catalog.tables[t].connection) == engine]


def _table(build: Builder, destination: dict[str, Any], path: str, table: str) -> None:
    draft = build.draft
    own = draft.dataset is None and (table or stem(build)) in read_from(build, str(destination["engine"]))
    if draft.table is not None:
        destination["table"] = draft.table.value
        build.said(f"{path}.table", draft.table)
    elif (draft.dataset is not None or (draft.engine is not None and draft.engine.value not in ("bigquery", "duckdb"))) and not own:
        name = table or stem(build)
        destination["table"] = f"{draft.dataset.value}.{name}" if draft.dataset else name
        build.fact(f"{path}.table", destination["table"], draft.dataset.span if draft.dataset else None, "inferred")
    else:
        slot = "destination.table" if draft.engine else "destination"
        name = stem(build)
        message = "Into which table should the rows go?" if draft.engine else "Where should the rows go?"
        if own:
            message = f"{table or name} of {destination['engine']} is what is read here. {message}"
        choices: list[tuple[str, dict[str, Any]]] = [(f"{d}.{name}", {"table": f"{d}.{name}"}) for d in ("mart", "staging")]
        destination["table"] = Hole(build.asks.add(Ask(slot, message, draft.engine.span if draft.engine else None, choices)), "table")


def _options(build: Builder, destination: dict[str, Any], path: str, rows: Rows | None, step: dict[str, Any]) -> None:
    draft = build.draft
    mode = draft.mode or (Said("merge", draft.keys[0].span, "inferred") if draft.keys else None)
    if mode:
        destination["mode"] = mode.value
        build.said(f"{path}.mode", mode)
    else:
        destination["mode"] = "overwrite"
        build.fact(f"{path}.mode", "overwrite", None, "default")
        build.notes.append((f"{path}.mode", "a repeated run replaces the table's rows"))
    keys: list[Any] = [name_now(build, k, rows) for k in draft.keys]
    if keys:
        destination["keys"] = keys
        build.fact(f"{path}.keys", keys, (draft.keys[0].span[0], draft.keys[-1].span[1]), "text")
    elif mode and mode.value == "merge":
        found = [k for t in build.scope.tables[:1] for k in build.scope.lexicon.catalog.tables[t].primary_key]
        destination["keys"] = found or ["?"]
        build.fact(f"{path}.keys", destination["keys"], None, "inferred")
        build.notes.append((f"{path}.keys", f"rows are matched on {', '.join(found)}"))
    _partition(build, destination, path, rows)
    cluster = [name_now(build, c, rows) for c in draft.cluster]
    if cluster:
        destination["cluster_by"] = cluster
        build.fact(f"{path}.cluster_by", cluster, (draft.cluster[0].span[0], draft.cluster[-1].span[1]), "text")


def _partition(build: Builder, destination: dict[str, Any], path: str, rows: Rows | None) -> None:
    if not build.draft.partition:
        return
    ref, span = build.draft.partition[0]
    dated = ref is not None and ref.words in ("date", "day")
    column: Any = name_now(build, ref, rows) if ref is not None and not dated else None
    if column is None:
        column = rows.grained[0] if rows is not None and rows.grained else build.scope.date(None)
    if column is None:
        column = Hole(build.asks.add(Ask("column:date", "By which column should the table be partitioned?", span)), "column")
    destination["partition_by"] = column
    build.fact(f"{path}.partition_by", column, span, "text")


def stem(build: Builder) -> str:
    """A readable name for a table or file that nobody named."""
    draft = build.draft
    if draft.tops:
        return f"top_{draft.tops[0].table or 'rows'}"
    return "_".join(build.scope.tables[:2]) or "result"


def _export(build: Builder, given: str, step_id: str, engine: str, table: str) -> None:
    draft = build.draft
    path = draft.path.value if draft.path else f"exports/{table or stem(build)}.{EXTENSION[engine]}"
    build.step(step_id, "Write the file", "generic.export", [given], config={"input": given}, destination={"engine": engine, "path": path})
    build.fact(f"steps.{step_id}.config.input", given)
    build.fact(f"steps.{step_id}.destination.engine", engine, draft.engine.span if draft.engine else None, "text")
    build.fact(f"steps.{step_id}.destination.path", path, draft.path.span if draft.path else None, "text" if draft.path else "default")
    if draft.mode is not None and draft.mode.value != "overwrite":
        build.asks.add(
            Ask(
                "destination",
                f"A file can only be written as a whole, not with {draft.mode.value}. Where should the rows go?",
                draft.mode.span,
            )
        )


# ---- FOCUS
def focus(build: Builder, given: dict[str, str]) -> str:
    """Every billing table through its converter, then all of them below each other."""
    assert build.draft.focus is not None
    said = build.draft.focus
    made = []
    for table, before in given.items():
        provider = next((p for p in PROVIDERS if p in table), "saas")
        step_id = f"focus_{table}"
        build.step(
            step_id,
            f"Convert {table} to FOCUS",
            "cloud.focus_converter",
            [before],
            config={"input": before, "provider": provider, "version": said.value},
        )
        build.fact(f"steps.{step_id}.config.input", before)
        build.fact(f"steps.{step_id}.config.provider", provider)
        build.said(f"steps.{step_id}.config.version", said)
        made.append(step_id)
    return made[0] if len(made) == 1 else stack(build, made)


def stack(build: Builder, made: list[str]) -> str:
    """The rows of several steps below each other."""
    operation = {"op": "union", "with": made[1:], "distinct": False}
    build.step("union", "Put all rows together", "generic.transform", list(made), config={"inputs": made, "operations": [operation]})
    build.fact("steps.union.config", build.steps[-1]["config"])
    return "union"
