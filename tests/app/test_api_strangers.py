"""Every route of the REST API and everybody who might ask: no key, a wrong one, one of another organisation, one of a lower role."""

from __future__ import annotations

import json
from functools import cache

import pytest

from flows.errors import UnauthorizedError
from tests.fixtures.rest import CANARY, NAME, OTHER, VICTIM, make

OPEN = {"health"}
ABSENT = {"run": "run-20200101-000000-abcdef", "fill": "fill-20200101-000000-abcdef", "pipeline": "gold-panning", "key": "key-000000000000"}
READS = {"validate_pipelines", "validate_org", "complete_org"}
"""POST routes that a viewer may ask."""


def requests(ids, org):
    """How each operation is asked for what has these ids: path values, query, body."""
    pipeline = {"pipeline_id": ids["pipeline"]}
    run, fill = {"run_id": ids["run"]}, {"backfill_id": ids["fill"]}
    provider, domain, name = NAME.split("/")
    return {
        "health": ({}, {}, None),
        "run_template": ({"org": org, "provider": provider, "domain": domain, "pipeline": name}, {}, {}),
        "run_pipeline": ({}, {}, pipeline),
        "list_runs": ({"org": org}, {}, None),
        "get_run": ({"org": org, **run}, {}, None),
        "get_run_logs": ({"org": org, **run}, {}, None),
        "cancel_run": (run, {}, None),
        "generate_pipeline": ({}, {}, {"description": "copy things"}),
        "plan_pipeline": ({}, {}, {"description": f"run {ids['pipeline']} for yesterday"}),
        "validate_pipelines": ({}, {}, pipeline),
        "preview_pipeline": ({}, {}, pipeline),
        "list_pipelines": ({}, {}, None),
        "get_pipeline": (pipeline, {}, None),
        "get_pipeline_status": (pipeline, {}, None),
        "list_versions": (pipeline, {}, None),
        "diff_versions": (pipeline, {"old": 1, "new": 1}, None),
        "deploy_pipeline": ({}, {}, {**pipeline, "schedule": "0 2 * * *"}),
        "rollback_deployment": (pipeline, {}, {"to": 1}),
        "list_deployments": ({}, {"pipeline_id": ids["pipeline"]}, None),
        "get_deployment": (pipeline, {}, None),
        "list_releases": (pipeline, {}, None),
        "pause_deployment": (pipeline, {}, None),
        "resume_deployment": (pipeline, {}, None),
        "delete_deployment": (pipeline, {}, None),
        "backfill_pipeline": ({}, {}, {**pipeline, "dates": ["2025-11-15"]}),
        "list_backfills": ({}, {"pipeline_id": ids["pipeline"]}, None),
        "get_backfill": (fill, {}, None),
        "stop_backfill": (fill, {}, None),
        "list_templates": ({}, {}, None),
        "get_template": ({"name": NAME}, {}, None),
        "use_template": ({"name": NAME}, {}, {"pipeline_id": "made"}),
        "validate_org": ({"org": org}, {}, pipeline),
        "complete_org": ({"org": org}, {}, run),
        "sync_procedures": ({}, {}, {}),
        "list_procedures": ({}, {}, None),
        "list_keys": ({}, {}, None),
        "create_key": ({}, {}, {"name": "own"}),
        "revoke_key": ({"key_id": ids["key"]}, {}, None),
        "get_usage": ({}, {}, None),
        "list_audit": ({}, {}, None),
    }


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """The victim has a run, a backfill, a pipeline that is deployed, and words that nobody else may see."""
    with pytest.MonkeyPatch.context() as patch:
        made = make(tmp_path_factory.mktemp("api"), patch)
        patch.setattr("flows.scrub._known", ())
        mine = made.of("operator")
        spec = mine.template(NAME).spec
        run = mine.submit(spec, trigger_by=CANARY)
        fill = mine.backfill(spec.model_copy(update={"pipeline_id": "cost-days"}), ["2025-11-01"], trigger_by=CANARY)
        mine.deploy("cost-billing", schedule="0 2 * * *")
        log = made.home / "logs" / VICTIM / f"{run.run_id}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(json.dumps({"timestamp": "2025-11-15T02:00:01.123Z", "level": "info", "event": CANARY}) + "\n", encoding="utf-8")
        made.ids |= {"run": run.run_id, "fill": fill.backfill_id, "pipeline": "cost-billing"}
        yield made
        made.door.close()


@cache
def operations(full):
    document = full.client.get("/api/openapi.json").json()
    return {one["operationId"]: (method.upper(), path) for path, item in document["paths"].items() for method, one in item.items()}


def ask(full, operation, ids, key, *, org=VICTIM, **more):
    method, path = operations(full)[operation]
    values, query, body = requests(ids, org)[operation]
    path = path.removeprefix("/v1").format(**values)
    return full.ask(method, path, key, params=query, **({"json": body} if body is not None else {}), **more)


def test_every_route_is_in_the_matrix(full):
    assert set(operations(full)) == set(requests(full.ids, VICTIM))


def test_without_a_key_that_opens_each_answer_is_the_same(full):
    for operation in set(operations(full)) - OPEN:
        answers = [ask(full, operation, ids, key) for key in (None, "wrong", "revoked", "over", "") for ids in (full.ids, ABSENT)]
        assert {each.status_code for each in answers} == {401}, operation
        assert len({each.text for each in answers}) == 1, operation
        assert all(each.headers["www-authenticate"].startswith("ApiKey") for each in answers)


def test_a_request_ends_with_its_key(full):
    """Revoked, over or in another role while it waits: what it does next is judged anew."""
    made, text = full.of("admin").create_key("short", "operator")
    door = full.door.caller(text, tenant=VICTIM)
    assert door.view(full.ids["run"]).run.run_id == full.ids["run"]
    full.of("admin").revoke_key(made.key_id)
    for ask in (lambda: door.view(full.ids["run"]), lambda: door.cancel(full.ids["run"]), lambda: door.identity):
        with pytest.raises(UnauthorizedError, match="this needs a key that opens something here"):
            ask()


def test_a_cookie_opens_nothing(full):
    for name in ("X-API-Key", "_streamlit_user", "session"):
        found = full.client.get(f"/api/v1/pipelines/{VICTIM}/runs", headers={"Cookie": f"{name}={full.keys['admin']}"})
        assert found.status_code == 401
        assert "set-cookie" not in found.headers


def test_another_organisation_sees_nothing_and_not_even_that_it_is_there(full):
    """An admin of another organisation asks for the victim's things by path and id: as if there were none."""
    before = whole(full)
    for operation, (_, path) in operations(full).items():
        if operation in OPEN:
            continue
        found = ask(full, operation, full.ids, "other", org=VICTIM)
        absent = ask(full, operation, ABSENT, "other", org="nobody")
        assert CANARY not in found.text, operation
        if "{org}" in path:
            assert found.status_code == 404, operation
        # those make something of one's own each time, and words that name a pipeline are read as words
        if operation not in ("use_template", "create_key", "sync_procedures", "plan_pipeline"):
            assert (found.status_code, masked(full, found)) == (absent.status_code, masked(full, absent)), operation
    assert whole(full) == before


def test_no_header_names_another_organisation(full):
    for operation in set(operations(full)) - OPEN:
        found = ask(full, operation, full.ids, "other", org=OTHER, headers={"X-Penstock-Tenant": VICTIM})
        assert found.status_code == 404, operation
        assert CANARY not in found.text


def test_a_viewer_changes_nothing(full):
    before = whole(full)
    for operation, (method, _) in operations(full).items():
        found = ask(full, operation, full.ids, "viewer")
        if method != "GET" and operation not in READS:
            assert (found.status_code, found.json()["code"]) == (403, "forbidden"), operation
        elif operation in ("list_keys", "list_audit"):
            assert found.status_code in (200, 403), operation
        else:
            assert found.status_code == 200, (operation, found.text)
    assert whole(full) == before


def test_the_same_idempotency_key_of_another_organisation_says_nothing(full):
    mine = ask(full, "cancel_run", full.ids, "operator")
    assert mine.status_code == 202
    key, body = {"Idempotency-Key": "shared"}, {"template": NAME, "date": "2025-11-15"}
    first = full.ask("POST", "/pipelines:run", "operator", json=body, headers=key)
    other = full.ask("POST", "/pipelines:run", "other", json=body, headers=key)
    assert (first.status_code, other.status_code) == (202, 202)
    assert first.json()["run_id"] != other.json()["run_id"]
    assert "idempotent-replayed" not in other.headers
    assert CANARY not in other.text


def test_the_root_key_acts_for_the_organisation_that_it_names(full):
    assert CANARY in full.ask("GET", f"/pipelines/{VICTIM}/runs", "root").text
    assert CANARY in full.ask("GET", "/pipelines", "root", headers={"X-Penstock-Tenant": VICTIM}).text
    assert CANARY not in full.ask("GET", f"/pipelines/{OTHER}/runs", "root").text
    assert full.ask("GET", f"/pipelines/{OTHER}/runs", "root", headers={"X-Penstock-Tenant": VICTIM}).status_code == 404
    assert full.ask("GET", "/pipelines/no%20name/runs", "root").status_code == 404


def test_what_anybody_may_know_names_nobody(full):
    for path in ("/api/v1/health", "/health", "/metrics"):
        text = full.client.get(path).text
        for word in (CANARY, VICTIM, OTHER, str(full.home), "cost-billing", "sqlite"):
            assert word not in text.lower(), path


def whole(full):
    """What the victim has, as far as a request could change it."""
    mine = full.of("admin")
    return ([(run.run_id, run.status, run.cancel) for run in mine.find_runs()],
            [fill.as_dict()["status"] for fill in mine.backfills()], [each.as_dict()["paused"] for each in mine.deployments()],
            [(each.pipeline_id, each.version) for each in mine.pipelines()], [(key.key_id, key.revoked_at) for key in mine.keys()],  # noqa: SIM118
            [row.seq for row in mine.audit()])


def masked(full, found):
    """What was answered without the ids that were asked for."""
    text = found.text
    for word in (*full.ids.values(), *ABSENT.values(), VICTIM, "nobody"):
        text = text.replace(word, "ID")
    return text
