"""CALL from outside of a script: values typed by the procedure's arguments, what it gives back as one row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from flows.errors import InputError, SqlError
from flows.spec.suggest import did_you_mean
from flows.warehouse.bqtypes import normal, parse_type
from flows.warehouse.nodes import Argument
from flows.warehouse.statement import value_tree
from flows.warehouse.variables import Variable, value_of

if TYPE_CHECKING:
    from flows.warehouse.interpret import Interpreter


def call(interpreter: Interpreter, name: str, args: Sequence[Any] | Mapping[str, Any]) -> None:
    """Run a procedure. Its OUT and INOUT arguments are the result, one row; without any it is the last SELECT's.

    Raises SqlError, InputError (arguments), and what its statements raise.
    """
    routine = interpreter.script.routine(name.split("."))
    given = {}
    for argument, value in ordered(name, routine.arguments, args):
        try:
            given[argument.name.lower()] = interpreter.value(value_tree(value), normal(argument.kind))
        except SqlError as error:
            raise InputError(f"argument {argument.name} of {name} is {argument.kind}: {error.what}", where="args", fix=error.fix) from None
    for argument in routine.arguments:
        given.setdefault(argument.name.lower(), Variable(normal(argument.kind)))
    interpreter.frame(routine, given)
    outs = [argument for argument in routine.arguments if argument.mode != "IN"]
    if outs:
        values = [(argument.name, given[argument.name.lower()]) for argument in outs]
        interpreter.script.statement(exp.select(*(exp.alias_(value_of(parse_type(v.type), v.value), n, quoted=True) for n, v in values)))


def ordered(name: str, arguments: Sequence[Argument], args: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Argument, Any]]:
    """Values by position or by name, with the arguments they are for. Raises InputError."""
    wanted = [argument for argument in arguments if argument.mode != "OUT"]
    if isinstance(args, Mapping):
        names = [argument.name for argument in wanted]
        for other in args:
            if other not in names:
                raise InputError(f"{name} has no argument {other!r}", where="args", fix=did_you_mean(other, names))
        missing = [n for n in names if n not in args]
        if missing:
            raise InputError(f"{name} needs {', '.join(missing)}", where="args")
        return [(argument, args[argument.name]) for argument in wanted]
    if len(args) != len(wanted):
        raise InputError(f"{name} takes {len(wanted)} arguments, {len(args)} are given", where="args",
                         fix=f"It takes: {', '.join(f'{a.name} {a.kind}' for a in wanted)}" if wanted else "")
    return list(zip(wanted, args, strict=True))
