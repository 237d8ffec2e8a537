"""Expressions of a script and their values: variables, parameters and system variables in, one typed value out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from flows.errors import DataError, PenstockError, SqlError
from flows.warehouse import guard
from flows.warehouse.bqtypes import parse_type, to_duck
from flows.warehouse.evolve import fits
from flows.warehouse.nodes import Node, Piece
from flows.warehouse.statement import bind_params
from flows.warehouse.trees import MOMENTS, invalid, refuse
from flows.warehouse.variables import Variable, bind, columns_by, value_of

if TYPE_CHECKING:
    from flows.warehouse.script import Script

NOT_DML = -1  # the statement before was none, so @@row_count is not known


class Raised(DataError):
    """What RAISE USING MESSAGE says; BigQuery gives exactly this text to a handler."""

    message: str | None = ""


class Values:
    """What names mean at one place of a script, and what expressions give there."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.find = columns_by(script.tables)
        self.scopes: list[dict[str, Variable]] = [{}]
        self.params: Mapping[str, Any] = script.params
        self.errors: list[PenstockError] = []
        self.row_count: int | None = None
        self._trees: dict[tuple[Piece, str], exp.Expr] = {}

    def tree(self, piece: Piece, kind: str = "statement") -> exp.Expr:
        """A piece of the script as a tree: one statement, one query, or one expression. Raises SqlError."""
        if (piece, kind) not in self._trees:
            self._trees[piece, kind] = expression(piece) if kind == "expression" else single(piece)
        return self._trees[piece, kind].copy()

    def filled(self, tree: exp.Expr) -> exp.Expr:
        """A tree with the values of system variables, parameters and variables in it."""
        tree = self._system(tree)
        visible: dict[str, Variable] = {}
        for scope in self.scopes:
            visible |= scope
        return bind(bind_params(tree, self.params), visible, self.find)

    def _system(self, tree: exp.Expr) -> exp.Expr:
        for node in list(tree.find_all(exp.Parameter)):
            if not isinstance(node.this, exp.Parameter):
                continue
            top: exp.Expr = node
            name = node.this.name.lower()
            if name == "row_count":
                if self.row_count == NOT_DML:
                    raise refuse(node, "@@row_count is offered right after an INSERT, UPDATE, DELETE or MERGE only",
                                 "Keep it in a variable right after that statement")
                made = value_of(parse_type("INT64"), self.row_count)
            elif name == "error" and isinstance(node.parent, exp.Dot):
                top, made = node.parent, self._error(node.parent)
            else:
                continue
            if top is tree:
                return made
            top.replace(made)
        return tree

    def _error(self, node: exp.Dot) -> exp.Expr:
        error = self.errors[-1] if self.errors else None
        if node.expression.name.lower() != "message" or not isinstance(error, Raised):
            raise refuse(node, f"@@error.{node.expression.name} has another text on BigQuery",
                         "Only the text of RAISE USING MESSAGE is the same")
        return value_of(parse_type("STRING"), error.message)

    def value(self, piece: Piece | exp.Expr, want: str = "") -> Variable:
        """The value of an expression, of the type that is wanted. Raises SqlError when it does not fit, DataError."""
        tree = self.filled(self.tree(piece, "expression") if isinstance(piece, Piece) else piece)
        inner = tree.unnest()
        if isinstance(inner, exp.Null) or (want.startswith("ARRAY") and isinstance(inner, exp.Array) and not inner.expressions):
            return Variable(want or "INT64", None if isinstance(inner, exp.Null) else [])
        if isinstance(inner, exp.Literal) and inner.is_string and want in MOMENTS:
            tree = exp.Cast(this=inner, to=parse_type(want))
        sql, columns = self.script.typed(exp.select(named(tree, "v")))
        given = columns[0].type
        literal = isinstance(inner, exp.Literal) and not inner.is_string and want in ("NUMERIC", "BIGNUMERIC")
        if want and not fits(given, want) and not literal:
            if given.startswith(("ARRAY", "STRUCT")) and want.startswith(given[:5]):
                raise refuse(tree, f"{given} where {want} is wanted is not offered by the local warehouse", "Cast it")
            raise invalid(tree, f"a value of type {given} does not fit {want}", f"Cast it to {want}")
        if want and given != want:
            sql = f"SELECT CAST(v AS {to_duck(want)}) AS v FROM ({sql})"
        return Variable(want or given, self.script.rows_of(sql)[0][0])

    def truth(self, piece: Piece) -> bool:
        """Whether a condition holds; NULL does not."""
        return self.value(piece, "BOOL").value is True

    @contextmanager
    def scope(self) -> Iterator[dict[str, Variable]]:
        self.scopes.append({})
        try:
            yield self.scopes[-1]
        finally:
            self.scopes.pop()

    def variable(self, node: Node, name: str) -> Variable:
        for scope in reversed(self.scopes):
            if name.lower() in scope:
                return scope[name.lower()]
        raise SqlError(f"there is no variable {name!r}", line=node.line, where=f"line {node.line}", fix=f"Declare it: DECLARE {name} ...")


def named(value: exp.Expr, name: str) -> exp.Alias:
    """A value as a column; `exp.alias_` would name a sub-query as a table."""
    return exp.Alias(this=value, alias=exp.to_identifier(name, quoted=True))


def single(piece: Piece) -> exp.Expr:
    trees = guard.parse(piece.placed)
    if len(trees) != 1:
        raise SqlError(f"{len(trees)} statements stand where one is allowed", line=piece.line, where=f"line {piece.line}")
    if isinstance(trees[0], exp.Merge):
        _inserts(trees[0])
    return trees[0]


def _inserts(tree: exp.Merge) -> None:
    """INSERT VALUES (...) without columns, which sqlglot takes for a column VALUES(...)."""
    for when in tree.args["whens"].expressions:
        insert = when.args.get("then")
        if isinstance(insert, exp.Insert) and isinstance(insert.this, exp.Tuple) and not isinstance(insert.expression, exp.Expr):
            only = insert.this.expressions[0] if len(insert.this.expressions) == 1 else None
            if isinstance(only, exp.Anonymous) and only.name.upper() == "VALUES":
                insert.set("expression", exp.Tuple(expressions=only.expressions))
                insert.set("this", None)


def expression(piece: Piece) -> exp.Expr:
    """One expression, as what it is in SELECT (...)."""
    first = piece.text.split(None, 1)[0].upper() if piece.text.split() else ""
    made = guard.parse("SELECT (" + piece.placed + "\n)") if first not in ("SELECT", "WITH", "FROM") else []
    items = made[0].expressions if len(made) == 1 and isinstance(made[0], exp.Select) and made[0].args.get("from_") is None else []
    if len(items) != 1 or not isinstance(items[0], (exp.Paren, exp.Subquery, exp.Tuple)):
        raise SqlError(f"this is not an expression: {piece.text[:60]}", line=piece.line, column=piece.column)
    found: exp.Expr = items[0].this if isinstance(items[0], exp.Paren) else items[0]
    found.pop()
    return found
