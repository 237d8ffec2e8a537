"""Words and specs: plan, answer, check, explain, preview."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from flows.access import needs
from flows.errors import InputError, MissingError, SpecError
from flows.metrics import generating, validating
from flows.service.door import Door
from flows.service.request import MOST_RUNS, Request, dates_of, words_of
from flows.spec.model import FlowSpec

if TYPE_CHECKING:
    from flows.checks import Report
    from flows.insight.catalog import Catalog, Table
    from flows.planner.answer import Answer, FileSource, PlanRequest, PlanResult
    from flows.run.preview import Preview
    from flows.run.price import PriceTag
    from flows.service.door import Given


ABOUT_ONE = re.compile(r"\b(?:run|runs|ran|running|start|trigger|execute|launch|backfill|rerun|re-run|retry|restart|stop|cancel|abort|"
                       r"pause|resume|status|fail|failed|change|make|set|move|reschedule|switch|remove|add|is|did|how|when|why)\b", re.I)
"""Words of which one stands in each request about a pipeline that is there."""


class File(Protocol):
    """A file that was given along with a text: the name it had, where it is, its columns (`table.path` is the same place)."""

    @property
    def name(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def table(self) -> Table: ...


class Author(Door):
    """From words to a spec that is checked and seen on real rows; nothing is written."""

    @needs("editor")
    def plan(self, text: str, *, now: datetime | None = None, answers: list[Answer] | None = None, current: Given | None = None,
             files: Sequence[File] = ()) -> PlanResult:
        """Words to a draft, with questions and assumptions. Nothing is read, written or run.

        `current` is the pipeline that "it" means and that an edit changes; `files` are sources of this text. A draft or an edit is
        `ready` only when it also passes the semantic checks. Raises InputError for empty or overlong text.
        """
        from flows.planner.embedded import plan

        with generating(self.settings.project) as seen:
            request = self._request(text, now, answers, current, files)
            result = plan(request)
            if result.intent == "edit" and not result.spec:
                stored = self._named_spec(str((result.run_request or {}).get("pipeline") or ""))
                result = plan(request.model_copy(update={"current_spec": stored})) if stored is not None else result
            checked = self._checked_plan(result)
            seen.status = checked.status
        return checked

    def _named_spec(self, pipeline: str) -> FlowSpec | None:
        """A stored pipeline that a text names, to be changed; None when it is only known to the catalogue."""
        if not self._has_store():
            return None
        try:
            return self.source(pipeline).spec
        except MissingError:
            return None

    def _request(self, text: str, now: datetime | None, answers: list[Answer] | None, current: Given | None,
                 files: Sequence[File]) -> PlanRequest:
        from flows.planner.answer import PlanRequest

        catalog, known = self._with_files(text, files)
        return PlanRequest(text=text, now=now or datetime.now(UTC), tenant_id=self.tenant, catalog=catalog, answers=answers or [],
                           current_spec=self._current(current), files=known, pipelines=self._pipelines(text))

    def _current(self, given: Given | None) -> FlowSpec | None:
        if given is None:
            return None
        return self.source(given).spec

    def _pipelines(self, text: str) -> dict[str, str]:
        """The stored pipelines, id to name. The store is opened only for a text that may be about one of them."""
        if not ABOUT_ONE.search(text) or not self._has_store():
            return {}
        return {s.pipeline_id: str(s.spec.get("name") or s.pipeline_id) for s in self.store.specs.list(self.tenant)}

    def _with_files(self, text: str, files: Sequence[File], *, base: PlanRequest | None = None) -> tuple[Catalog, dict[str, FileSource]]:
        """The catalogue with all files that a text may read as tables of it: those given, and those that it names and that are there."""
        from flows.planner.files import names_in, tables

        catalog, known = (base.catalog, base.files) if base else (self.catalog, {})
        given = [(f.name, f.table, {"path": str(f.path), **dict(getattr(f, "options", {}))}) for f in files]
        had = {n for f in known.values() for n in f.names}
        given = [g for g in given if g[0].lower() not in had]
        taken = had | {n for name, _, source in given for n in (name.lower(), source["path"].lower())}
        given += [found for name in names_in(text) if name.lower() not in taken and (found := self._file(name))]
        if not given:
            return catalog, known
        new = tables(catalog, given)
        merged = {**catalog.tables, **{name: table for name, (table, _) in new.items()}}
        return catalog.model_copy(update={"tables": merged}), {**known, **{name: file for name, (_, file) in new.items()}}

    def _file(self, name: str) -> tuple[str, Table, dict[str, Any]] | None:
        """A file in an allowed folder with its columns, as a run will read it; None when there is none, or it cannot be read."""
        from flows.errors import PenstockError
        from flows.insight.catalog import CatalogColumn, Table
        from flows.insight.files import AllowedFiles

        try:
            path = AllowedFiles.of(self.settings).read(name)
            from flows.run.look import look

            seen = look({"path": name}, name=name, settings=self.settings, store=self.store, catalog=self.catalog, limit=1000)
        except PenstockError:
            return None
        return name, Table(path=path, columns={c.name: CatalogColumn(type=c.type) for c in seen.columns}), {"path": name}

    @needs("editor")
    def answer(self, result: PlanResult, question_id: str, *, option: str | None = None, text: str | None = None,
               now: datetime | None = None, said: str = "", current: Given | None = None, files: Sequence[File] = ()) -> PlanResult:
        """The result with one question answered by an option's label (its patch, nothing is read again) or in own words.

        Words that cannot be read leave the question open, with a message that says so. `said`, `now`, `current` and `files` are what
        `plan` was given: only a result that was made from plain data needs them again. Raises MissingError, InputError.
        """
        from flows.planner.answer import Reading, apply
        from flows.planner.reply import in_words

        if option is not None:
            return self._checked_plan(apply(result, question_id, option))
        if text is None:
            raise InputError("an answer is an option or a text", fix="Give one of them")
        if result.reading is None:
            words = said or str(result.spec.get("description") or "")
            result = result.of(Reading(self._request(words, now, None, current, files)) if words else None)
        else:
            catalog, known = self._with_files(text, files, base=result.reading.request)
            request = result.reading.request.model_copy(update={"catalog": catalog, "files": known})
            result = result.of(Reading(request, result.reading.moves))
        return self._checked_plan(in_words(result, question_id, text))

    @needs("editor")
    def undo(self, result: PlanResult, number: int) -> PlanResult:
        """The result with assumption `number` (from 0) undone by its patch. Raises InputError when it has none, MissingError."""
        from flows.planner.answer import undo

        return self._checked_plan(undo(result, number))

    @needs("editor")
    def changed(self, result: PlanResult) -> dict[str, Any]:
        """The spec that an edit leads to, as plain data; steps it does not touch are the same. Raises InputError when it fits no more."""
        from flows.planner.answer import patched

        if result.intent != "edit":
            raise InputError(f"this is no edit but {result.intent}", fix="Use the result's spec")
        return dict(patched(result.spec, result.patch, "the edit"))

    @needs("editor")
    def request(self, result: PlanResult, *, current: Given | None = None) -> Request:
        """A run request with its dates and what stands on the card to confirm. Raises InputError for a result of another intent."""
        asked = result.run_request
        if asked is None or result.intent not in ("run", "backfill", "rerun", "cancel", "pause", "resume"):
            raise InputError(f"this is no request about runs but {result.intent}", fix="Say for example: run it for yesterday")
        op, pipeline = result.intent, str(asked.get("pipeline") or "")
        spec = self._current(current)
        mine = spec if spec is not None and pipeline in ("", spec.pipeline_id) else None
        pipeline = pipeline or (mine.pipeline_id if mine else "")
        try:
            found = mine or (self.source(pipeline).spec if pipeline else None)
        except (MissingError, SpecError):
            found = None
        dates = dates_of(asked)
        name = (found.name if found else "") or pipeline
        made = Request(op, pipeline, name, dates, dict(asked.get("params") or {}), max(1, len(dates)) if op in ("run", "backfill", "rerun")
                       else 0, words=words_of(op, name, dates))
        blocking = [q.message for q in result.questions if q.severity == "block"]
        if blocking or found is None:
            return replace(made, problem=blocking[0] if blocking else f"There is no pipeline {pipeline!r}.")
        if len(dates) > MOST_RUNS:
            return replace(made, problem=f"That is more than {MOST_RUNS} days. Say it in shorter periods.")
        return self._about_runs(made, asked)

    def _about_runs(self, made: Request, asked: Mapping[str, Any]) -> Request:
        """The run that is stopped or resumed, and what is in the way."""
        if made.op in ("pause", "resume"):
            return replace(made, problem=self._about_schedules(made))
        runs = self.store.runs.find(self.tenant, pipeline_id=made.pipeline_id, limit=1)
        last = runs[0] if runs else None
        going = last.run_id if last is not None and not last.ended else None
        if made.op == "cancel":
            return replace(made, run_id=going, problem="" if going else f"{made.name} is not running.")
        if going is not None and made.op == "run" and len(made.dates) < 2:
            return replace(made, problem=f"This pipeline is already running as {going}. Wait for it to finish or stop it first.")
        if made.op == "rerun" and asked.get("scope") == "failed" and not made.dates:
            if last is None or last.status not in ("FAILED", "CRASHED", "CANCELLED"):
                said = "has not run yet" if last is None else "did not fail in its last run"
                return replace(made, problem=f"{made.name} {said}: there is nothing to run again.")
            return replace(made, resume_of=last.run_id, words=words_of("rerun", made.name, (), resume=True))
        return made

    def _about_schedules(self, made: Request) -> str:
        """What is in the way of switching all schedules of a pipeline off or on."""
        mine = self.store.deployments.list(self.tenant, made.pipeline_id)
        if not mine:
            return f"{made.name} has no schedule: it runs only when it is started by hand. Deploy it: penstock deploy {made.pipeline_id}"
        if all(each.paused == (made.op == "pause") for each in mine):
            return f"The schedule of {made.name} is {'paused' if made.op == 'pause' else 'switched on'} already."
        return ""

    def _checked_plan(self, result: PlanResult) -> PlanResult:
        """A ready draft or edit that the checks refuse is not ready: the problem becomes a question."""
        from flows.planner.answer import Question, patched, status_of

        kept = [q for q in result.questions if not q.id.startswith("c")]
        if len(kept) < len(result.questions):
            result = result.model_copy(update={"questions": kept, "status": status_of(kept)})
        if result.status != "ready" or result.intent not in ("create", "edit") or not result.spec:
            return result
        from flows.checks import validate
        from flows.spec.loader import from_data

        data = patched(result.spec, result.patch, "the edit") if result.intent == "edit" else result.spec
        try:
            problems = validate(from_data(data), level="semantic", catalog=self.catalog, settings=self.settings).problems
        except SpecError as error:
            problems = error.problems
        if not problems:
            return result
        asked = [Question(id=f"c{n}", slot="unparsed", severity="block", message=str(problem), options=[], free_text=True, span=None)
                 for n, problem in enumerate(problems, 1)]
        return result.model_copy(update={"status": "needs_input", "questions": [*result.questions, *asked]})

    @needs("editor")
    def plan_lines(self, lines: Iterator[str], *, now: datetime | None = None) -> Iterator[dict[str, Any]]:
        """`{"id", "text"}` lines in, one answer each; a text that breaks gives an `error` and the rest goes on."""
        from flows.planner.batch import answer_lines

        return answer_lines(lines, lambda text: self.plan(text, now=now))

    @needs("viewer")
    def validate(self, given: Given, *, level: str = "semantic") -> Report:
        """Judge a spec. `level`: syntax | semantic | full. Problems are in the report; only an unreadable spec raises SpecError."""
        with validating(level) as told:
            report = self._report(given, level)
            told(problem.code for problem in report.problems)
        return report

    def _report(self, given: Given, level: str) -> Report:
        from flows.checks import validate

        source = self.source(given)
        if level == "full":
            self._sample()
        report = validate(source.spec, level=level, catalog=self.catalog, settings=self._reach(source), lines=source.lines,
                          describe=self._describe())
        if level == "full" and source.spec.budget is not None and report.ok:
            from flows.spec.loader import placed

            broken = self.price(given).over_budget
            report = replace(report, problems=[placed(problem, source.lines) if source.lines else problem for problem in broken],
                             warnings=[warning for warning in report.warnings if warning.code != "budget"])
        return report

    @needs("viewer")
    def draft_report(self, given: FlowSpec | Mapping[str, Any] | str) -> Report:
        """Every problem of a spec or its YAML text with its line, for an editor. Never raises for what the text says."""
        from flows.checks import Report, validate
        from flows.spec.loader import from_data, read

        try:
            spec, lines = read(given) if isinstance(given, str) else (
                given if isinstance(given, FlowSpec) else from_data(dict(given)), None)
        except SpecError as error:
            return Report("semantic", list(error.problems))
        return validate(spec, level="semantic", catalog=self.catalog, settings=self.settings, lines=lines, describe=self._describe())

    @needs("viewer")
    def yaml(self, given: Given) -> str:
        """The spec as canonical YAML; a draft that is not ready as far as it goes."""
        from flows.spec.loader import dump, dump_draft

        draft = self._open_draft(given)
        return dump_draft(draft) if draft is not None else dump(self.source(given).spec)

    @needs("viewer")
    def explain(self, given: Given) -> str:
        """The spec in plain English; `plan` of that English gives the same spec back."""
        from flows.spec.words import explain

        return explain(self.source(given).spec)

    @needs("editor")
    def preview(self, given: Given, *, step: str | None = None, limit: int | None = None, params: Mapping[str, Any] | None = None,
                sample: str = "") -> Preview:
        """Run the whole graph in memory; nothing is written and no server is needed.

        Rows are real where they can be read; what is not there yet is a cached sample or generated rows, and each step says so.
        `sample="production"` takes samples of the tables that are read from there first, keeps them and uses them; it raises
        UnreachableError when no project is set up. Of a plan with open questions, the steps that are complete and follow only such
        steps are shown, the rest is "not reached".
        """
        from flows.run.preview import preview

        draft = self._open_draft(given)
        if draft is not None:
            from flows.service.half import preview_half

            self._sample()
            return preview_half(draft, settings=self.settings, store=self.store, catalog=self.catalog, step=step, limit=limit,
                                params=params)
        source = self.source(given)
        self._valid(source)
        self._sample()
        if sample:
            with self._change("sample", source.spec.pipeline_id, after={"from": sample}):
                pass
        return preview(source.spec, settings=self._reach(source), store=self.store, catalog=self.catalog, step=step, limit=limit,
                       params=dict(params or {}), sample=sample)

    @needs("editor")
    def price(self, given: Given, *, environment: str = "local", params: Mapping[str, Any] | None = None,
              seen: Preview | None = None) -> PriceTag:
        """What one run is billed on BigQuery, step by step, and a month at its schedule; nothing is run there.

        In `production` BigQuery itself is asked (dry runs, sizes of tables); else the rows that are here stand for those there. `seen`: a
        preview of this spec that is at hand. Raises SpecError, UnreachableError.
        """
        from flows.run.job import make_job
        from flows.run.plan import make_plan
        from flows.run.preview import preview
        from flows.run.price import price_tag
        from flows.run.session import open_session, production

        source = self.source(given)
        self._valid(source)
        self._sample()
        settings, catalog, values = self._reach(source), self.catalog, dict(params or {})
        project = production(settings) if environment == "production" else None
        job = make_job(source.spec, settings=settings, store=self.store, catalog=catalog, params=values, preview=True)
        shown = seen or preview(source.spec, settings=settings, store=self.store, catalog=catalog, params=values)
        labels = {"tenant": self.tenant, "pipeline": source.spec.pipeline_id, "step": "price"}
        session = open_session(settings, self.store, catalog, stage="price", environment=environment, labels=labels) if project else None
        try:
            return price_tag(make_plan(job.spec, catalog=catalog, limits=settings.limits), job, shown, project=project, session=session)
        finally:
            if session is not None:
                session.close()

    @staticmethod
    def _open_draft(given: Given) -> dict[str, Any] | None:
        """The draft of a plan that still has questions."""
        status = getattr(given, "status", "")
        return dict(given.spec) if status == "needs_input" and getattr(given, "spec", None) else None  # type: ignore[union-attr]
