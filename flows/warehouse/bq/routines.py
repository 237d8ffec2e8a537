"""Stored procedures on BigQuery: the same files, with the tenant's physical names, kept where the hash of their text changed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.errors import MissingError, SqlError
from flows.spec.suggest import did_you_mean
from flows.warehouse import guard, runbook
from flows.warehouse.base import ExecResult, ProcedureSpec, QueryLimits
from flows.warehouse.lexer import tokens
from flows.warehouse.nodes import (
    Argument,
    Assert,
    Call,
    Choice,
    Declare,
    Execute,
    Loop,
    Node,
    Piece,
    Plain,
    Raise,
    Routine,
    SetTo,
    walk,
)
from flows.warehouse.quoting import name_sql

if TYPE_CHECKING:
    from flows.warehouse.bigquery import BigQueryWarehouse

MARK = "penstock sha256:"
"""What the description of a routine begins with that was made here; the hash of its text follows."""
TABLE = "_table"
"""An argument whose name ends so holds dataset.table, and gets the table's physical name."""
_TEMPORARY = re.compile(r"\bTEMP(?:ORARY)?\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(\w+)", re.IGNORECASE)


def sync(warehouse: BigQueryWarehouse, folder: Path) -> dict[str, str]:
    """name -> created | updated | unchanged. Raises InputError that names the file and the line, and what BigQuery says."""
    from flows.warehouse.routines import digest, files, read_file

    done: dict[str, str] = {}
    for path, _ in files(folder):
        routine = read_file(path)
        name = ".".join(routine.path)
        full, body = warehouse.names.own(*routine.path).full, physical(warehouse, routine)
        head = f"CREATE OR REPLACE PROCEDURE `{full}`({', '.join(f'{a.mode} {_q(a.name)} {a.kind}' for a in routine.arguments)})"
        mark = MARK + digest(f"{head} {body}")
        kept = _routine(warehouse, full)
        if kept is not None and kept.description == mark:
            done[name] = "unchanged"
            continue
        warehouse.datasets.dataset(routine.path[0])
        options = "" if warehouse.project.endpoint else f"OPTIONS(description='{mark}')\n"  # an emulator cannot read them
        warehouse.jobs.query(f"{head}\n{options}{body}")
        done[name] = "created" if kept is None else "updated"
    return done


def _routine(warehouse: BigQueryWarehouse, full: str) -> Any:
    """A routine as BigQuery has it, None when it is not there."""
    jobs = warehouse.jobs
    try:
        return jobs.ask(lambda: jobs.client.get_routine(full, retry=jobs.retry()), what=full.rpartition(".")[2])
    except MissingError:
        return None


def listed(warehouse: BigQueryWarehouse) -> list[ProcedureSpec]:
    """The procedures of the shipped dataset, by name."""
    from flows.warehouse.routines import SYSTEM

    jobs, dataset = warehouse.jobs, warehouse.names.own(SYSTEM, "x").full.rpartition(".")[0]
    try:
        found = jobs.ask(lambda: list(jobs.client.list_routines(dataset, retry=jobs.retry())), what=SYSTEM)
    except MissingError:
        return []
    return sorted((_spec(f"{SYSTEM}.{r.routine_id}", _routine(warehouse, f"{dataset}.{r.routine_id}"))
                   for r in found if r.type_ == "PROCEDURE"), key=lambda spec: spec.name)


def _spec(name: str, routine: Any) -> ProcedureSpec:
    description = str(routine.description or "")
    return ProcedureSpec(name, tuple((a.name, _kind(a.data_type), a.mode or "IN") for a in routine.arguments),
                         description.removeprefix(MARK) if description.startswith(MARK) else "")


def _kind(kind: Any) -> str:
    """A type of the API as BigQuery's SQL spells it."""
    if kind is None or kind.type_kind is None:
        return "STRING"
    word = getattr(kind.type_kind, "name", str(kind.type_kind))
    if word == "ARRAY":
        return f"ARRAY<{_kind(kind.array_element_type)}>"
    if word == "STRUCT":
        return f"STRUCT<{', '.join(f'{f.name} {_kind(f.type)}' for f in kind.struct_type.fields)}>"
    return word


# -------------------------------------------------------------------- names
def physical(warehouse: BigQueryWarehouse, routine: Routine) -> str:
    """The body of a procedure with the tenant's physical names. Raises SqlError for a CALL, whose name cannot be replaced yet."""
    from flows.warehouse.routines import read

    routine = read(routine.text)  # so that its places count from its own first letter
    begin = next(t.start for t in tokens(routine.text) if t.word == "BEGIN")
    nodes = list(walk((routine.body,)))
    temporary = {name for node in nodes for piece in pieces(node) for name in _TEMPORARY.findall(piece.text)}
    lines = [0, *(n + 1 for n, c in enumerate(routine.text) if c == "\n")]
    changes = []
    for node in nodes:
        if isinstance(node, Call):
            raise SqlError("CALL inside of a procedure is not offered on BigQuery", verdict="refused", code="not_offered", line=node.line)
        for piece in pieces(node):
            at = lines[piece.line - 1] + piece.column - 1
            changes.append((at, at + len(piece.text), _placed(warehouse, piece, temporary, statement=isinstance(node, Plain))))
    text = routine.text
    for start, end, new in sorted(changes, reverse=True):
        text = text[:start] + new + text[end:]
    return text[begin:]


def _placed(warehouse: BigQueryWarehouse, piece: Piece, temporary: set[str], *, statement: bool) -> str:
    from flows.warehouse.bq.places import Places

    before, after = ("", "") if statement else ("SELECT (", "\n)")
    text = before + piece.text + after
    trees = guard.parse(text)
    places = Places(warehouse.names, text, {})
    places.temporary = set(temporary)
    made = places.replace(trees).sql
    return made[len(before):len(made) - len(after)]


def pieces(node: Node) -> list[Piece]:
    """The SQL that stands in a node itself."""
    if isinstance(node, Plain):
        return [node.sql]
    if isinstance(node, Declare):
        return [node.default] if node.default is not None else []
    if isinstance(node, SetTo):
        return [node.value]
    if isinstance(node, Choice):
        return [*([node.of] if node.of is not None else []), *(condition for condition, _ in node.arms)]
    if isinstance(node, Loop):
        return [piece for piece in (node.before, node.until, node.rows) if piece is not None]
    if isinstance(node, Raise):
        return [node.message] if node.message is not None else []
    if isinstance(node, Assert):
        return [node.condition]
    return [node.text, *(value for value, _ in node.using)] if isinstance(node, Execute) else []


# -------------------------------------------------------------------- CALL
def call(warehouse: BigQueryWarehouse, name: str, args: Sequence[Any] | Mapping[str, Any], limits: QueryLimits) -> ExecResult:
    """One script: variables for OUT arguments, CALL, and a SELECT of them. Raises SqlError, InputError (arguments)."""
    from flows.warehouse.arguments import ordered
    from flows.warehouse.routines import SHIPPED, SYSTEM

    path = tuple(name.split("."))[-2:]
    full = warehouse.names.own(*path).full if len(path) == 2 else ""
    if path[0] == SYSTEM:
        sync(warehouse, SHIPPED)
    found = _routine(warehouse, full) if full else None
    if found is None:
        raise SqlError(f"there is no procedure {name!r}", code="not_found", fix=did_you_mean(name, [p.name for p in listed(warehouse)]))
    arguments = [Argument(*argument) for argument in _spec(name, found).arguments]
    given = {argument.name: _own(warehouse, argument, value) for argument, value in ordered(name, arguments, args)}
    sql, params = script(full, arguments, given)
    job = warehouse.jobs.query(sql, params=params, limits=limits, cache=False)
    outs = [a for a in arguments if a.mode != "IN"]
    result = warehouse.reader.table(job, most=limits.rows) if outs or _has_rows(job) else None
    return ExecResult(int(job.num_dml_affected_rows or 0), job.total_bytes_processed, str(job.job_id), result)


def _own(warehouse: BigQueryWarehouse, argument: Argument, value: Any) -> Any:
    """A value for BigQuery: the name of a table becomes that of the tenant's own."""
    if argument.name.endswith(TABLE) and isinstance(value, str):
        place = warehouse.names.find(tuple(value.split(".")))
        runbook.refuse(place.logical)
        return place.full
    return value


def script(full: str, arguments: Sequence[Argument], given: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """(text, parameters) of a call."""
    params: dict[str, Any] = {}

    def typed(argument: Argument) -> str:
        value = given.get(argument.name)
        if value is None or value == []:
            return f"CAST(NULL AS {argument.kind})" if value is None else f"CAST([] AS {argument.kind})"
        params[argument.name] = value
        return f"CAST(@{argument.name} AS {argument.kind})"

    outs = [a for a in arguments if a.mode != "IN"]
    lines = [f"DECLARE {_q(a.name)} {a.kind}" + (f" DEFAULT {typed(a)}" if a.mode == "INOUT" else "") for a in outs]
    values = ", ".join(typed(a) if a.mode == "IN" else _q(a.name) for a in arguments)
    lines.append(f"CALL `{full}`({values})")
    if outs:
        lines.append(f"SELECT {', '.join(f'{_q(a.name)} AS {_q(a.name)}' for a in outs)}")
    return ";\n".join(lines), params


def _q(name: str) -> str:
    return name_sql(name, "bigquery")


def _has_rows(job: Any) -> bool:
    """Whether the last statement of a script gave a table."""
    return bool(getattr(job.result(), "schema", None))
