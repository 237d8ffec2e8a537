"""What bodies look like, and what answers hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from fastapi import Header, Path, Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.rest.problem import KIND
from flows.errors import InputError
from flows.service import Penstock
from flows.spec.model import FlowSpec

Environment = Literal["local", "production"]
Level = Literal["syntax", "semantic", "full"]
Name = Annotated[str, Field(min_length=1, max_length=200)]
PipelineId = Annotated[str, Path(description="A stored pipeline's id", examples=["daily-revenue"], min_length=1, max_length=200)]
Limit = Annotated[int, Query(ge=1, le=200, description="How many at most")]
DAY = re.compile(r"\d{4}-\d\d-\d\d")
FIRST, LAST = date(1970, 1, 1), date(2999, 12, 31)
IDEMPOTENCY = Annotated[str | None, Header(
    alias="Idempotency-Key", max_length=200, examples=["7f1c2e1c-0f4e-4a52-9b2e-5d0a5d6f9d11"],
    description="The same key with the same body within a day gives the answer of the first time and starts nothing; "
                "with another body it is refused with 422.")]


def _day(value: Any) -> date:
    if isinstance(value, str) and DAY.fullmatch(value):
        found = date.fromisoformat(value)
        if FIRST <= found <= LAST:
            return found
    raise ValueError(f"write a day from {FIRST} to {LAST}, like 2025-11-15")


Day = Annotated[date, BeforeValidator(_day)]
Value = str | bool | int | float
Params = Annotated[dict[Annotated[str, Field(max_length=100)], Value], Field(max_length=100)]


class Body(BaseModel):
    """A body whose fields are all known."""

    model_config = ConfigDict(extra="forbid")


class Given(Body):
    """A pipeline, named or whole. Exactly one of the first four is given."""

    pipeline_id: Name | None = Field(None, description="A stored pipeline", examples=["daily-revenue"])
    template: Name | None = Field(None, description="A template by its name", examples=["gallery/basic_etl"])
    spec: dict[str, Any] | None = Field(None, description="The spec as data")
    yaml: Annotated[str, Field(max_length=262_144)] | None = Field(None, description="The spec as YAML text")

    def of(self, mine: Penstock) -> FlowSpec | dict[str, Any] | str:
        """What the service takes. No text of a caller is ever taken for the path of a file."""
        given = [self.pipeline_id, self.template, self.spec, self.yaml]
        if sum(each is not None for each in given) != 1:
            raise InputError("exactly one of pipeline_id, template, spec and yaml says which pipeline it is", where="body")
        if self.pipeline_id is not None:
            return mine.stored(self.pipeline_id).spec
        if self.template is not None:
            return mine.template(self.template).spec
        return self.spec if self.spec is not None else f"{self.yaml}\n"


class RunBody(Body):
    """How a pipeline is run."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"date": "2025-11-15", "trigger_by": "test"}]})

    date: Day | None = Field(None, description="The run date; today in UTC when left out")
    trigger_by: Annotated[str, Field(max_length=80)] = Field("", description="Who or what asks, for the run book: it is kept behind the "
                                                                             "name of the key")
    params: Params = Field(default_factory=dict, description="Values for the parameters of the pipeline")
    environment: Environment = "local"
    async_mode: bool = Field(True, description="false: wait up to 30 seconds for the end; the answer is 200 then, else 202")
    resume: Name | None = Field(None, description="The id of a run that did not succeed: its finished steps are kept")

    def values(self) -> dict[str, str]:
        if self.date is not None and "run_date" in self.params:
            raise InputError("the run date is given twice", where="params.run_date", fix="Leave one of date and params.run_date out")
        day = {"run_date": self.date.isoformat()} if self.date is not None else {}
        return {**texts(self.params), **day}


class RunGiven(Given, RunBody):
    """A pipeline of any form, and how it is run."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"pipeline_id": "daily-revenue", "date": "2025-11-15"}]})


def asker(mine: Penstock, said: str) -> str:
    """Nobody can pose as another: what a caller says stands behind the name of the key."""
    said = re.sub(r"[^\w.@ -]", "", said).strip()
    return f"api:{mine.identity.who}" + (f":{said}" if said else "")


def texts(params: Mapping[str, Any]) -> dict[str, str]:
    """Values of parameters as the service reads them."""
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in params.items()}


def moment(text: str | None, where: str) -> datetime | None:
    """A day or a time; UTC unless it has a zone. Raises InputError."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text.replace(" ", "+"))  # a plus that was not encoded
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found
        if FIRST < found.date() < LAST:
            return found.astimezone(UTC)
    except ValueError:
        pass
    raise InputError(f"{text[:40]!r} is no time", where=where, fix="Write it as 2025-11-15 or 2025-11-15T10:00:00Z")


# ---- answers, for the documentation; more fields may come


class Answer(BaseModel):
    model_config = ConfigDict(extra="allow")


class Finding(Answer):
    path: str
    code: str
    message: str


class ProblemBody(Answer):
    """An error (RFC 9457). `code` is for programs and does not change, `detail` is for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    where: str | None = None
    fix: str | None = None
    errors: list[Finding] | None = None


class Part(Answer):
    name: str
    state: Literal["ok", "starting", "down"]


class Health(Answer):
    """`status` is the worst state of a part."""

    status: Literal["ok", "starting", "down"]
    parts: list[Part]


class RunSummary(Answer):
    run_id: str
    pipeline_id: str
    status: Literal["PENDING", "RUNNING", "SUCCESS", "FAILED", "CANCELLED", "CRASHED"]
    environment: str
    run_date: str
    trigger_by: str
    created_at: str
    links: dict[str, str]


class RunPage(Answer):
    runs: list[RunSummary]
    next_cursor: str | None


class RunDetail(RunSummary):
    steps: list[dict[str, Any]]
    logs: list[dict[str, Any]]
    error: str | None


class Verdict(Answer):
    ok: bool
    level: str
    problems: list[Finding]


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route for the documentation: these, and those that each route can answer with."""
    words = {400: "No JSON, or not of one meaning", 401: "No key, or one that opens nothing", 403: "The role of the key may not do it",
             404: "Not there, or not of this organisation", 405: "Not offered", 409: "Something is in the way",
             413: "Larger than 1 MiB", 415: "Not JSON", 422: "It does not hold", 429: "A quota is used up", 500: "An error of ours",
             501: "A package is missing here", 503: "Something needed does not answer"}
    every = {400, 401, 403, 404, 413, 422, 503, *statuses}
    return {status: {"model": ProblemBody, "description": words[status], "content": {KIND: {}}} for status in sorted(every)}
