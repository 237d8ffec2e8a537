"""Tells Prefect what runs by itself, over plain HTTP: the control store is the truth, Prefect's deployments are made from it.

What a person changed in Prefect's own pages stays: schedules that they added, a schedule that they switched off or on, parameters and
job variables. What was lost there (a deleted database, a deleted deployment) is told anew.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import httpx

from flows.run.child import ENTRYPOINT
from flows.run.reconcile import FLOW, POOL
from flows.scrub import Scrubber

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from flows.settings import Settings
    from flows.store import Store
    from flows.store.deployments import Deployment, Key

EVERY, LOOK = 1.0, 10.0  # seconds
HOLD = 60.0  # seconds that telling may take before somebody else tries
PAGE = 100
SLUG = "penstock-"
TEXT = 300
SCHEMA = {
    "type": "object", "required": ["spec"],
    "properties": {
        "spec": {"title": "spec", "type": "object", "position": 0, "description": "The pipeline, as the release has it."},
        "run_id": {"title": "run_id", "type": "string", "default": "", "position": 1},
        "environment": {"title": "environment", "type": "string", "default": "local", "position": 2},
        "params": {"title": "params", "type": "object", "default": {}, "position": 3, "description": "Values of its parameters."},
        "version": {"title": "version", "type": "integer", "default": 0, "position": 4},
    },
}

log = logging.getLogger("penstock.deploy")


def address(settings: Settings, store: Store) -> str:
    """Prefect's API; "" while nobody knows where it is."""
    if settings.prefect_url:
        return settings.prefect_url.rstrip("/").removesuffix("/api") + "/api"
    for runner in store.runners.alive():
        if runner.info.get("prefect"):
            return f"{runner.info['prefect']}/api"
    return ""


# ---- chores of the runner

def work(settings: Settings, store: Store) -> None:
    """Tell what is due; what Prefect does not take now is put off, longer each time."""
    due = store.deployments.due()
    api = address(settings, store) if due else ""
    for each in due if api else ():
        tell(store, each.key, api)


def look(settings: Settings, store: Store) -> None:
    """Look whether Prefect still has what it was told, what people have switched there, and how the work pools are."""
    live = store.deployments.live()
    api = address(settings, store) if live else ""
    if not api:
        return
    try:
        with httpx.Client(base_url=api, timeout=10) as client:
            there = {each["id"]: each for each in _read(client, [one.prefect_id for one in live])}
            for given in live:
                _compare(store, given, there.get(given.prefect_id))
            for pool in sorted({one.pool for one in live}):
                store.deployments.note_pool(pool, _pool(client, pool))
    except (httpx.HTTPError, KeyError, TypeError, ValueError) as error:
        log.info("Prefect does not answer: %s", error)


def _compare(store: Store, given: Deployment, there: dict[str, Any] | None) -> None:
    if there is None or there.get("version") != str(given.release) or not _ours(there):
        log.warning("%s: Prefect has it no more as it was told, it is told again", name_of(given))
        store.deployments.again(given)
        return
    paused = _paused(there)
    if paused != (given.told or {}).get("paused"):
        _adopted(store, given, paused)


def _adopted(store: Store, given: Deployment, paused: bool) -> None:
    from flows.store.audit import Note

    note = Note("pause" if paused else "resume", f"{given.pipeline_id}/{given.environment}", {"paused": given.paused}, {"paused": paused})
    with store.change(given.tenant_id, note, who="prefect", role="operator", via="prefect"):
        store.deployments.adopt(given, paused)
    log.info("%s was switched %s in Prefect", name_of(given), "off" if paused else "on")


def _pool(client: httpx.Client, name: str) -> dict[str, Any]:
    """Whether it is there, whether it is paused, and when a worker polled last."""
    found = client.get(f"/work_pools/{name}")
    if found.status_code == httpx.codes.NOT_FOUND:
        return {"there": False}
    pool = found.raise_for_status().json()
    workers = client.post(f"/work_pools/{name}/workers/filter", json={}).raise_for_status().json()
    polled = max((str(worker.get("last_heartbeat_time") or "") for worker in workers), default="")
    return {"there": True, "paused": bool(pool.get("is_paused")), "polled": polled}


# ---- one deployment

def name_of(given: Deployment) -> str:
    return f"{given.tenant_id}.{given.pipeline_id}.{given.environment}"


def tell(store: Store, key: Key, api: str) -> bool:
    """Tell Prefect about one deployment, unless somebody does so now. True when it knows; what goes wrong is noted, not raised."""
    given = store.deployments.claim(key, HOLD)
    if given is None:
        return False
    try:
        with httpx.Client(base_url=api, timeout=httpx.Timeout(10, connect=2)) as client:
            if given.status == "REMOVING":
                _remove(client, given)
                store.deployments.gone(given)
            else:
                prefect_id, told = _put(client, given, store.specs.get(given.tenant_id, given.pipeline_id, given.version).spec)
                store.deployments.told(given, prefect_id, told)
        return True
    except (httpx.HTTPError, KeyError, TypeError, ValueError) as error:
        words = Scrubber()(_words(error, given))
        seconds = store.deployments.failed(given, words)
        log.warning("%s: %s It is tried again in %g s.", name_of(given), words, seconds)
        return False


def _put(client: httpx.Client, given: Deployment, spec: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Make Prefect's deployment, or put this release into the one that is there; gives its id and what was told."""
    flow = client.post("/flows/", json={"name": FLOW}).raise_for_status().json()["id"]
    old = _find(client, given) or {}
    told = {"paused": _kept_pause(given, old), "params": _kept_params(given, old), "base": given.params}
    body = {
        "name": name_of(given), "flow_id": flow, "entrypoint": ENTRYPOINT, "version": str(given.release), "paused": told["paused"],
        "description": f"{given.pipeline_id}, version {given.version}. Deployed by Penstock: change it there.",
        "tags": sorted({"penstock", f"tenant:{given.tenant_id}", *old.get("tags", ())}),
        "work_pool_name": given.pool, "schedules": [*_schedules(given), *_foreign(old)],
        "parameters": {**_known(old), "spec": spec, "run_id": "", "environment": given.environment, "params": told["params"],
                       "version": given.version},
        "parameter_openapi_schema": SCHEMA, "enforce_parameter_schema": True, "job_variables": _variables(given, old),
    }
    made = client.post("/deployments/", json=body).raise_for_status().json()
    return str(made["id"]), told


def _kept_pause(given: Deployment, old: dict[str, Any]) -> bool:
    """Ours, unless a person has switched it in Prefect and nobody here since."""
    told = (given.told or {}).get("paused")
    if not old or told is None or _paused(old) == told or given.paused != told:
        return given.paused
    return _paused(old)


def _kept_params(given: Deployment, old: dict[str, Any]) -> dict[str, Any]:
    """Those of the release, unless a person has changed them in Prefect and they were not given anew."""
    told = given.told or {}
    there = (old.get("parameters") or {}).get("params")
    if not isinstance(there, dict) or "params" not in told:
        return given.params
    if there != told["params"] or told.get("base") == given.params:
        return there
    return given.params


def _known(old: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = SCHEMA["properties"]  # type: ignore[assignment]
    return {name: value for name, value in (old.get("parameters") or {}).items() if name in properties}


def _schedules(given: Deployment) -> list[dict[str, Any]]:
    """Ours, by name; intervals count from one fixed moment, so that telling it anew moves none."""
    from flows.spec.times import ANCHOR

    found = []
    for number, each in enumerate(given.schedules, 1):
        timing = {"cron": each["cron"], "timezone": each.get("timezone", "UTC")} if each.get("cron") else \
            {"interval": each["interval_seconds"], "anchor_date": ANCHOR.isoformat(), "timezone": "UTC"}
        found.append({"slug": f"{SLUG}{number}", "active": True, "schedule": timing})
    return found


def _foreign(old: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What people added in Prefect."""
    for each in old.get("schedules") or ():
        if not str(each.get("slug") or "").startswith(SLUG):
            yield {name: each[name] for name in ("schedule", "active", "slug", "parameters") if each.get(name) is not None}


def _ours(there: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in there.get("schedules") or () if str(each.get("slug") or "").startswith(SLUG)]


def _paused(there: dict[str, Any]) -> bool:
    """Switched off as a whole, or our schedule alone."""
    mine = _ours(there)
    return bool(there.get("paused")) or (bool(mine) and not any(each.get("active") for each in mine))


def _variables(given: Deployment, old: dict[str, Any]) -> dict[str, Any]:
    kept = dict(old.get("job_variables") or {})
    return {**kept, "env": {**(kept.get("env") or {}), "PENSTOCK_TENANT": given.tenant_id}}


def _find(client: httpx.Client, given: Deployment) -> dict[str, Any] | None:
    asked = {"deployments": {"name": {"any_": [name_of(given)]}}, "flows": {"name": {"any_": [FLOW]}}}
    found: list[dict[str, Any]] = client.post("/deployments/filter", json=asked).raise_for_status().json()
    return found[0] if found else None


def _read(client: httpx.Client, ids: Iterable[str]) -> Iterator[dict[str, Any]]:
    asked = [each for each in ids if each]
    for start in range(0, len(asked), PAGE):
        wanted = {"deployments": {"id": {"any_": asked[start:start + PAGE]}}, "limit": PAGE}
        yield from client.post("/deployments/filter", json=wanted).raise_for_status().json()


def _remove(client: httpx.Client, given: Deployment) -> None:
    old = _find(client, given)
    if old is not None:
        client.delete(f"/deployments/{old['id']}").raise_for_status()


def _words(error: Exception, given: Deployment) -> str:
    if isinstance(error, httpx.HTTPStatusError) and not error.response.is_server_error:
        if error.response.status_code == httpx.codes.NOT_FOUND and given.pool in error.response.text:
            made = "the runner makes it when it starts" if given.pool == POOL else f"make it: prefect work-pool create {given.pool}"
            return f"There is no work pool {given.pool!r} in Prefect: {made}."
        return f"Prefect refuses it: {_said(error.response)[:TEXT]}."
    if isinstance(error, httpx.HTTPError):
        return "Prefect's server does not answer."
    return f"Prefect's answer makes no sense ({type(error).__name__})."


def _said(response: httpx.Response) -> str:
    try:
        detail = response.json()
    except ValueError:
        return f"status {response.status_code}"
    said = detail.get("detail") or detail.get("exception_detail") if isinstance(detail, dict) else None
    return said if isinstance(said, str) else json.dumps(said or detail)
