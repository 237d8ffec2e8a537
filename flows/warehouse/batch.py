"""Statements judged one by one, each on a warehouse of its own that is thrown away: `penstock query --batch`."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.errors import InputError, PenstockError, SqlError
from flows.settings import Settings
from flows.warehouse.encode import rows_json

if TYPE_CHECKING:
    from flows.warehouse.duckdb import DuckDBWarehouse

TENANT = "batch"
KEPT = 8  # prepared warehouses that are kept to be copied

_prepared: dict[tuple[str, ...], tempfile.TemporaryDirectory[str]] = {}


def answer(line: Mapping[str, Any]) -> dict[str, Any]:
    """Run one line {id, project, setup, sql, params, probe} on a new warehouse of its own: columns and rows of the probe, else of the
    last SELECT, and notes where BigQuery's answer may differ; or an error with the verdict refused, invalid or failed (failed: also an
    error in `setup`).

    Equal `setup` lists are run once and copied. For one thread.
    """
    misfit = _misfit(line)
    if misfit:
        return {"id": line.get("id"), **_error(misfit, "failed")}
    project, setup = str(line.get("project") or ""), tuple(line.get("setup") or ())
    with tempfile.TemporaryDirectory(prefix="penstock-batch-") as folder:
        home = Path(folder) / "home"
        try:
            shutil.copytree(_prepare(project, setup), home)
        except PenstockError as error:
            return {"id": line.get("id"), **_error(error, "failed", "setup: ")}
        with opened(home, project) as warehouse:
            return {"id": line.get("id"), **answer_in(warehouse, line)}


def _misfit(line: Mapping[str, Any]) -> InputError | None:
    """What is wrong with the form of a line, if anything."""
    setup, params = line.get("setup") or [], line.get("params") or {}
    if not isinstance(line.get("sql") or "", str) or not isinstance(line.get("probe") or "", str):
        return InputError("sql and probe must be text")
    if not isinstance(setup, list) or not all(isinstance(script, str) for script in setup):
        return InputError("setup must be a list of scripts")
    pairs = list(params.values()) if isinstance(params, Mapping) else params
    if not isinstance(pairs, list) or not all(isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) for pair in pairs):
        return InputError('params must be {"name": ["TYPE", value]} or [["TYPE", value], ...]')
    return None


def _prepare(project: str, setup: tuple[str, ...]) -> str:
    """The home of a warehouse where `setup` has run. Raises PenstockError when it fails."""
    key = (project, *setup)
    if key not in _prepared:
        folder = tempfile.TemporaryDirectory(prefix="penstock-setup-")
        with opened(Path(folder.name), project) as warehouse:
            for script in setup:
                warehouse.execute(script)
        if len(_prepared) >= KEPT:
            _prepared.pop(next(iter(_prepared))).cleanup()
        _prepared[key] = folder
    return _prepared[key].name


@contextmanager
def opened(home: Path, project: str) -> Iterator[DuckDBWarehouse]:
    """A session of the batch's tenant on the lake of this home."""
    from flows.store import open_store
    from flows.warehouse.duckdb import DuckDBWarehouse

    store = open_store(f"sqlite:///{home / 'control.sqlite'}")
    settings = Settings(home=home, tenant_id=TENANT, project=project)
    try:
        with DuckDBWarehouse(settings, store.manifest, TENANT, names={}, stage_dir=home / "stage") as warehouse:
            yield warehouse
    finally:
        store.dispose()


def answer_in(warehouse: DuckDBWarehouse, line: Mapping[str, Any]) -> dict[str, Any]:
    """What `answer` says of a line's sql, params and probe, without its id and setup, in a session that is there."""
    try:
        done = warehouse.execute(line.get("sql") or "", parameters(line.get("params")))
        result = done.result
        if line.get("probe"):
            result = warehouse.query(line["probe"])
        columns, rows = rows_json(result) if result is not None else ([], [])
    except PenstockError as error:
        return _error(error, verdict_of(error))
    return {"columns": columns, "rows": rows, "notes": list(done.notes)}


def verdict_of(error: PenstockError) -> str:
    """refused | invalid | failed: what an error says about the statement. Broken data stops BigQuery as well."""
    if isinstance(error, SqlError):
        return error.verdict
    return "failed" if error.transient or error.code == "limit" else "invalid"


def _error(error: PenstockError, verdict: str, before: str = "") -> dict[str, Any]:
    return {"error": {"code": error.code, "message": before + str(error)}, "verdict": verdict}


def parameters(given: Mapping[str, Sequence[Any]] | Sequence[Any] | None) -> dict[str, Any]:
    """{name: [TYPE, value]} as typed literals. Raises InputError for a type or value that is none."""
    if not given:
        return {}
    if not isinstance(given, Mapping):
        raise InputError("parameters need names here", where="params", fix='Write {"name": ["TYPE", value]} and @name')
    return {name: _typed(str(kind), value) for name, (kind, value) in given.items()}


def _typed(kind: str, value: Any) -> Any:
    """A literal tree of a BigQuery type."""
    from sqlglot import exp

    from flows.warehouse.bqtypes import duck_name, parse_type

    def build(tree: exp.DataType, item: Any) -> exp.Expr:
        if item is None:
            made: exp.Expr = exp.Null()
        elif isinstance(item, list):
            made = exp.Array(expressions=[build(tree.expressions[0], one) for one in item])
        elif isinstance(item, Mapping):
            fields = [(field.name, build(field.args["kind"], item[field.name])) for field in tree.expressions]
            made = exp.Struct(expressions=[exp.PropertyEQ(this=exp.to_identifier(name), expression=part) for name, part in fields])
        elif isinstance(item, bool):
            made = exp.true() if item else exp.false()
        elif isinstance(item, int):
            made = exp.Literal.number(item)
        elif tree.is_type(exp.DataType.Type.BINARY, exp.DataType.Type.VARBINARY):
            return exp.FromBase64(this=exp.Literal.string(str(item)))
        else:
            made = exp.Literal.string(str(item))
        if isinstance(item, (list, Mapping)):
            return made
        return exp.Cast(this=made, to=tree.copy())

    tree = parse_type(kind)
    duck_name(tree)  # raises for a type that cannot be kept here
    return build(tree, value)
