"""The text of a statement with its tables' names replaced where they stand, and read once more to see that nothing else is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from flows.errors import SqlError
from flows.warehouse import guard
from flows.warehouse.bq.params import UNTYPED, type_of
from flows.warehouse.quoting import literal, name_sql
from flows.warehouse.scope import path_of, real_tables
from flows.warehouse.statement import parameter, value_tree
from flows.warehouse.trees import is_temporary

if TYPE_CHECKING:
    from flows.warehouse.bq.names import Names, Place, Placed

WRITES = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Alter)
RENAMED = (exp.Update, exp.Delete, exp.Merge)
"""Statements whose target may have an alias."""


class Places:
    """One text on its way. `temporary`: tables that it makes for itself."""

    def __init__(self, names: Names, text: str, params: Mapping[str, Any]) -> None:
        self.names, self.text, self.params = names, text, params
        self.changes: dict[tuple[int, int], str] = {}
        self.temporary: set[str] = set()
        self.reads: dict[Place, None] = {}
        self.writes: dict[Place, None] = {}

    def replace(self, trees: Sequence[exp.Expr]) -> Placed:
        from flows.warehouse.bq.names import Placed

        for tree in trees:
            if any(isinstance(node, exp.Placeholder) for node in tree.walk()):
                raise SqlError("a parameter needs an @ before its name", fix="Write @name")
            targets = {id(table): table for table in _targets(tree)}
            for table in real_tables(tree):
                if isinstance(table.this, exp.Identifier):
                    self._table(tree, table, target=id(table) in targets)
            self.temporary |= {table.name for table in targets.values() if is_temporary(tree)}
        used = self._parameters()
        made = self.text
        for (start, end), new in sorted(self.changes.items(), reverse=True):
            made = made[:start] + new + made[end + 1:]
        self._again(made)
        return Placed(made, used, trees[-1], tuple(self.reads), tuple(self.writes))

    # ---------------------------------------------------------------- tables
    def _table(self, tree: exp.Expr, table: exp.Table, *, target: bool) -> None:
        path = path_of(table)
        if len(path) == 1 and (path[0] in self.temporary or (target and is_temporary(tree))):
            return
        if (found := _metadata(path)) is not None:
            self._change(table, self._information(table, *found))
            return
        place = self.names.writable(path) if target else self.names.find(path)
        (self.writes if target else self.reads)[place] = None
        new = place.sql
        if not table.alias and path[-1] != place.full.rpartition(".")[2] and (not target or isinstance(tree, RENAMED)):
            new += f" AS {name_sql(path[-1], 'bigquery')}"
        self._change(table, new)

    def _information(self, table: exp.Table, project: str, dataset: str, view: str) -> str:
        """INFORMATION_SCHEMA of an own dataset, under the dataset's own name."""
        from flows.warehouse.bq.names import METADATA, Place

        if view not in METADATA or not dataset:
            raise SqlError(f"INFORMATION_SCHEMA.{view} is not offered on BigQuery", verdict="refused", code="not_offered",
                           fix=f"Use {', '.join(METADATA)} of a dataset")
        of = self.names.find((project, dataset, "x") if project else (dataset, "x")).full.rpartition(".")[0]
        self.reads[Place(f"{of}.INFORMATION_SCHEMA.{view}", f"{dataset}.INFORMATION_SCHEMA.{view}", writable=False)] = None
        # the parser makes the view's own name its alias; one that was written stands behind the name
        named, end = table.args.get("alias"), max(part.meta.get("end", 0) for part in table.parts)
        written = named is not None and named.this.meta.get("start", 0) > end
        alias = "" if written else f" AS {name_sql(view, 'bigquery')}"
        return f"(SELECT * REPLACE ({literal(dataset, 'bigquery')} AS {METADATA[view]}) FROM `{of}`.INFORMATION_SCHEMA.{view}){alias}"

    def _change(self, table: exp.Table, new: str) -> None:
        found = [(part.meta.get("start"), part.meta.get("end")) for part in table.parts]
        spans = [(start, end) for start, end in found if start is not None and end is not None]
        if not spans or (len(spans) < len(found) and len(set(spans)) > 1):  # one quoted name holds all parts, or each has its place
            raise SqlError(f"the table {'.'.join(path_of(table))!r} stands where it cannot be told for sure", verdict="refused",
                           code="not_offered", fix="Write it in a plain FROM or JOIN")
        place = (min(start for start, _ in spans), max(end for _, end in spans))
        if self.changes.setdefault(place, new) != new:
            raise SqlError(f"the table {'.'.join(path_of(table))!r} stands where it cannot be told for sure", verdict="refused",
                           code="not_offered", fix="Give it an alias")

    # ---------------------------------------------------------------- parameters
    def _parameters(self) -> dict[str, Any]:
        """The values that go as typed parameters; what has no type becomes a literal where its name stands."""
        used: dict[str, Any] = {}
        for name, start, end in _named(self.text):
            value = parameter(name, self.params)
            if isinstance(value, exp.Expr) or type_of(value) == UNTYPED:
                self.changes[start, end] = value_tree(value).sql(dialect="bigquery")
            else:
                used[name] = value
        return used

    # ---------------------------------------------------------------- the second look
    def _again(self, made: str) -> None:
        """What was made names the tables that were put in, and no other."""
        allowed = {place.full.lower() for place in (*self.reads, *self.writes)} | {name.lower() for name in self.temporary}
        for tree in guard.parse(made):
            for table in real_tables(tree):
                if isinstance(table.this, exp.Identifier) and ".".join(path_of(table)).lower() not in allowed:
                    raise SqlError(f"the table {'.'.join(path_of(table))!r} cannot be told for sure", verdict="refused", code="not_offered",
                                   fix="Write it in a plain FROM or JOIN")


def _metadata(path: Sequence[str]) -> tuple[str, str, str] | None:
    """(project, dataset, view) of a path into INFORMATION_SCHEMA; '' for what is not said."""
    whole = ".".join(path).split(".")
    at = next((n for n, part in enumerate(whole) if part.upper() == "INFORMATION_SCHEMA"), None)
    if at is None:
        return None
    return ".".join(whole[:max(0, at - 1)]), whole[at - 1] if at else "", ".".join(whole[at + 1:]).upper()


def _targets(tree: exp.Expr) -> Iterator[exp.Table]:
    """The tables that a statement writes."""
    if isinstance(tree, exp.TruncateTable):
        yield from tree.expressions
    elif isinstance(tree, exp.Drop):
        yield from tree.args.get("tables") or ([tree.this] if tree.this is not None else [])
    elif isinstance(tree, WRITES):
        target = tree.this.this if isinstance(tree.this, (exp.Schema, exp.UserDefinedFunction)) else tree.this
        if isinstance(target, exp.Table):
            yield target


def _named(text: str) -> Iterator[tuple[str, int, int]]:
    """(name, first, last position) of every @name in the text; @@name is a variable and no parameter."""
    import sqlglot

    tokens = sqlglot.tokenize(text, read="bigquery")
    for n, token in enumerate(tokens[:-1]):
        if token.token_type != TokenType.PARAMETER or token.text != "@":
            continue
        before = tokens[n - 1] if n else None
        after = tokens[n + 1]
        double = (before is not None and before.text.startswith("@")) or after.text.startswith("@")
        if not double:
            yield after.text, token.start, after.end
