"""Whole pipelines for programs: generate, validate, deploy, run, follow and roll back by a pipeline's id, async and blocking.

Each method that ends with `_sync` blocks, also in a notebook whose loop runs; its twin of the same name without that is a coroutine that
does the same beside the loop. Several at once are side by side: `asyncio.gather`, `generate_many`, `validate_many`.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache, partial, wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from flows.access import needs
from flows.errors import (
    DeploymentError,
    DuplicateRun,
    ForbiddenError,
    InputError,
    MissingError,
    PenstockError,
    PipelineGenerationError,
    SpecError,
    UnauthorizedError,
    ValidationError,
)
from flows.service.author import Author
from flows.service.deployments import Deployments
from flows.service.door import Source
from flows.service.pipeline import Pipeline, PipelineOptions, PipelineStatus
from flows.service.runs import Runs
from flows.service.templates import Templates

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from flows.checks import Report
    from flows.planner.answer import PlanResult
    from flows.run.view import RunView
    from flows.service.deployments import DeploymentView, Rollback, Times
    from flows.service.door import Given
    from flows.service.templates import Value
    from flows.spec.model import FlowSpec

AT_ONCE = 32  # coroutines at work; the others wait for their turn
MANY = 8  # of one generate_many or validate_many

P = ParamSpec("P")
T = TypeVar("T")


def beside(method: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    """The async twin of a blocking method: the same call in a thread, so that the loop goes on."""

    @wraps(method)
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        import asyncio
        from contextvars import copy_context

        work = partial(copy_context().run, method, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(_threads(), work)

    call.__name__ = method.__name__.removesuffix("_sync")
    call.__qualname__ = method.__qualname__.removesuffix("_sync")
    return call


@cache
def _threads() -> ThreadPoolExecutor:
    """Own ones: those of asyncio are few, and a run that is waited for would hold one from its other users."""
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(AT_ONCE, thread_name_prefix="penstock")


class Pipelines(Templates, Deployments, Runs, Author):
    """Everything by a pipeline's id. An id is never taken for a file or a template."""

    @needs("editor")
    def generate_pipeline_sync(self, description: str, project_id: str = "", options: PipelineOptions | None = None) -> Pipeline:
        """Make a pipeline from words and keep it: its id works in every other call. The same words give the same version.

        `project_id`: the tenant's Google Cloud project, which then stands in front of every table that is written. Raises
        PipelineGenerationError, with `questions` when the words leave something open, ValidationError when the full check finds problems.
        """
        wanted = PipelineOptions() if options is None else options
        if not isinstance(wanted, PipelineOptions):
            raise PipelineGenerationError(f"{type(options).__name__} is no PipelineOptions", where="options",
                                          fix="Give PipelineOptions(optimize=False), or leave it out")
        if not isinstance(description, str):
            raise PipelineGenerationError(f"a description is text, not {type(description).__name__}", where="description",
                                          fix="Say in words what should be loaded from where to where")
        project = self._project(project_id)
        with _as(PipelineGenerationError):
            result = self.plan(description)
        _ready(result)
        spec = self._shaped(self.source(result).spec, wanted, project)
        if wanted.validate:
            self._must_hold(spec)
        return self._keep(Source(spec, text=description, planner=result.planner), tuple(each.text for each in result.assumptions))

    @needs("editor")
    def generate_from_template_sync(self, template: str, params: Mapping[str, Value] | None = None) -> Pipeline:
        """Make a pipeline from a template, like gallery/basic_etl, and keep it. `params` are its variables, the defaults of its parameters
        and `pipeline_id`.

        Raises MissingError without such a template, PipelineGenerationError for a name or a type that does not fit, ValidationError.
        """
        known, given = self.template(template).spec, dict(params or {})
        pipeline_id = str(given.pop("pipeline_id", ""))
        variables = {name: given.pop(name) for name in list(given) if name in known.variables}
        with _as(PipelineGenerationError):
            spec, text = self.use_template_text(template, variables=variables, params=given, pipeline_id=pipeline_id)
        return self._keep(Source(spec, text=text, where=template))

    @needs("viewer")
    def get_pipeline_sync(self, pipeline_id: str, version: int | None = None) -> Pipeline:
        """A stored pipeline: the version in force, or another one. Raises MissingError."""
        if version is None:
            found = self.stored(pipeline_id)
            return Pipeline(pipeline_id, found.version or 0, found.spec)
        from flows.spec.model import FlowSpec

        kept = self.store.specs.get(self.tenant, pipeline_id, version)
        return Pipeline(pipeline_id, kept.version, FlowSpec.model_validate(kept.spec))

    @needs("viewer")
    def validate_pipeline_sync(self, pipeline_id: str | Pipeline, validation_level: str = "semantic") -> Report:
        """Judge a stored pipeline. `validation_level`: syntax | semantic | full. Problems are in the report.

        Raises MissingError, InputError for another level.
        """
        with _as(InputError):
            return self.validate(self._of(pipeline_id), level=validation_level)

    @needs("editor")
    def run_pipeline_sync(self, pipeline_id: str | Pipeline, params: Mapping[str, Any] | None = None, async_mode: bool = False, *,
                          environment: str = "local") -> RunView:
        """Run a stored pipeline and wait for its end, which may be FAILED; with `async_mode` only queue it: a runner (`penstock up`)
        starts it. To give up waiting stops no run: that is `cancel`.

        Raises MissingError, ValidationError, DuplicateRun while it runs, LimitError, UnreachableError.
        """
        with _as(InputError):
            spec = self._of(pipeline_id)
            if async_mode:
                return self.view(self.submit(spec, params=params, environment=environment).run_id)
            return self.run(spec, params=params, environment=environment)

    @needs("viewer")
    def get_pipeline_status_sync(self, pipeline_id: str | Pipeline) -> PipelineStatus:
        """How a stored pipeline stands: its version, its newest run and where it is deployed. Raises MissingError."""
        name = _name(pipeline_id)
        version = self.stored(name).version or 0
        newest = self.runs(pipeline_id=name, limit=1)
        run = newest[0] if newest else None
        return PipelineStatus(name, version, run.run.status if run else "NEVER_RAN", run, self.why(run.run.run_id) if run else "",
                              self.deployments(pipeline_id=name))

    @needs("operator")
    def deploy_pipeline_sync(self, pipeline_id: str | Pipeline, environment: str = "local",
                             schedule: Times | None = None) -> DeploymentView:
        """Let a stored pipeline run by itself. `schedule`: a cron line, `every 15 minutes`, {cron, timezone} or {interval_seconds}; left
        out it is the pipeline's own. What is paused stays paused. A Prefect that is away is told later: see the answer's `status`.

        Raises MissingError, ValidationError, DeploymentError for a schedule or an environment that is none, UnreachableError.
        """
        with _as(DeploymentError):
            spec = self._of(pipeline_id)
            try:
                if schedule is not None:
                    self.next_times(schedule, count=1)
            except SpecError as error:
                raise DeploymentError(error.problems[0].message, where=error.problems[0].path, fix=error.problems[0].hint) from error
            return self.deploy(spec, environment=environment, schedule=schedule)

    @needs("operator")
    def rollback_deployment_sync(self, pipeline_id: str | Pipeline, to: int | None = None, environment: str | None = None) -> Rollback:
        """Go back to version `to`, or to the one before, in all environments or in one. Raises MissingError, DeploymentError for the
        version that runs already.
        """
        with _as(DeploymentError):
            return self.rollback(_name(pipeline_id), to=to, environment=environment)

    @needs("editor")
    def generate_many_sync(self, descriptions: Sequence[str], project_id: str = "",
                           options: PipelineOptions | None = None) -> list[Pipeline | PenstockError]:
        """Several at once, in the order of the descriptions; what could not be made is its error in this place."""
        return _each(lambda text: self.generate_pipeline_sync(text, project_id, options), descriptions)

    @needs("viewer")
    def validate_many_sync(self, pipeline_ids: Sequence[str | Pipeline],
                           validation_level: str = "semantic") -> list[Report | PenstockError]:
        """Several at once, in the order of the ids; what could not be judged is its error in this place."""
        return _each(lambda each: self.validate_pipeline_sync(each, validation_level), pipeline_ids)

    @needs("viewer")
    def python(self, given: Given) -> str:
        """A spec in any form as a Python file that runs it with Prefect outside of the app. Raises SpecError, MissingError."""
        from flows.show.code import python

        return python(self.source(given).spec)

    generate_pipeline = beside(generate_pipeline_sync)
    generate_from_template = beside(generate_from_template_sync)
    get_pipeline = beside(get_pipeline_sync)
    validate_pipeline = beside(validate_pipeline_sync)
    run_pipeline = beside(run_pipeline_sync)
    get_pipeline_status = beside(get_pipeline_status_sync)
    deploy_pipeline = beside(deploy_pipeline_sync)
    rollback_deployment = beside(rollback_deployment_sync)
    generate_many = beside(generate_many_sync)
    validate_many = beside(validate_many_sync)

    # ---- how

    def _of(self, given: str | Pipeline) -> FlowSpec:
        return given.spec if isinstance(given, Pipeline) else self.stored(given).spec

    def _project(self, project_id: str) -> str:
        """The project that is put in front of tables, "" for none. Raises PipelineGenerationError for one that is not the tenant's."""
        if not project_id or project_id == self.settings.project:
            return project_id
        own = f"Use {self.settings.project!r}, or leave it out" if self.settings.project else \
            "Leave it out, or set GOOGLE_CLOUD_PROJECT to the project of this tenant"
        raise PipelineGenerationError(f"project {project_id[:80]!r} is not yours", where="project_id", fix=own)

    def _shaped(self, spec: FlowSpec, wanted: PipelineOptions, project: str) -> FlowSpec:
        """The spec with what the options ask for."""
        from flows.service.options import handled, narrowed, qualified, watched

        if wanted.optimize:
            spec = narrowed(spec, self._columns)
        if wanted.include_error_handling:
            spec = handled(spec)
        if wanted.include_monitoring:
            spec = watched(spec, wanted.notify)
        return qualified(spec, project) if project else spec

    def _columns(self, spec: FlowSpec) -> dict[str, Any] | None:
        """The columns of each step, None for a spec that does not hold. Nothing is counted as a validation."""
        report = self._report(spec, "semantic")
        return report.columns if report.ok else None

    def _must_hold(self, spec: FlowSpec) -> None:
        report = self.validate(spec, level="full")
        if not report.ok:
            raise ValidationError(report.problems)

    def _keep(self, source: Source, assumptions: tuple[str, ...] = ()) -> Pipeline:
        """Keep a spec as a version, with its row in the audit log when there is a new one."""
        from flows.spec.loader import from_data
        from flows.spec.model import PLACEHOLDER
        from flows.store.specs import digest_of

        name = source.spec.pipeline_id
        if PLACEHOLDER.search(name):
            name = str(self._values(source, {})["pipeline_id"])
        before = None
        with suppress(MissingError):
            before = self.store.specs.get(self.tenant, name)
        if before is not None and before.digest == digest_of({**source.spec.as_dict(), "pipeline_id": name}):
            return Pipeline(name, before.version, from_data(before.spec), assumptions)
        with self._change("pipeline.save", name, before={"version": before.version} if before else None, planner=source.planner) as note:
            spec, version = self._kept(source, name, self.identity.who)
            note.after = {"version": version}
        return Pipeline(name, version, from_data(spec), assumptions)


def _name(given: str | Pipeline) -> str:
    return given.id if isinstance(given, Pipeline) else given


def _ready(result: PlanResult) -> None:
    """Raises PipelineGenerationError unless the words are a whole new pipeline."""
    open_ones = [question for question in result.questions if question.severity == "block"]
    asked = [question.model_dump(mode="json") for question in open_ones]
    said = " ".join(question.message for question in open_ones).rstrip(".")
    if result.status == "refused":
        raise PipelineGenerationError(said or "this is refused", where="description", fix="Say it without the destructive wish",
                                      questions=asked)
    if result.intent != "create":
        raise PipelineGenerationError(f"this does not describe a new pipeline: it reads as {result.intent}", where="description",
                                      fix="Say what to read, what to do with it and where to write it", questions=asked)
    if result.status != "ready":
        many = f"{len(asked)} questions" if len(asked) > 1 else "a question"
        raise PipelineGenerationError(f"the description leaves {many} open", where="description", fix=f"Say it there: {said}",
                                      questions=asked)


@contextmanager
def _as(kind: type[InputError]) -> Iterator[None]:
    """What is wrong with the input as the kind of error that this API promises; who asks and what is missing stays what it is."""
    try:
        yield
    except (kind, UnauthorizedError, ForbiddenError, MissingError, DuplicateRun) as error:
        if isinstance(error, SpecError) and not isinstance(error, ValidationError):
            raise ValidationError(error.problems, where=error.where) from error
        raise
    except SpecError as error:
        raise ValidationError(error.problems, where=error.where) from error
    except InputError as error:
        raise kind(error.what, where=error.where, fix=error.fix) from error


def _each(work: Callable[[Any], T], given: Sequence[Any]) -> list[T | PenstockError]:
    """All at once, at most `MANY` side by side."""
    from concurrent.futures import ThreadPoolExecutor
    from contextvars import copy_context

    def one(item: Any) -> T | PenstockError:
        try:
            return work(item)
        except PenstockError as error:
            return error

    with ThreadPoolExecutor(MANY) as threads:
        jobs = [threads.submit(copy_context().run, one, item) for item in given]
        return [job.result() for job in jobs]
