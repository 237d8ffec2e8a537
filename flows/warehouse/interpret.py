"""Runs a script of BigQuery's procedural language statement by statement, in the one transaction that a script is here."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from flows.errors import DataError, InputError, SqlError
from flows.warehouse import guard
from flows.warehouse.bqtypes import normal, parse_type, to_duck
from flows.warehouse.evolve import fits
from flows.warehouse.nodes import (
    Assert,
    Block,
    Call,
    Choice,
    Declare,
    Drop,
    Execute,
    Loop,
    Node,
    Piece,
    Plain,
    Raise,
    Routine,
    SetTo,
    Word,
    walk,
)
from flows.warehouse.procedure import DEPTH, parse
from flows.warehouse.statement import bind_params
from flows.warehouse.values import NOT_DML, Raised, Values, single
from flows.warehouse.variables import Variable, value_of

if TYPE_CHECKING:
    from flows.warehouse.script import Script


class Interpreter(Values):
    """One script with all its calls."""

    def __init__(self, script: Script) -> None:
        super().__init__(script)
        self.depth = self.turns = 0
        self._run: dict[type[Node], Callable[[Any], str]] = {
            Plain: self._plain, Declare: self._declare, SetTo: self._set, Choice: self._choice, Loop: self._loop, Block: self._block,
            Word: self._word, Raise: self._raise, Assert: self._assert, Call: self._call, Execute: self._execute,
            Routine: self._routine, Drop: self._drop}

    def run(self, nodes: tuple[Node, ...]) -> None:
        """Judge every statement, then run them in order. Raises SqlError, DataError."""
        judge(nodes, self.script.functions)
        self.body(nodes)

    def body(self, nodes: tuple[Node, ...]) -> str:
        """'' or how the statements were left: LEAVE, ITERATE, RETURN."""
        for node in nodes:
            self.script.check()
            left = self._run[type(node)](node)
            if left:
                return left
        return ""

    # ---------------------------------------------------------------- statements
    def _plain(self, node: Plain) -> str:
        self.statement(self.filled(self.tree(node.sql)))
        return ""

    def statement(self, tree: exp.Expr) -> None:
        """One statement of SQL with all values in it."""
        before = self.script.rows
        self.script.statement(tree)
        dml = isinstance(tree, (exp.Insert, exp.Update, exp.Delete, exp.Merge))
        self.row_count = self.script.rows - before if dml else NOT_DML

    def _declare(self, node: Declare) -> str:
        if node.kind and parse_type(node.kind).find(exp.DataTypeParam) is not None:
            raise _refused(node, f"a variable of type {node.kind}", "Leave the size out")
        made = self.value(node.default, normal(node.kind) if node.kind else "") if node.default else Variable(normal(node.kind))
        for name in node.names:
            self.declare(node, name, made)
        return ""

    def declare(self, node: Node, name: str, made: Variable) -> None:
        if any(name.lower() in scope for scope in self.scopes):
            raise SqlError(f"the variable {name!r} is declared already", line=node.line, where=f"line {node.line}")
        value_of(parse_type(made.type), made.value)  # raises for a type that no variable has here
        self.scopes[-1][name.lower()] = Variable(made.type, made.value)

    def _set(self, node: SetTo) -> str:
        targets = [self.variable(node, name) for name in node.names]
        values = self._several(node, targets) if node.together else [self.value(node.value, targets[0].type)]
        for target, made in zip(targets, values, strict=True):
            target.value = made.value
        return ""

    def _several(self, node: SetTo, targets: list[Variable]) -> list[Variable]:
        tree = self.tree(node.value, "expression").unnest()
        if isinstance(tree, exp.Subquery) or (isinstance(tree, exp.Select) and tree.args.get("kind") == "STRUCT"):
            return self._row(node, tree.unnest(), targets)
        items = [item.unalias() if isinstance(item, exp.Alias) else item.expression if isinstance(item, exp.PropertyEQ) else item
                 for item in tree.expressions] if isinstance(tree, (exp.Tuple, exp.Struct)) else []
        if not items:
            raise _refused(node, "SET of several variables from this value", "Write SET (a, b) = (1, 2)")
        if len(items) != len(targets):
            raise SqlError(f"{len(items)} values for {len(targets)} variables", line=node.line, where=f"line {node.line}")
        return [self.value(item.copy(), target.type) for item, target in zip(items, targets, strict=True)]

    def _row(self, node: Node, query: exp.Expr, targets: list[Variable]) -> list[Variable]:
        """The one row of SELECT AS STRUCT."""
        if not isinstance(query, exp.Select) or query.args.get("kind") != "STRUCT":
            raise _refused(node, "SET of several variables from this value", "Write SET (a, b) = (SELECT AS STRUCT ...)")
        query.set("kind", None)
        rows = self.fetch(node, self.filled(query), targets, most=1)
        if not rows:
            raise _refused(node, "SET of several variables from no row", "Aggregate, or use COALESCE")
        return [Variable(target.type, value) for target, value in zip(targets, rows[0], strict=True)]

    def fetch(self, node: Node, query: exp.Expr, targets: list[Variable], *, most: int) -> list[tuple[Any, ...]]:
        """At most so many rows whose columns fit the variables. Raises SqlError, DataError (more rows)."""
        sql, columns = self.script.typed(query)
        if len(columns) != len(targets):
            raise SqlError(f"{len(columns)} values for {len(targets)} variables", line=node.line, where=f"line {node.line}")
        for column, target in zip(columns, targets, strict=True):
            if not fits(column.type, target.type):
                raise SqlError(f"a value of type {column.type} does not fit a variable of type {target.type}", line=node.line,
                               where=f"line {node.line}", fix="Cast it")
        parts = [f"CAST(#{n} AS {to_duck(target.type)})" for n, target in enumerate(targets, 1)]
        rows = self.script.rows_of(f"SELECT {', '.join(parts)} FROM ({sql}) LIMIT {most + 1}")
        if len(rows) > most:
            raise DataError("the query gives more than one row", where=f"line {node.line}", fix="Aggregate, or add LIMIT 1")
        return rows

    def _choice(self, node: Choice) -> str:
        of = self.value(node.of) if node.of is not None else None
        for condition, body in node.arms:
            if of is None:
                found = self.truth(condition)
            else:
                held = value_of(parse_type(of.type), of.value)
                found = self.value(exp.EQ(this=held, expression=exp.paren(self.tree(condition, "expression"))), "BOOL").value is True
            if found:
                return self.body(body)
        return self.body(node.otherwise)

    def _loop(self, node: Loop) -> str:
        if node.rows is not None:
            return self._for(node)
        while node.before is None or self.truth(node.before):
            self.turn(node)
            left = self.body(node.body)
            if left in ("LEAVE", "RETURN"):
                return "" if left == "LEAVE" else left
            if node.until is not None and self.truth(node.until):
                break
        return ""

    def turn(self, node: Node) -> None:
        """Count a turn of a loop. Raises SqlError when the script has turned too often."""
        self.turns += 1
        most = self.script.warehouse.settings.limits.script_loops
        if self.turns > most:
            raise SqlError(f"the loops of the script have turned {most:,} times, more is not offered by the local warehouse",
                           verdict="refused", code="limit", line=node.line, where=f"line {node.line}",
                           fix="Write it as one statement over all rows")

    def _for(self, node: Loop) -> str:
        assert node.rows is not None
        query = self.tree(node.rows)
        if not isinstance(query, exp.Query):
            raise SqlError("FOR takes the rows of a query", line=node.line, where=f"line {node.line}")
        sql, columns = self.script.typed(self.filled(query))
        kind = exp.DataType(this=exp.DataType.Type.STRUCT, nested=True, expressions=[
            exp.ColumnDef(this=exp.to_identifier(c.name, quoted=True), kind=parse_type(c.type)) for c in columns])
        for row in self.script.rows_of(f"SELECT * FROM ({sql})"):
            self.turn(node)
            with self.scope():
                value = {column.name: item for column, item in zip(columns, row, strict=True)}
                self.declare(node, node.name, Variable(kind.sql(dialect="bigquery"), value))
                left = self.body(node.body)
            if left in ("LEAVE", "RETURN"):
                return "" if left == "LEAVE" else left
        return ""

    def _block(self, node: Block) -> str:
        try:
            with self.scope():
                return self.body(node.body)
        except (SqlError, DataError) as error:
            if node.handler is None or (isinstance(error, SqlError) and error.verdict != "invalid"):
                raise
            self.errors.append(error)
        try:
            return self.body(node.handler)
        finally:
            self.errors.pop()

    def _word(self, node: Word) -> str:
        if node.word in ("LEAVE", "ITERATE", "RETURN"):
            return node.word
        self.script.transaction(node.word, node.line)
        self.row_count = NOT_DML
        return ""

    def _raise(self, node: Raise) -> str:
        if node.message is None:
            raise self.errors[-1]
        message = self.value(node.message, "STRING").value
        error = Raised(str(message or "an error was raised"), where=f"line {node.line}")
        error.message = message
        raise error

    def _assert(self, node: Assert) -> str:
        if not self.truth(node.condition):
            said = self.value(Piece(node.message, node.line, 1), "STRING").value if node.message else ""
            raise DataError(str(said or f"{node.condition.text[:200]} does not hold"), where=f"line {node.line}")
        return ""

    # ---------------------------------------------------------------- dynamic statements
    def _execute(self, node: Execute) -> str:
        text = self.value(node.text, "STRING").value
        using = [(self.value(value), name) for value, name in node.using]
        targets = [self.variable(node, name) for name in node.into]
        if text is None:
            raise SqlError("EXECUTE IMMEDIATE of NULL", line=node.line, where=f"line {node.line}")
        try:
            tree = self._dynamic(text, using)
            if targets:
                rows = self.fetch(node, tree, targets, most=1)
                for n, target in enumerate(targets):
                    target.value = rows[0][n] if rows else None
                self.row_count = NOT_DML
            else:
                self.statement(tree)
        except SqlError as error:
            raise SqlError(error.what, where=f"EXECUTE IMMEDIATE of line {node.line}" + (f", {error.where}" if error.where else ""),
                           fix=error.fix, verdict=error.verdict, code=error.code, line=node.line) from None
        return ""

    def _dynamic(self, text: str, using: list[tuple[Variable, str]]) -> exp.Expr:
        """The one statement in a text, with the values of USING as its parameters; it sees no variable."""
        nodes = parse(text)
        if len(nodes) != 1:
            raise SqlError(f"{len(nodes)} statements stand where one is allowed")
        if not isinstance(nodes[0], Plain):
            raise SqlError("a control statement cannot be executed dynamically")
        tree = self._system(single(nodes[0].sql))
        named = {name.lower(): _parameter(value) for value, name in using if name}
        places = [node for node in tree.find_all(exp.Placeholder, bfs=False) if node.this is None]
        if (places and len(places) != len(using)) or (places and named):
            raise SqlError(f"{len(places)} values are wanted and USING gives {len(using)}")
        for place, (value, _) in zip(places, using, strict=False):
            place.replace(_parameter(value))
        for node in tree.find_all(exp.Parameter):
            if isinstance(node.this, exp.Var):
                node.this.set("this", node.this.name.lower())
        tree = bind_params(tree, named)
        guard.statement(tree, own=self.script.functions)
        return tree

    # ---------------------------------------------------------------- procedures
    def _routine(self, node: Routine) -> str:
        self.script.create_routine(node)
        self.row_count = NOT_DML
        return ""

    def _drop(self, node: Drop) -> str:
        self.script.drop_routine(node)
        self.row_count = NOT_DML
        return ""

    def _call(self, node: Call) -> str:
        routine = self.script.routine(node.path, node.line)
        if len(node.args) != len(routine.arguments):
            raise SqlError(f"{'.'.join(node.path)} takes {len(routine.arguments)} arguments, {len(node.args)} are given", line=node.line,
                           where=f"line {node.line}")
        if self.depth >= DEPTH:
            raise SqlError(f"calls stand more than {DEPTH} deep", code="depth", line=node.line, where=f"line {node.line}")
        given: dict[str, Variable] = {}
        outs: list[tuple[Variable, str]] = []
        for piece, argument in zip(node.args, routine.arguments, strict=True):
            kind = normal(argument.kind)
            if argument.mode == "IN":
                given[argument.name.lower()] = self.value(piece, kind)
                continue
            target = self._target(node, piece, kind)
            if any(target is other for other, _ in outs):
                raise SqlError(f"{piece.text} stands twice as an OUT argument", line=node.line, where=f"line {node.line}")
            outs.append((target, argument.name.lower()))
            given[argument.name.lower()] = Variable(kind, target.value if argument.mode == "INOUT" else None)
        self.frame(routine, given)
        for target, name in outs:
            target.value = given[name].value
        return ""

    def _target(self, node: Call, piece: Piece, kind: str) -> Variable:
        """The variable of an OUT or INOUT argument."""
        tree = self.tree(piece, "expression").unnest()
        if not isinstance(tree, exp.Column) or tree.table:
            raise SqlError(f"an OUT argument is a variable, not {piece.text[:40]}", line=node.line, where=f"line {node.line}")
        target = self.variable(node, tree.name)
        if target.type != kind:
            raise SqlError(f"the variable {tree.name} is {target.type}, the argument {kind}", line=node.line, where=f"line {node.line}")
        return target

    def frame(self, routine: Routine, given: dict[str, Variable]) -> None:
        """Run the body of a procedure with its arguments; it sees no variable, parameter or error of its caller."""
        kept = self.scopes, self.params, self.errors
        self.scopes, self.params, self.errors = [given], {}, []
        self.depth += 1
        try:
            self._block(routine.body)
        except InputError as error:
            if isinstance(error, SqlError) and ".".join(routine.path) not in error.where:
                error.where = ", ".join(part for part in (".".join(routine.path), error.where) if part)
            raise
        finally:
            self.scopes, self.params, self.errors = kept
            self.depth -= 1


def judge(nodes: tuple[Node, ...], own: Collection[str] = ()) -> None:
    """Read and guard every statement before the first one runs; `own`: functions that are there. Raises SqlError."""
    plain = [single(node.sql) for node in walk(nodes) if isinstance(node, Plain)]
    made = guard.made(plain)
    for tree in plain:
        guard.statement(_without_system(tree), own=[*own, *made])
    for node in walk(nodes):
        if isinstance(node, Routine):
            judge((node.body,))


def _parameter(value: Variable) -> exp.Expr:
    """A value of USING: like a query parameter, text fits dates and times."""
    if value.type == "STRING" and value.value is not None:
        return exp.Literal.string(value.value)
    return value_of(parse_type(value.type), value.value)


def _without_system(tree: exp.Expr) -> exp.Expr:
    """A copy to be judged: @@row_count and @@error.x have their value when the statement runs."""
    for node in list(tree.find_all(exp.Parameter)):
        if isinstance(node.this, exp.Parameter) and node.this.name.lower() in ("row_count", "error"):
            (node.parent if isinstance(node.parent, exp.Dot) else node).replace(exp.null())
    return tree


def _refused(node: Node, what: str, fix: str = "") -> SqlError:
    return SqlError(f"{what} is not offered by the local warehouse", verdict="refused", code="bigquery_only", line=node.line,
                    where=f"line {node.line}", fix=fix or "Write it another way, or run it on BigQuery")
