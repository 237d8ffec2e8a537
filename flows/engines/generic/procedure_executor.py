"""Call a stored procedure of the warehouse with typed arguments: all that it writes is kept, or nothing.

The values of its OUT arguments are told with the step. A preview says what it would call and calls nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator

from flows.engines.base import Block, Context, EngineConfig, Scope, StepResult
from flows.errors import MissingError
from flows.spec.suggest import did_you_mean
from flows.warehouse.base import Column

if TYPE_CHECKING:
    from flows.warehouse.base import ProcedureSpec

REPEATABLE = False  # what a procedure did before it was lost, only its author knows


class Procedure(Block):
    """What is called, and with what."""

    procedure: str = Field(min_length=1, max_length=300, description="dataset.name of a stored procedure")
    args: dict[str, Any] | list[Any] = Field(default_factory=list,
                                             description="values by the names of its arguments, or in their order; OUT arguments have none")

    @field_validator("procedure")
    @classmethod
    def full_name(cls, value: str) -> str:
        if value.count(".") < 1:
            raise ValueError(f"{value!r} does not say its dataset: write dataset.name, like system.sp_refresh_day")
        return value


class Config(EngineConfig):
    """`config`: procedure and args."""

    config: Procedure


def output(config: Config, scope: Scope) -> tuple[Column, ...] | None:
    """A call gives no rows to other steps."""
    return ()


def run(config: Config, context: Context) -> StepResult:
    called = config.config
    context.log.info("calls %s", called.procedure)
    done = context.warehouse.call(called.procedure, called.args)
    found = done.result.to_pylist() if done.result is not None and done.result.num_rows == 1 else []
    return StepResult(rows=done.rows, notes=list(done.notes), outputs={name: _plain(value) for row in found for name, value in row.items()})


def preview(config: Config, context: Context) -> StepResult:
    """The procedure must be there and take these arguments."""
    from flows.warehouse.arguments import ordered
    from flows.warehouse.nodes import Argument

    called = config.config
    found = _find(called.procedure, context)
    given = ordered(found.name, [Argument(*argument) for argument in found.arguments], called.args)
    shown = ", ".join(f"{argument.name} = {value!r}" for argument, value in given)
    return StepResult(notes=[f"would call {found.name}({shown}); a preview calls nothing"])


def _find(name: str, context: Context) -> ProcedureSpec:
    there: Mapping[str, ProcedureSpec] = {procedure.name: procedure for procedure in context.warehouse.procedures()}
    wanted = ".".join(name.split(".")[-2:])
    if wanted not in there:
        raise MissingError(f"there is no procedure {name!r}", where="config.procedure",
                           fix=did_you_mean(wanted, there) or (f"There are: {', '.join(list(there)[:12])}" if there else ""))
    return there[wanted]


def _plain(value: Any) -> Any:
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    return str(value) if isinstance(value, (Decimal, bytes)) else value
