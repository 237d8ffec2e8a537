"""Words and specs: plan, check, explain, preview."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flows.service.door import Door
from flows.spec.model import FlowSpec

if TYPE_CHECKING:
    from flows.checks import Report
    from flows.planner.answer import Answer, PlanResult
    from flows.run.preview import Preview
    from flows.service.door import Given


class Author(Door):
    """From words to a spec that is checked and seen on real rows; nothing is written."""

    def plan(self, text: str, *, now: datetime | None = None, answers: list[Answer] | None = None) -> PlanResult:
        """Words to a draft, with questions and assumptions. Nothing is read, written or run.

        A draft is `ready` only when it also passes the semantic checks. Raises InputError for empty or overlong text.
        """
        from flows.planner.answer import PlanRequest
        from flows.planner.embedded import plan

        request = PlanRequest(text=text, now=now or datetime.now(UTC), tenant_id=self.tenant, catalog=self.catalog, answers=answers or [])
        return self._checked(plan(request))

    def _checked(self, result: PlanResult) -> PlanResult:
        """A ready draft that the checks refuse is not ready: the problem becomes a question."""
        if result.status != "ready" or result.intent != "create" or not result.spec:
            return result
        from flows.checks import validate
        from flows.planner.answer import Question

        report = validate(FlowSpec.model_validate(result.spec), level="semantic", catalog=self.catalog, settings=self.settings)
        if report.ok:
            return result
        asked = [Question(id=f"c{n}", slot="unparsed", severity="block", message=str(problem), options=[], free_text=True, span=None)
                 for n, problem in enumerate(report.problems, 1)]
        return result.model_copy(update={"status": "needs_input", "questions": [*result.questions, *asked]})

    def plan_lines(self, lines: Iterator[str], *, now: datetime | None = None) -> Iterator[dict[str, Any]]:
        """`{"id", "text"}` lines in, one answer each; a text that breaks gives an `error` and the rest goes on."""
        from flows.planner.batch import answer_lines

        return answer_lines(lines, lambda text: self.plan(text, now=now))

    def validate(self, given: Given, *, level: str = "semantic") -> Report:
        """Judge a spec. `level`: syntax | semantic | full. Problems are in the report; only an unreadable spec raises SpecError."""
        from flows.checks import validate

        source = self.source(given)
        if level == "full":
            self._sample()
        return validate(source.spec, level=level, catalog=self.catalog, settings=self._reach(source), lines=source.lines)

    def explain(self, given: Given) -> str:
        """The spec in plain English; `plan` of that English gives the same spec back."""
        from flows.spec.words import explain

        return explain(self.source(given).spec)

    def preview(self, given: Given, *, step: str | None = None,
                limit: int | None = None, params: Mapping[str, Any] | None = None) -> Preview:
        """Run the whole graph on real rows in memory; nothing is written and no server is needed."""
        from flows.run.preview import preview

        source = self.source(given)
        self._valid(source)
        self._sample()
        return preview(source.spec, settings=self._reach(source), store=self.store, catalog=self.catalog, step=step, limit=limit,
                       params=dict(params or {}))
