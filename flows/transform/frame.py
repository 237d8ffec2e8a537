"""A query that grows: rows with typed columns, to which one operation after the other is added without nesting more than needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import NoReturn

from sqlglot import exp

from flows.errors import Problem, SpecError
from flows.spec.suggest import did_you_mean, suggest
from flows.warehouse.base import Column, Dialect

NUMBERS = ("INT64", "NUMERIC", "BIGNUMERIC", "FLOAT64")
MOMENTS = ("DATE", "DATETIME", "TIMESTAMP")
_FORBIDDEN = set('!"$()*,./;?@[\\]^`{}~')


def fail(path: str, code: str, message: str, hint: str = "", options: Iterable[str] = ()) -> NoReturn:
    """One problem, raised as SpecError."""
    raise SpecError(Problem(path, code, message, hint, tuple(options)))


def kind(column: Column) -> str:
    """The BigQuery type without parameters: NUMERIC for NUMERIC(10, 2), ARRAY<..> as it is."""
    from flows.warehouse.bqtypes import normal

    return normal(column.type)


def plain(type_: str) -> bool:
    """Can it be put in order, grouped and compared on both engines?"""
    return not type_.startswith(("ARRAY", "STRUCT", "JSON", "GEOGRAPHY", "INTERVAL", "RANGE"))


def sql_type(type_: str, dialect: Dialect) -> exp.DataType:
    """A BigQuery type as a tree. DuckDB's bare DECIMAL has 3 decimals, so NUMERIC is spelled out there."""
    if dialect == "duckdb":
        from flows.warehouse.bqtypes import duck_tree

        return duck_tree(type_)
    return exp.DataType.build(type_, dialect="bigquery")


def cast(tree: exp.Expr, type_: str, dialect: Dialect) -> exp.Expr:
    return exp.Cast(this=tree, to=sql_type(type_, dialect))


def ident(name: str) -> exp.Identifier:
    return exp.to_identifier(name, quoted=True)


def col(name: str, table: str = "") -> exp.Column:
    return exp.column(ident(name), ident(table) if table else None)


def table(name: str) -> exp.Table:
    """A relation's name as a tree: at most project.dataset.table, every part quoted."""
    parts = [ident(part) for part in name.split(".", 2)]
    return exp.Table(this=parts[-1], db=parts[-2] if len(parts) > 1 else None, catalog=parts[0] if len(parts) > 2 else None)


def new_name(name: str, path: str) -> str:
    """A name for a new column, as BigQuery allows it. Source: BigQuery, "Schemas", flexible column names."""
    bad = sorted({c for c in name if c in _FORBIDDEN or not c.isprintable()})
    if bad:
        fail(path, "name", f"{name[:80]!r} cannot be the name of a column: it holds {' '.join(map(ascii, bad[:5]))}",
             "Use letters, digits, '_' and spaces")
    return name


@dataclass
class Work:
    """What every operation may look at while it is compiled."""

    dialect: Dialect
    now: date
    inputs: Mapping[str, Sequence[Column]]
    aliases: Mapping[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def alias(self, wish: str) -> str:
        """A table alias that no other relation of this query has."""
        name, n = wish, 1
        while name.casefold() in self.taken:
            n += 1
            name = f"{wish}_{n}"
        self.taken.add(name.casefold())
        return name

    def word(self, relation: str) -> str:
        """The word that stands for a relation in the name of a renamed column."""
        return self.aliases.get(relation, relation.rsplit(".", 1)[-1])

    def source(self, relation: str, path: str) -> Frame:
        """All rows of an input. Raises SpecError for a relation that is none."""
        columns = self.inputs.get(relation)
        if columns is None:
            fail(path, "input", f"{relation!r} is not among the inputs of this step",
                 did_you_mean(relation, self.inputs) or f"Its inputs are: {', '.join(self.inputs)}", self.inputs)
        name = self.alias(relation.rsplit(".", 1)[-1])
        source = exp.Table(**{**table(relation).args, "alias": exp.TableAlias(this=ident(name))})
        return Frame(tuple(columns), {c.name: col(c.name, name) for c in columns}, exp.Select().from_(source))


@dataclass(frozen=True)
class Frame:
    """`cells` says what each column is in the words of `body` (FROM, WHERE, GROUP BY); `order` names cells, also hidden ones that are
    no column any more; `limit` cuts. Nothing in here is changed in place."""

    columns: tuple[Column, ...]
    cells: dict[str, exp.Expr]
    body: exp.Select
    order: tuple[tuple[str, bool], ...] = ()  # (cell, descending)
    limit: int | None = None
    closed: bool = False  # grouped, distinct or ranked: what comes next needs a query around it

    def find(self, name: str, path: str) -> Column:
        """A column, exact or apart from case (names differ by more than case on both engines). Raises SpecError with near misses."""
        found = next((c for c in self.columns if c.name == name), None)
        found = found or next((c for c in self.columns if c.name.casefold() == name.casefold()), None)
        if found is None:
            missing(name, [c.name for c in self.columns], path)
        return found

    def cell(self, name: str) -> exp.Expr:
        return self.cells[name].copy()

    def with_body(self, body: exp.Select, **change: object) -> Frame:
        return replace(self, body=body, **change)  # type: ignore[arg-type]

    def settled(self, work: Work, *, order: bool = True) -> Frame:
        """The same rows, every cell a plain column of `body` and nothing closed; `order=False` forgets the order."""
        if not self.closed and self.limit is None and all(isinstance(cell, exp.Column) for cell in self.cells.values()):
            return self if order else replace(self, order=())
        name = work.alias("rows")
        kept = list(dict.fromkeys([c.name for c in self.columns] + [n for n, _ in self.order if order]))
        inner = self.query(kept, ordered=self.limit is not None)
        body = exp.Select().from_(inner.subquery(exp.TableAlias(this=ident(name)), copy=False))
        return Frame(self.columns, {n: col(n, name) for n in kept}, body, self.order if order else ())

    def query(self, kept: Sequence[str] | None = None, *, ordered: bool = True) -> exp.Select:
        """The finished SELECT; the order is written only where it shows."""
        kept = [c.name for c in self.columns] if kept is None else kept
        tree = self.body.copy()
        tree.set("expressions", [projection(self.cell(name), name) for name in kept])
        if ordered and self.order:
            terms = [(col(n) if n in kept else self.cell(n), desc) for n, desc in self.order]
            tree.set("order", exp.Order(expressions=[ranked(term, desc) for term, desc in terms]))
            _numbered(tree)
        if self.limit is not None:
            tree.set("limit", exp.Limit(expression=exp.Literal.number(self.limit)))
        return tree

    def replaced(self, column: Column, cell: exp.Expr) -> Frame:
        """One column set anew, in its place, or added at the end; an order that used the old cell goes on using it."""
        old = next((c for c in self.columns if c.name.casefold() == column.name.casefold()), None)
        if old is None:
            return replace(self, columns=(*self.columns, column), cells={**self.cells, column.name: cell})
        frame = self.hidden(old.name)
        cells = {(column.name if n == old.name else n): (cell if n == old.name else c) for n, c in frame.cells.items()}
        return replace(frame, columns=tuple(column if c is old else c for c in frame.columns), cells=cells)

    def hidden(self, name: str) -> Frame:
        """Keep a cell for the order under a name that no column has."""
        if name not in dict(self.order):
            return self
        n = 1
        while f"_order_{n}" in self.cells:
            n += 1
        order = tuple((f"_order_{n}" if cell == name else cell, desc) for cell, desc in self.order)
        return replace(self, cells={**self.cells, f"_order_{n}": self.cells[name]}, order=order)


def _numbered(tree: exp.Select) -> None:
    """What is computed and grouped by, named by its number: for BigQuery sqlglot would put its alias there, and a column may have that."""
    group = tree.args.get("group")
    cells = [cell.unalias() for cell in tree.expressions]
    for key in group.expressions if group else ():
        if not isinstance(key, exp.Column) and key in cells:
            key.replace(exp.Literal.number(cells.index(key) + 1))


def missing(name: str, known: Sequence[str], path: str) -> NoReturn:
    """The error for a column that is not there."""
    near = suggest(name, known, 3)
    said = f"Did you mean {near[0]!r}? " if near else ""
    shown = ", ".join(known[:30]) + (f" and {len(known) - 30} more" if len(known) > 30 else "")
    fail(path, "column", f"there is no column {name[:80]!r} here", f"{said}The columns are: {shown}", near or known[:30])


def projection(cell: exp.Expr, name: str) -> exp.Expr:
    """A cell under its name; a column that has it already needs no alias."""
    return cell if isinstance(cell, exp.Column) and cell.name == name else exp.alias_(cell, ident(name), copy=False)


def ranked(term: exp.Expr, desc: bool) -> exp.Ordered:
    """Empty cells last, both ways, on both engines."""
    return exp.Ordered(this=term, desc=desc, nulls_first=False)


def unique(columns: Sequence[Column], path: str) -> None:
    """Both engines take names that differ only by case for the same. Raises SpecError."""
    seen: dict[str, str] = {}
    for column in columns:
        other = seen.get(column.name.casefold())
        if other is not None:
            what = f"two columns named {column.name!r}"
            if other != column.name:
                what = f"columns {other!r} and {column.name!r}, which differ only by case"
            fail(path, "duplicate", f"this gives {what}", "Give one of them another name")
        seen[column.name.casefold()] = column.name
