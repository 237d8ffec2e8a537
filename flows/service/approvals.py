"""What a program has asked for and a person decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flows.access import KEY, ROOT, needs
from flows.errors import ForbiddenError, InputError
from flows.service.submit import Submit
from flows.show.units import several

if TYPE_CHECKING:
    from flows.access import Identity
    from flows.service.door import Given
    from flows.spec.model import FlowSpec
    from flows.store import Run
    from flows.store.approvals import Approval

SHOWN = 5  # tables that a sentence names
NAME = 80  # characters of a name
ROLE = {"local": "editor", "production": "operator"}
"""From which role on a run is asked for and decided there."""


@dataclass(frozen=True)
class ApprovalView:
    """A request as the person reads it who decides it. `words` says what will run; `explained` is the spec in plain English, "" in a
    list. `status`: WAITING | APPROVED | REFUSED | EXPIRED."""

    approval_id: str
    pipeline_id: str
    name: str
    environment: str
    params: dict[str, Any]
    words: str
    author: str
    status: str
    decided_by: str
    run_id: str
    created_at: datetime
    expires_at: datetime
    decided_at: datetime | None
    explained: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON data; times are ISO text in UTC."""
        moments = {name: moment.isoformat() if moment else None for name, moment in (
            ("created_at", self.created_at), ("expires_at", self.expires_at), ("decided_at", self.decided_at))}
        return {"approval_id": self.approval_id, "status": self.status, "words": self.words, "pipeline_id": self.pipeline_id,
                "name": self.name, "environment": self.environment, "params": self.params, "author": self.author,
                "decided_by": self.decided_by or None, "run_id": self.run_id or None, **moments}


class Approvals(Submit):
    """A program of somebody's key asks; a person with the role decides, in the app or with `penstock approve`."""

    @needs("editor")
    def approval_words(self, given: Given, *, params: Mapping[str, str] | None = None, environment: str = "local") -> str:
        """What a person is asked before this run: what runs where, for which day, and what it writes. Checks all that `submit` checks
        and keeps nothing. Raises SpecError, InputError, ForbiddenError."""
        return self._words(self._wanted(given, params, environment))

    @needs("editor")
    def ask_approval(self, given: Given, *, params: Mapping[str, str] | None = None, environment: str = "local") -> ApprovalView:
        """Ask a person for one run. What was asked for is kept as it is now: the spec and the values of the run; it waits for a day.

        The same request again is the one that waits already. Raises SpecError, InputError, ForbiddenError without the role that the run
        itself needs, LimitError where too many wait.
        """
        wanted, who = self._wanted(given, params, environment), self.identity.who
        found = self.store.approvals.waiting(self.tenant, who, wanted)
        if found is None:
            told = {name: wanted[name] for name in ("pipeline_id", "environment", "params")}
            with self._change("approval.ask", after=told) as note:
                found = self.store.approvals.ask(self.tenant, who, wanted)
                note.target = found.approval_id
        return self._approval_view(found)

    @needs("viewer")
    def approvals(self, status: str = "") -> list[ApprovalView]:
        """The newest 100 first, those of one state (WAITING, APPROVED, REFUSED, EXPIRED) or all. Raises InputError for another one."""
        from flows.store.approvals import STATES

        if status and status not in STATES:
            raise InputError(f"an approval has no state {status!r}", where="status", fix=f"Use {', '.join(STATES)}")
        return [self._approval_view(found) for found in self.store.approvals.list(self.tenant, status)]

    @needs("viewer")
    def approval(self, approval_id: str) -> ApprovalView:
        """One request with its spec in plain English. Raises MissingError."""
        from flows.spec.words import explain

        found = self.store.approvals.get(self.tenant, approval_id)
        return self._approval_view(found, explain(self._spec(found)))

    @needs("editor")
    def approve(self, approval_id: str) -> Run:
        """Say yes: the run is queued as it was asked for, in one transaction with the decision, so that it starts once or not at all.

        Raises MissingError, InputError for one that is decided or over, ForbiddenError for a lower role than the run needs and for the
        key that asked, DuplicateRun while the pipeline runs (the request waits on), and all that `submit` raises.
        """
        found = self._decidable(approval_id)
        self._still_asked(found)
        self._sample()
        asked = found.asked
        with self._change("approval.approve", approval_id) as note:
            self.store.approvals.decide(self.tenant, approval_id, "APPROVED", by=self.identity.who)
            run = self.submit(asked["spec"], params=asked["params"], environment=asked["environment"], trigger_by="mcp")
            self.store.approvals.began(self.tenant, approval_id, run.run_id)
            note.after = {"run_id": run.run_id, "asked_by": found.author}
        return run

    @needs("editor")
    def refuse(self, approval_id: str) -> ApprovalView:
        """Say no: nothing runs. Raises as `approve`."""
        found = self._decidable(approval_id)
        with self._change("approval.refuse", approval_id, after={"asked_by": found.author}):
            return self._approval_view(self.store.approvals.decide(self.tenant, approval_id, "REFUSED", by=self.identity.who))

    # ---- inside

    def _wanted(self, given: Given, params: Mapping[str, str] | None, environment: str) -> dict[str, Any]:
        """What is kept of a request; the day that it means today is written down."""
        self._may_run(self.identity, environment)
        source = self._runnable(given, environment)
        values = self._values(source, params or {})
        who = self.identity
        day = {} if any(p.name == "run_date" for p in source.spec.parameters) else {"run_date": str(values["run_date"])[:10]}
        return {"pipeline_id": str(values["pipeline_id"]), "name": source.spec.name or "", "environment": environment,
                "spec": source.spec.as_dict(), "kind": who.kind, "key_id": who.key_id, "run_date": str(values["run_date"])[:10],
                "writes": _written(source.spec, values), "params": {**day, **{p.name: values[p.name] for p in source.spec.parameters}}}

    @staticmethod
    def _may_run(who: Identity, environment: str) -> None:
        who.must(ROLE.get(environment, "editor"), f"run in {environment}")

    def _decidable(self, approval_id: str) -> Approval:
        """The request, when this somebody may decide it."""
        found, who = self.store.approvals.get(self.tenant, approval_id), self.identity
        self._may_run(who, found.asked["environment"])
        same = who.kind in (KEY, ROOT) and (who.kind, who.key_id) == (found.asked["kind"], found.asked["key_id"])
        if same or self.via == "mcp":
            raise ForbiddenError("what has asked for an approval cannot give it",
                                 fix="A person decides, in the app or with a key of their own")
        return found

    def _still_asked(self, found: Approval) -> None:
        """A key that has been taken away since, or is over, asks for nothing any more."""
        if found.asked["kind"] != KEY:
            return
        key = self.store.keys.get(self.tenant, found.asked["key_id"])
        over = key.expires_at is not None and key.expires_at <= datetime.now(key.expires_at.tzinfo)
        if key.revoked_at is not None or over:
            raise InputError(f"the key that asked, {key.name!r}, opens nothing any more", where=found.approval_id, fix="Refuse the request")

    @staticmethod
    def _spec(found: Approval) -> Any:
        from flows.spec.model import FlowSpec

        return FlowSpec.model_validate(found.asked["spec"])

    def _approval_view(self, found: Approval, explained: str = "") -> ApprovalView:
        asked = found.asked
        return ApprovalView(found.approval_id, asked["pipeline_id"], asked["name"], asked["environment"], dict(asked["params"]),
                            self._words(asked), found.author, found.status, found.decided_by, found.run_id, found.created_at,
                            found.expires_at, found.decided_at, explained)

    @staticmethod
    def _words(asked: Mapping[str, Any]) -> str:
        """`Run "Daily revenue" in production for 2025-11-15: 4 steps, writes mart.revenue.` Names are clipped and on one line."""
        steps, tables = len(asked["spec"]["steps"]), asked["writes"]
        more = f" and {several(len(tables) - SHOWN, 'more table')}" if len(tables) > SHOWN else ""
        writes = f", writes {', '.join(_line(t) for t in tables[:SHOWN])}{more}" if tables else ""
        where = "in production" if asked["environment"] == "production" else "locally"
        name = _line(asked["name"] or asked["pipeline_id"])
        return f'Run "{name}" {where} for {asked["run_date"]}: {several(steps, "step")}{writes}.'


def _written(spec: FlowSpec, values: Mapping[str, Any]) -> list[str]:
    """The tables that steps name as their destination, each once, with the values of this run."""
    from flows.spec.placeholder import as_text, fill

    named = [str((step.destination or {}).get("table") or "") for step in spec.steps]
    return list(dict.fromkeys(as_text(fill(name, values, "destination.table")) for name in named if name))


def _line(text: str) -> str:
    """A name as one line of printable characters."""
    clean = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return clean if len(clean) <= NAME else clean[: NAME - 1] + "…"
