"""What an organisation may do and who may do it: checks before and after a run, procedures, keys, limits, the audit log."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import ConfigDict, Field

from app.rest.pipelines import plain
from app.rest.problem import Plain, of
from app.rest.shape import Answer, Body, Environment, Finding, Given, Level, Name, Params, moment, problems, texts
from app.rest.strict import StrictRoute
from app.rest.who import Me, Org
from flows.errors import InputError, SpecError, UnreachableError
from flows.service import Penstock

routes = APIRouter(route_class=StrictRoute)
VALIDATOR: list[str | Enum] = ["Validator"]
PROCEDURES: list[str | Enum] = ["Procedures"]
ACCESS: list[str | Enum] = ["Access"]


class AskBody(Given):
    """May this run? Without a pipeline only the quota is looked at."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"template": "gallery/basic_etl"}]})

    environment: Environment = "local"
    level: Level = "semantic"
    params: Params = Field(default_factory=dict)


class May(Answer):
    """`ok` when a run could be queued now; `problems` say what is in the way, `usage` what is used of `limits`."""

    ok: bool
    problems: list[Finding]
    usage: dict[str, Any]
    limits: dict[str, Any]


class DoneBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"run_id": "run-1a2b3c4d5e6f"}]})

    run_id: Name


class SyncBody(Body):
    environment: Environment = "local"


class KeyBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "nightly jobs", "role": "operator"}]})

    name: Annotated[str, Field(min_length=1, max_length=100)]
    role: Literal["viewer", "editor", "operator", "admin"] = "viewer"
    expires_at: Annotated[str, Field(max_length=40)] | None = Field(None, description="A day or a time; never when left out")


@routes.post("/validator/validate/{org}", response_model=May, responses=problems(415), summary="May the organisation run this now?",
             operation_id="validate_org", tags=VALIDATOR)
def may_run(me: Me, org: Org, body: AskBody) -> Response:
    """Judges the pipeline and looks at the quota. Nothing is reserved: that happens when the run is queued, in the same transaction."""
    me.identity.must("viewer", "validate")
    given = any(each is not None for each in (body.pipeline_id, body.template, body.spec, body.yaml))
    found = _findings(me, body) if given else []
    usage, limits = asdict(me.usage()), me.limits()
    found += [{"path": limit, "code": "limit", "message": f"{usage[used]:,} of {limits[limit]:,} are used"}
              for used, limit in (("runs_today", "runs_per_day"), ("runs_at_work", "runs_at_once"), ("runs_waiting", "runs_waiting"),
                                  ("bytes_today", "bytes_per_day"))
              if limits.get(limit) is not None and used in usage and usage[used] >= (limits[limit] or 0)]
    return Plain({"ok": not found, "organisation": me.tenant, "problems": found, "usage": usage, "limits": limits})


def _findings(me: Penstock, body: AskBody) -> list[dict[str, Any]]:
    """What is wrong with the pipeline and with the values that its run would get."""
    try:
        spec = body.of(me)
        found = [each.as_dict() for each in me.validate(spec, level=body.level).problems]
        if not found:
            values = texts(body.params)
            day = values.pop("run_date", datetime.now(UTC).date().isoformat())
            me.backfill_notes(spec, [day], params=values, environment=body.environment)
        return found
    except SpecError as error:
        return [each.as_dict() for each in error.problems]
    except (InputError, UnreachableError) as error:
        told = json.loads(bytes(of(error).body))
        return [{"path": told.get("where", ""), "code": told["code"], "message": told["detail"]}]


@routes.post("/validator/complete/{org}", responses=problems(409, 415), summary="What became of a run, and of the quota",
             operation_id="complete_org", tags=VALIDATOR)
def complete(me: Me, org: Org, body: DoneBody) -> Response:
    """For callers who report the end of a run: its real end and what is used of the quota after it. Nobody needs to give anything back:
    a run does that itself when it ends, also when its machine is lost. `ended` is false while it is at work."""
    run = me.view(body.run_id).run
    return Plain({"run_id": run.run_id, "pipeline_id": run.pipeline_id, "status": run.status, "ended": run.ended,
                  "ended_at": run.ended_at.isoformat() if run.ended_at else None, "usage": asdict(me.usage()), "limits": me.limits()})


@routes.post("/procedures/sync", responses=problems(409, 415), summary="Store the procedures that come with Penstock",
             operation_id="sync_procedures", tags=PROCEDURES)
def sync(me: Me, body: SyncBody) -> Response:
    """Each with what became of it: created, updated, unchanged."""
    return Plain({"environment": body.environment, "procedures": dict(me.sync_procedures(environment=body.environment))})


@routes.get("/procedures/list", responses=problems(409), summary="Stored procedures", operation_id="list_procedures", tags=PROCEDURES)
def list_procedures(me: Me, environment: Environment = "local") -> Response:
    """By name, with their arguments."""
    return Plain({"environment": environment, "procedures": [
        {"name": each.name, "signature": each.signature(), "sha256": each.sha256,
         "arguments": [{"name": name, "type": kind, "mode": mode} for name, kind, mode in each.arguments]}
        for each in me.procedures(environment=environment)]})


# ---- keys, limits, log


@routes.get("/keys", responses=problems(), summary="Keys of the organisation", operation_id="list_keys", tags=ACCESS)
def list_keys(me: Me) -> Response:
    """Never what opens: only how each begins."""
    return Plain({"keys": [plain(each) for each in me.keys()]})  # noqa: SIM118


@routes.post("/keys", status_code=201, responses=problems(415), summary="Make a key", operation_id="create_key", tags=ACCESS)
def create_key(me: Me, body: KeyBody) -> Response:
    """`key` is shown this once."""
    expires = moment(body.expires_at, "expires_at")
    if expires is not None and expires <= datetime.now(UTC):
        raise InputError("it would be over already", where="expires_at", fix="Give a time to come")
    made, text = me.create_key(body.name, body.role, expires_at=expires)
    return Plain({**plain(made), "key": text}, 201, {"Cache-Control": "no-store"})


@routes.delete("/keys/{key_id}", responses=problems(), summary="Revoke a key", operation_id="revoke_key", tags=ACCESS)
def revoke_key(me: Me, key_id: Annotated[str, Path(max_length=100)]) -> Response:
    """It opens nothing from now on."""
    return Plain(plain(me.revoke_key(key_id)))


@routes.get("/usage", responses=problems(), summary="What is used of the quota", operation_id="get_usage", tags=ACCESS)
def get_usage(me: Me) -> Response:
    """Runs of today, at work and waiting, and bytes of BigQuery; null is no limit."""
    return Plain({"usage": asdict(me.usage()), "limits": me.limits()})


@routes.get("/audit", responses=problems(), summary="Who changed what", operation_id="list_audit", tags=ACCESS)
def list_audit(me: Me, action: Annotated[str, Query(max_length=100)] = "", target: Annotated[str, Query(max_length=200)] = "",
               who: Annotated[str, Query(max_length=200)] = "", since: Annotated[str | None, Query(max_length=40)] = None,
               cursor: Annotated[int | None, Query(ge=1, le=2**62)] = None,
               limit: Annotated[int, Query(ge=1, le=200)] = 50) -> Response:
    """Newest first. `action` that ends with a dot is all of its kind, like `key.`."""
    rows = me.audit(action=action, target=target, who=who, since=moment(since, "since"), before=cursor, limit=limit + 1)
    return Plain({"rows": [plain(each) for each in rows[:limit]], "next_cursor": rows[limit - 1].seq if len(rows) > limit else None})
