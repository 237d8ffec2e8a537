"""What can go wrong, in one tree: every error says what, where and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Problem:
    """One finding about a spec, a statement or a file.

    `path` is the place as people write it (`steps.load.destination.table`); `line` counts from 1 and is 0 when unknown.
    """

    path: str
    code: str
    message: str
    hint: str = ""
    options: tuple[str, ...] = ()
    line: int = 0

    def __str__(self) -> str:
        place = f"line {self.line}, {self.path}" if self.line and self.path else f"line {self.line}" if self.line else self.path
        text = f"{place}: {self.message}" if place else self.message
        return f"{text}. {self.hint}" if self.hint else text

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "options": list(self.options)}


class PenstockError(Exception):
    """The root. `exit_code` is what the command line returns; `transient` says that trying again may help."""

    code = "error"
    exit_code = 1
    transient = False

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        super().__init__(what, where, fix)
        self.what, self.where, self.fix = what, where, fix

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.__dict__)

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}. {self.fix}" if self.fix else text


def _rebuild(kind: type[PenstockError], state: dict[str, Any]) -> PenstockError:
    """Errors cross process borders; subclasses with own arguments must survive that."""
    error = kind.__new__(kind)
    error.__dict__.update(state)
    Exception.__init__(error, state.get("what", ""))
    return error


class InputError(PenstockError):
    """What was asked for cannot be done as it stands; the person can change it."""

    code = "invalid_input"
    exit_code = 2


class SpecError(InputError):
    """A spec that does not hold; carries every problem found, not only the first."""

    code = "invalid_spec"

    def __init__(self, problems: Sequence[Problem] | Problem, *, where: str = "") -> None:
        self.problems = [problems] if isinstance(problems, Problem) else list(problems)
        more = len(self.problems) - 1
        super().__init__(str(self.problems[0]) + (f" (and {more} more)" if more > 0 else ""), where=where)


class ValidationError(SpecError):
    """A pipeline that does not hold, told to a program that asked for it by id, template or description: `problems` are all of them."""


class PipelineGenerationError(InputError):
    """A description from which no pipeline could be made. `questions` are what it leaves open, each with `id`, `message` and `options`."""

    code = "generation"

    def __init__(self, what: str, *, where: str = "", fix: str = "", questions: Sequence[dict[str, Any]] = ()) -> None:
        self.questions = list(questions)
        super().__init__(what, where=where, fix=fix)


class DeploymentError(InputError):
    """A pipeline that could not be deployed, or a deployment that could not be rolled back."""

    code = "deployment"


class SqlError(InputError):
    """A statement that is wrong or not offered here. `verdict`: refused | invalid | failed."""

    code = "invalid_sql"

    def __init__(self, what: str, *, where: str = "", fix: str = "", verdict: str = "invalid", code: str = "invalid_sql",
                 line: int = 0, column: int = 0) -> None:
        super().__init__(what, where=where or (f"line {line}, column {column}" if line else ""), fix=fix)
        self.verdict, self.code, self.line, self.column = verdict, code, line, column


class LimitError(InputError):
    """Something is larger, deeper or longer than allowed."""

    code = "limit"


class MissingError(InputError):
    """A run, pipeline, table, file or engine of that name does not exist (or belongs to another tenant)."""

    code = "not_found"


class UnauthorizedError(InputError):
    """Nobody that is known here asks: no key, a wrong one, one that was revoked or is over."""

    code = "unauthorized"


class ForbiddenError(InputError):
    """Somebody who is known asks for what their role may not do."""

    code = "forbidden"


class DuplicateRun(InputError):
    """This pipeline is already running for this tenant; `run_id` is the run that holds the claim."""

    code = "duplicate_run"

    def __init__(self, pipeline_id: str, run_id: str) -> None:
        self.run_id = run_id
        super().__init__(f"pipeline {pipeline_id!r} is already running as {run_id}",
                         fix=f"Wait for it, or stop it: penstock cancel {run_id}")


class Overtaken(InputError):
    """A run that a schedule wanted is wanted no more: the schedule was switched off, or the next run was due before it could begin."""

    code = "overtaken"


class DuplicateBackfill(InputError):
    """This pipeline is already being backfilled for this tenant; `backfill_id` is the backfill that holds the claim."""

    code = "duplicate_backfill"

    def __init__(self, pipeline_id: str, backfill_id: str) -> None:
        self.backfill_id = backfill_id
        super().__init__(f"pipeline {pipeline_id!r} is already being backfilled as {backfill_id}", fix="Wait for it, or stop it first")


class DataError(PenstockError):
    """The data broke a promise: a failed check, a cast that does not fit, rows that were lost."""

    code = "data"


class TransientError(PenstockError):
    """Worth another try: a lost connection, a race that was lost, a busy peer."""

    code = "transient"
    transient = True


class UnreachableError(TransientError):
    """Something needed does not answer."""

    code = "unreachable"
    exit_code = 3


class MissingPackage(PenstockError):
    """An extra that is not installed."""

    code = "missing_package"
    exit_code = 3

    def __init__(self, needed_by: str, extra: str) -> None:
        super().__init__(f"{needed_by} needs a package that is not installed", fix=f"Install it: pip install 'penstock[{extra}]'")


class StepTimeout(TransientError, TimeoutError):
    """A step took longer than its own limit and was stopped; `retry_on: [TimeoutError]` matches it."""

    code = "timeout"


class Cancelled(PenstockError):
    """A person or a lost runner stopped the work."""

    code = "cancelled"
