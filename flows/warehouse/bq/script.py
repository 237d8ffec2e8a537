"""Scripts on BigQuery: each statement guarded and its names resolved, then all of them sent as one job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from flows.errors import SqlError
from flows.warehouse import guard
from flows.warehouse.base import ExecResult, QueryLimits
from flows.warehouse.trees import is_temporary, properties

if TYPE_CHECKING:
    from flows.warehouse.bigquery import BigQueryWarehouse

DML = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.TruncateTable)
OFFERED = (exp.Query, *DML, exp.Create, exp.Drop, exp.Alter, exp.Transaction, exp.Commit)
MADE = ("TABLE", "VIEW", "FUNCTION", "SCHEMA")


class Script:
    """One script in one session."""

    def __init__(self, warehouse: BigQueryWarehouse, params: Mapping[str, Any], limits: QueryLimits, labels: Mapping[str, str] | None,
                 job_key: str) -> None:
        self.warehouse, self.params, self.limits, self.labels, self.job_key = warehouse, params, limits, labels, job_key

    def run(self, text: str) -> ExecResult:
        """Raises SqlError (refused: scripting, procedures, writing where only reading is allowed)."""
        trees = guard.parse(text)
        if not trees:
            raise SqlError("the script is empty")
        own = guard.made(trees)
        for tree in trees:
            guard.statement(tree, own=own)
            self._offered(tree)
        warehouse = self.warehouse
        text, trees = self._datasets(text, trees)
        if not trees:
            return ExecResult()
        placed = warehouse.names.placed(text, trees, self.params)
        if len(trees) == 1 and isinstance(trees[0], exp.Query):
            warehouse.jobs.afford(warehouse.plan(placed, self.limits), self.limits)
        for place in placed.writes:
            warehouse.datasets.dataset(place.logical.partition(".")[0])
        sql = _together(placed.sql, trees)
        reads = all(isinstance(tree, exp.Query) for tree in trees)
        job = warehouse.jobs.query(sql, params=placed.params, labels=self.labels, limits=self.limits, job_key=self.job_key,
                                   cache=reads, fresh=reads)
        result = warehouse.reader.table(job, most=self.limits.rows) if isinstance(trees[-1], exp.Query) else None
        return ExecResult(self._affected(job, trees), job.total_bytes_processed, str(job.job_id), result)

    def _offered(self, tree: exp.Expr) -> None:
        if not isinstance(tree, OFFERED):
            raise SqlError(f"{tree.key.upper()} is not offered here", verdict="refused", code="not_offered",
                           fix="Write it as steps of a pipeline")
        if isinstance(tree, exp.Query):
            return
        if self.limits.read_only:
            raise SqlError(f"only reading is allowed here, this is {tree.key.upper()}", verdict="refused", code="read_only",
                           fix="Leave --read-only out to write")
        kind = str(tree.args.get("kind") or "").upper()
        if isinstance(tree, (exp.Create, exp.Drop)) and kind not in MADE:
            raise SqlError(f"{tree.key.upper()} {kind} is not offered here", verdict="refused", code="not_offered",
                           fix="Use tables and views")
        if kind == "SCHEMA" and (isinstance(tree, exp.Drop) or properties(tree)):
            raise SqlError("a dataset is only made here, with the options of the project", verdict="refused", code="not_offered",
                           fix="Write CREATE SCHEMA IF NOT EXISTS, or leave it out: a dataset is made with its first table")
        if kind == "FUNCTION" and not is_temporary(tree):
            raise SqlError("only temporary functions are offered here", verdict="refused", code="not_offered",
                           fix="Write CREATE TEMP FUNCTION")

    def _datasets(self, text: str, trees: list[exp.Expr]) -> tuple[str, list[exp.Expr]]:
        """Make the datasets that the script asks for, and give the statements that are left."""
        parts, left = _parts(text), []
        if not any(_makes_dataset(tree) for tree in trees) or len(parts) != len(trees):
            return text, trees
        for part, tree in zip(parts, trees, strict=True):
            if _makes_dataset(tree):
                path = tuple(p.name for p in tree.this.parts)
                self.warehouse.datasets.dataset(self.warehouse.names.writable((*path, "x")).logical.partition(".")[0])
            else:
                left.append(part)
        rest = ";\n".join(left)
        return rest, guard.parse(rest)  # anew: every table's place is another now

    def _affected(self, job: Any, trees: list[exp.Expr]) -> int:
        """Rows that the statements changed: of one statement the job tells, of a script the jobs below it."""
        if job.num_dml_affected_rows is not None or len(trees) == 1:
            return int(job.num_dml_affected_rows or 0)
        jobs = self.warehouse.jobs
        children = jobs.ask(lambda: list(jobs.client.list_jobs(parent_job=job.job_id, retry=jobs.retry())))
        return sum(int(getattr(child, "num_dml_affected_rows", None) or 0) for child in children)


def _makes_dataset(tree: exp.Expr) -> bool:
    return isinstance(tree, exp.Create) and str(tree.args.get("kind") or "").upper() == "SCHEMA"


def _together(sql: str, trees: list[exp.Expr]) -> str:
    """Several changes are one transaction, as locally; BigQuery lets none of them make or drop a lasting table. Queries after the last
    change stand behind it, so that the last of them is the script's result."""
    changed = [n for n, tree in enumerate(trees) if isinstance(tree, DML)]
    lasting = any(isinstance(tree, (exp.Create, exp.Drop, exp.Alter)) and not is_temporary(tree) for tree in trees)
    if len(changed) < 2 or lasting or any(isinstance(tree, (exp.Transaction, exp.Commit)) for tree in trees):
        return sql
    parts = _parts(sql)
    before, after = parts[:changed[-1] + 1], parts[changed[-1] + 1:]
    return ";\n".join(["BEGIN TRANSACTION", *before, "COMMIT TRANSACTION", *after])


def _parts(sql: str) -> list[str]:
    """The statements of a script without blocks, each with its own text."""
    import sqlglot
    from sqlglot.tokenizer_core import TokenType

    parts, first, last = [], None, 0
    for token in sqlglot.tokenize(sql, read="bigquery"):
        if token.token_type != TokenType.SEMICOLON:
            first, last = token.start if first is None else first, token.end
        elif first is not None:
            parts.append(sql[first:last + 1])
            first = None
    return parts if first is None else [*parts, sql[first:last + 1]]
