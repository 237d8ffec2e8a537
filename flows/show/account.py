"""What is told of a run to somebody who did not see it: how it ended, when, how many rows, what failed first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime

from flows.show import units
from flows.show.states import BAD, state

ERROR = 500  # characters of an error
WROTE = (".load", ".export", "_to_bigquery")  # kinds of steps whose rows are the run's result
NAMED = 5  # steps that are named
ENDED = {"SUCCESS": "succeeded", "FAILED": "failed", "CRASHED": "crashed", "CANCELLED": "was stopped"}


@dataclass(frozen=True)
class StepAccount:
    """One step, as it stands."""

    step_id: str
    ps_type: str
    status: str
    rows: int | None = None
    error: str = ""


@dataclass(frozen=True)
class Account:
    """One run, as it stands. `address` is where it can be seen, "" where nobody knows; `anomalies` counts the flagged rows."""

    tenant_id: str
    pipeline_id: str
    name: str
    run_id: str
    status: str
    environment: str
    run_date: str
    started_at: datetime | None = None
    ended_at: datetime | None = None
    steps: tuple[StepAccount, ...] = ()
    error: str = ""
    anomalies: int = 0
    address: str = ""

    @property
    def title(self) -> str:
        return self.name or self.pipeline_id

    @property
    def broken(self) -> StepAccount | None:
        """The first step that failed, in the order of the plan."""
        return next((step for step in self.steps if step.status in BAD), None)


def headline(account: Account, event: str = "") -> str:
    """`Daily revenue failed`, `Daily revenue succeeded, with 3 anomalies`; of a run at work `Daily revenue is running, load failed`."""
    if account.status not in ENDED:
        return f"{account.title} is running" + (f", {account.broken.step_id} failed" if account.broken else "")
    odd = f", with {units.several(account.anomalies, 'anomaly', 'anomalies')}" if event == "anomaly" else ""
    return f"{account.title} {ENDED[account.status]}{odd}"


def facts(account: Account) -> list[tuple[str, str]]:
    """(label, words), in the order of a reader's questions."""
    found = [("When", _when(account)), ("Failed", _failed(account)), ("Steps", _steps(account)), ("Rows", _rows(account))]
    if account.anomalies:
        found.append(("Anomalies", f"{units.rows(account.anomalies)} flagged"))
    day = f" for {units.day(date.fromisoformat(account.run_date))}" if account.run_date else ""
    found.append(("Run", f"{account.run_id} of {account.pipeline_id}{day}, {account.environment}, tenant {account.tenant_id}"))
    return [(label, words) for label, words in found if words]


def clip(text: str, most: int = ERROR) -> str:
    """On one line, cut where it is too long."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def _when(account: Account) -> str:
    began, ended = account.started_at, account.ended_at
    if ended is None:
        return f"since {units.clock(began)}" if began else ""
    return units.clock(ended) + (f", after {units.seconds((ended - began).total_seconds())}" if began else "")


def _failed(account: Account) -> str:
    if account.broken is not None:
        how = "took too long" if account.broken.status == "TIMED_OUT" else "failed"
        why = clip(account.broken.error or account.error)
        return f"step {account.broken.step_id} {how}" + (f": {why}" if why else "")
    return clip(account.error) if account.status != "SUCCESS" else ""


def _steps(account: Account) -> str:
    if not account.steps:
        return ""
    counted = Counter(state(step.status, of="step").word.lower() for step in account.steps)
    good = counted.pop("succeeded", 0)
    rest = "".join(f", {number} {word}" for word, number in counted.items())
    return f"{good} of {units.count(len(account.steps))} succeeded{rest}"


def _rows(account: Account) -> str:
    counted = [step for step in account.steps if step.rows is not None and step.status == "SUCCESS"]
    told = [step for step in counted if step.ps_type.endswith(WROTE)] or counted[-1:]
    said = [f"{step.step_id} {units.rows(step.rows or 0)}" for step in told[:NAMED]]
    return ", ".join(said) + (f" and {units.several(len(told) - NAMED, 'more step')}" if len(told) > NAMED else "")
