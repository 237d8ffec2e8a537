"""What the control store gives back: frozen rows, times aware and in UTC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

OPEN = ("PENDING", "RUNNING")
"""States of a run that hold the claim on its pipeline."""
FINAL = ("SUCCESS", "FAILED", "CANCELLED", "CRASHED")
"""States of a run that never change again."""
AT_ONCE = 16
"""So many days of one backfill may run side by side."""
STEP_OPEN = ("PENDING", "RUNNING", "RETRYING")
STEP_FINAL = ("SUCCESS", "FAILED", "SKIPPED", "CANCELLED", "TIMED_OUT")


@dataclass(frozen=True)
class SpecVersion:
    """One saved state of a pipeline's spec. `digest` is the SHA-256 of its canonical JSON; versions count from 1."""

    tenant_id: str
    pipeline_id: str
    version: int
    digest: str
    spec: dict[str, Any]
    text: str
    author: str
    created_at: datetime
    certificate: dict[str, Any] | None = None  # see `Specs.certify`


@dataclass(frozen=True)
class NewRun:
    """A run that somebody asks for. `folders` are the absolute folders its files may be in; `flow_run_id` is the flow run that a
    schedule of Prefect has made for it already."""

    tenant_id: str
    pipeline_id: str
    spec: dict[str, Any]
    version: int | None = None
    params: dict[str, Any] = field(default_factory=dict)
    environment: str = "local"
    trigger_by: str = ""
    run_date: date | str = ""  # as ISO text when it is text
    folders: Sequence[str] = ()
    resume_of: str | None = None
    flow_run_id: str = ""
    backfill_id: str = ""
    backfill_day: int = 0
    backfill_days: int = 0
    due_at: datetime | None = None  # when a schedule wanted it to begin
    lane: int = 0  # for a day of a backfill: which of its places at work it takes


@dataclass(frozen=True)
class Run:
    """A run: what was asked for, who works on it (`owner` until `lease_until`, the `attempt`-th try), and how it ended."""

    run_id: str
    tenant_id: str
    pipeline_id: str
    version: int | None
    spec: dict[str, Any]
    params: dict[str, Any]
    environment: str
    trigger_by: str
    run_date: str
    folders: tuple[str, ...]
    status: str
    error: str
    owner: str
    lease_until: datetime | None
    attempt: int
    cancel: bool
    resume_of: str
    flow_run_id: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    name: str = ""
    backfill_id: str = ""  # the backfill that asked for it, and which of its days this is: 3 of 7
    backfill_day: int = 0
    backfill_days: int = 0
    estimate: dict[str, Any] | None = None  # what its price tag said before it began, in production
    due_at: datetime | None = None  # when a schedule wanted it to begin, None for what somebody started

    @property
    def ended(self) -> bool:
        return self.status in FINAL


@dataclass(frozen=True)
class Flight:
    """A run and the flow run of Prefect that works for it, "" before there is one."""

    run_id: str
    status: str
    flow_run_id: str


@dataclass(frozen=True)
class RunStats:
    """The runs of the last hours: `total` that were asked for, how many of them ended how, and how many are at work now.

    `failed` counts FAILED and CRASHED, `stopped` CANCELLED; `median_seconds` is that of the succeeded ones, None without any.
    """

    running: int
    total: int
    succeeded: int
    failed: int
    stopped: int
    median_seconds: float | None


@dataclass(frozen=True)
class NewBackfill:
    """A row of runs that somebody asks for. `days`: {"run_date": ISO text, "params": values of that run}, in the order of the runs."""

    tenant_id: str
    pipeline_id: str
    spec: dict[str, Any]
    days: Sequence[dict[str, Any]]
    version: int | None = None
    params: dict[str, Any] = field(default_factory=dict)
    environment: str = "local"
    trigger_by: str = ""
    folders: Sequence[str] = ()
    at_once: int = 1


@dataclass(frozen=True)
class Backfill:
    """A durable row of runs, `at_once` of them side by side. `status`: RUNNING, DONE, STOPPED (by a person) or FAILED (`error` names
    the days). The first `position` days are done; of the days after it some may be, see `Backfills.days`.
    """

    backfill_id: str
    tenant_id: str
    pipeline_id: str
    version: int | None
    spec: dict[str, Any]
    params: dict[str, Any]
    days: tuple[dict[str, Any], ...]
    environment: str
    trigger_by: str
    folders: tuple[str, ...]
    position: int
    status: str
    error: str
    at_once: int
    created_at: datetime
    ended_at: datetime | None

    @property
    def ended(self) -> bool:
        return self.status != "RUNNING"

    @property
    def dates(self) -> tuple[date, ...]:
        return tuple(date.fromisoformat(day["run_date"]) for day in self.days)


@dataclass(frozen=True)
class Day:
    """A day of a backfill that has been begun: its newest run, and how many of its newest runs were lost with their processes, one
    after the other. `again`: the run has ended without success, and the day is to be run once more. Days count from 1."""

    day: int
    run_id: str
    status: str
    error: str
    again: bool
    lane: int
    crashes: int

    @property
    def open(self) -> bool:
        return self.status in OPEN


@dataclass(frozen=True)
class StepRow:
    """One step of a run as it stands in the run book. `result` is what a resumed run needs to go on without repeating it."""

    run_id: str
    step_id: str
    name: str
    ps_type: str
    position: int
    status: str
    attempts: int
    started_at: datetime | None
    ended_at: datetime | None
    rows_processed: int | None
    error: str
    result: dict[str, Any] | None

    @property
    def ended(self) -> bool:
        return self.status in STEP_FINAL


@dataclass(frozen=True)
class NewMessage:
    """Somebody is to be told of a run's end. `channel`: slack | email; `event` is what the spec named: failure, success, always or
    anomaly; `error` says why this one cannot even be tried."""

    tenant_id: str
    channel: str
    target: str
    event: str
    error: str = ""


@dataclass(frozen=True)
class Message:
    """A notification of a run's end. `status`: WAITING (until `next_at`; until `lease_until` somebody is sending it), SENT, or FAILED
    (given up); `error` is that of the last try."""

    message_id: str
    run_id: str
    tenant_id: str
    channel: str
    target: str
    event: str
    status: str
    attempts: int
    error: str
    lease_until: datetime | None
    next_at: datetime | None
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class Runner:
    """A process that works on runs, known by its last sign of life."""

    owner: str
    info: dict[str, Any]
    started_at: datetime
    beat_at: datetime


@dataclass(frozen=True)
class Chat:
    """A conversation. `body` is its account as plain data, empty where only a list was asked for."""

    tenant_id: str
    chat_id: str
    title: str
    created_at: datetime
    updated_at: datetime
    body: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Procedure:
    """A stored procedure of the local warehouse. `name` is dataset.name; `arguments` are [{name, type, mode}]; `sha256` is that of the
    text without comments and needless space."""

    tenant_id: str
    name: str
    sha256: str
    text: str
    arguments: list[dict[str, str]]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class LakeFile:
    """One immutable Parquet file of a table. `slice` is its slice key, `partition` its partition value as text ('' without one).

    A new file needs `path`, `rows` and `bytes`; the store fills in `id`, `tenant_id`, `table` and the times.
    """

    path: str
    rows: int
    bytes: int
    partition: str = ""
    slice: dict[str, Any] = field(default_factory=dict)
    run_id: str = ""
    id: int = 0
    tenant_id: str = ""
    table: str = ""
    created_at: datetime | None = None
    dropped_at: datetime | None = None


@dataclass(frozen=True)
class LakeTable:
    """A table of the lake: `name` is dataset.table, `version` counts its swaps, `spec` says columns, partition, cluster and keys."""

    tenant_id: str
    name: str
    version: int
    spec: dict[str, Any]
    created_at: datetime
    updated_at: datetime
