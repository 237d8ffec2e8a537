"""The REST API: its routes and their answers, once for each Idempotency-Key, what a body may be, pages, and what is said to strangers."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.rest import BILLING, NAME, OTHER, VICTIM

ROOT = Path(__file__).resolve().parents[2]
RUN = f"/pipelines/run/{VICTIM}/{NAME}"
WORDS = ("Daily revenue: join orders with customers, keep only paid orders, sum amount per day into mart.daily_revenue, every day at 2 AM")


def started(rest, **body):
    found = rest.ask("POST", RUN, json=body)
    assert found.status_code == 202, found.text
    return found.json()


# ---- runs


def test_a_template_of_the_organisation_is_run(rest):
    found = rest.ask("POST", RUN, json={"date": "2025-11-15", "trigger_by": "test"})
    answer = found.json()
    assert found.status_code == 202
    assert (answer["status"], answer["run_date"], answer["pipeline_id"]) == ("PENDING", "2025-11-15", "cost-billing")
    assert answer["trigger_by"].startswith("api:key:operator")
    assert answer["trigger_by"].endswith(":test")
    assert found.headers["location"] == answer["links"]["self"] == f"/api/v1/pipelines/{VICTIM}/runs/{answer['run_id']}"
    shown = rest.client.get(found.headers["location"], headers={"X-API-Key": rest.keys["viewer"]}).json()
    assert (shown["run_id"], shown["status"], shown["steps"], shown["logs"]) == (answer["run_id"], "PENDING", [], [])
    assert "No runner" in shown["why"]
    assert shown["params"] == {"region": "eu"}


def test_nobody_poses_as_another(rest):
    said = started(rest, trigger_by="schedule\n:root: key:admin")["trigger_by"]
    assert said.startswith("api:key:operator")
    assert "\n" not in said
    assert said.count("key:") == 1


def test_a_body_may_be_left_out_where_all_of_it_may(rest):
    first = rest.ask("POST", RUN, headers={"Idempotency-Key": "bare"})
    again = rest.ask("POST", RUN, json={}, headers={"Idempotency-Key": "bare"})
    assert (first.status_code, again.headers["Idempotent-Replayed"], again.json()["run_id"]) == (202, "true", first.json()["run_id"])
    assert rest.ask("POST", "/procedures/sync").status_code == 200
    needed = rest.ask("POST", "/pipelines:generate").json()["errors"][0]
    assert (needed["path"], needed["message"]) == ("body.description", "this field is needed")


def test_a_run_takes_parameters_and_refuses_what_it_does_not_know(rest):
    assert rest.ask("POST", RUN, json={"params": {"region": "us"}}).status_code == 202
    for body, where in (({"params": {"regoin": "us"}}, "regoin"), ({"date": "2025-02-30"}, "date"), ({"date": 20251115}, "date"),
                        ({"dates": []}, "dates"), ({"date": "2025-11-15", "params": {"run_date": "2025-11-16"}}, "params.run_date")):
        found = rest.ask("POST", RUN, json=body)
        assert (found.status_code, found.headers["content-type"]) == (422, "application/problem+json")
        assert where in found.json()["detail"]
    assert rest.ask("POST", RUN, json={"dates": []}).json()["errors"][0]["message"] == "there is no such field. See /api/docs"


def test_a_pipeline_that_runs_is_not_started_twice(rest):
    run = started(rest)
    found = rest.ask("POST", RUN, json={})
    assert (found.status_code, found.json()["code"], found.json()["run_id"]) == (409, "duplicate_run", run["run_id"])


def test_a_run_is_stopped_and_one_that_waits_ends_at_once(rest):
    run = started(rest)["run_id"]
    found = rest.ask("DELETE", f"/pipelines/runs/{run}")
    assert (found.status_code, found.json()["status"]) == (202, "CANCELLED")
    assert rest.ask("DELETE", f"/pipelines/runs/{run}").json()["status"] == "CANCELLED"


def test_who_waits_gets_the_end(rest, monkeypatch):
    """The wait looks at the run book; a run that ends meanwhile is answered with its end."""
    looks = []

    async def nap(_):
        looks.append(1)
        rest.of("operator").cancel(rest.of("viewer").find_runs()[0].run_id)

    monkeypatch.setattr("app.rest.runs.asyncio.sleep", nap)
    found = rest.ask("POST", RUN, json={"async_mode": False})
    assert (found.status_code, found.json()["status"], len(looks)) == (200, "CANCELLED", 1)


def test_runs_come_in_pages_and_by_filter(rest):
    for day in range(1, 6):
        run = started(rest, date=f"2025-11-0{day}")["run_id"]
        rest.ask("DELETE", f"/pipelines/runs/{run}")
    place = f"/pipelines/{VICTIM}/runs"
    seen, cursor = [], ""
    for _ in range(3):
        page = rest.ask("GET", place, "viewer", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [run["run_date"] for run in page["runs"]]
        cursor = page["next_cursor"]
    assert (seen, cursor) == ([f"2025-11-0{day}" for day in (5, 4, 3, 2, 1)], None)
    for wanted, many in (({"status": "CANCELLED"}, 5), ({"status": ["SUCCESS", "FAILED"]}, 0), ({"since": "2999-01-01"}, 0),
                         ({"until": "2999-01-01T00:00:00+02:00"}, 5), ({"pipeline_id": "cost-billing"}, 5), ({"text": "nothing"}, 0)):
        assert len(rest.ask("GET", place, "viewer", params=wanted).json()["runs"]) == many
    other = base64.urlsafe_b64encode(b"run-of-nobody").decode().rstrip("=")
    for wrong in ({"cursor": "?"}, {"cursor": other}, {"since": "yesterday"}, {"status": "DONE"}, {"limit": 0}, {"limit": 201}):
        assert rest.ask("GET", place, "viewer", params=wrong).status_code == 422


# ---- once


def test_the_same_key_and_body_is_the_same_run(rest):
    body, key = {"date": "2025-11-15", "trigger_by": "test"}, {"Idempotency-Key": "one"}
    first, again = (rest.ask("POST", RUN, json=body, headers=key) for _ in range(2))
    turned = rest.ask("POST", RUN, json=dict(reversed(body.items())), headers=key)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json() == turned.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    other = rest.ask("POST", RUN, json={"date": "2025-11-16"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len(rest.of("viewer").find_runs()) == 1
    for wrong in ("", "with space", "é".encode(), "x" * 201):
        assert rest.ask("POST", RUN, json=body, headers={"Idempotency-Key": wrong}).status_code == 422


def test_what_was_refused_may_be_tried_again_with_its_key(rest):
    run, key = started(rest)["run_id"], {"Idempotency-Key": "two"}
    assert rest.ask("POST", RUN, json={}, headers=key).status_code == 409
    rest.ask("DELETE", f"/pipelines/runs/{run}")
    assert rest.ask("POST", RUN, json={}, headers=key).status_code == 202


def test_a_key_of_another_organisation_is_another_key(rest):
    mine = rest.ask("POST", RUN, json={}, headers={"Idempotency-Key": "three"}).json()
    other = rest.ask("POST", RUN.replace(VICTIM, OTHER), "other", json={}, headers={"Idempotency-Key": "three"}).json()
    assert mine["run_id"] != other["run_id"]


def test_duplicates_from_several_processes_are_one_run(rest):
    """The whole way of a request in three processes at once, 50 times each."""
    code = "import sys; from tests.fixtures.rest import again; again(*sys.argv[1:])"
    made = [subprocess.Popen([sys.executable, "-c", code, str(rest.home), rest.keys["operator"], "50"], cwd=ROOT, text=True,
                             stdout=subprocess.PIPE) for _ in range(3)]
    said = [json.loads(process.communicate(timeout=200)[0]) for process in made]
    assert [sum(each["statuses"].values()) for each in said] == [50] * 3
    assert {status for each in said for status in each["statuses"]} == {"202"}
    assert len({run for each in said for run in each["runs"]}) == 1
    assert len(rest.of("viewer").find_runs()) == 1


# ---- pipelines


def test_words_become_a_stored_pipeline(rest):
    found = rest.ask("POST", "/pipelines:generate", json={"description": WORDS})
    assert found.status_code == 201, found.text
    made = found.json()
    assert made["version"] == 1
    assert made["dag"]["nodes"]
    assert rest.client.get(found.headers["location"], headers={"X-API-Key": rest.keys["viewer"]}).json()["spec"] == made["spec"]
    assert [each["pipeline_id"] for each in rest.ask("GET", "/pipelines", "viewer").json()["pipelines"]] == [made["id"]]
    assert len(rest.ask("GET", f"/pipelines/{made['id']}/versions", "viewer").json()["versions"]) == 1


def test_open_questions_are_told(rest):
    found = rest.ask("POST", "/pipelines:generate", json={"description": "copy things"})
    assert (found.status_code, found.json()["code"]) == (422, "generation")
    assert found.json()["questions"][0]["message"]
    draft = rest.ask("POST", "/pipelines:plan", json={"description": "copy things"}).json()
    assert draft["status"] == "needs_input"


def test_one_and_many_are_judged(rest):
    one = rest.ask("POST", "/pipelines:validate", "viewer", json={"yaml": BILLING.strip()}).json()
    assert (one["ok"], one["level"]) == (True, "semantic")
    items = [{"template": NAME}, {"spec": {"pipeline_id": "x", "steps": 3}}, {"yaml": "["}, {"template": "gcp/cost/nothing"}, {}]
    many = rest.ask("POST", "/pipelines:validate", "viewer", json={"items": items}).json()
    assert [each["ok"] for each in many["results"]] == [True, False, False, False, False]
    assert all(each["problems"] for each in many["results"][1:])
    assert rest.ask("POST", "/pipelines:validate", "viewer", json={"items": items, "template": NAME}).status_code == 422


@pytest.mark.parametrize("path", ["/etc/passwd", "pyproject.toml", "configs/gallery/basic_etl.yml", "../../etc/passwd"])
def test_no_text_of_a_caller_is_the_path_of_a_file(rest, path):
    for field in ("pipeline_id", "template", "yaml"):
        found = rest.ask("POST", "/pipelines:validate", "viewer", json={field: path})
        assert found.status_code in (404, 422) or found.json()["ok"] is (field == "template"), found.text
        assert "root:" not in found.text
        assert "setuptools" not in found.text


def test_rows_are_previewed(rest):
    found = rest.ask("POST", "/pipelines:preview", json={"template": "gallery/basic_etl", "limit": 2}).json()
    assert found["ok"]
    assert [step["step_id"] for step in found["steps"]] == ["extract", "summarise", "load"]
    assert all(len(step["rows"]) <= 2 for step in found["steps"])


def test_templates_are_listed_and_made_one_s_own(rest):
    names = [each["name"] for each in rest.ask("GET", "/templates", "viewer").json()["templates"]]
    assert {"gallery/basic_etl", NAME} <= set(names)
    assert [each["name"] for each in rest.ask("GET", "/templates", "viewer", params={"domain": "gcp/cost"}).json()["templates"]] == [NAME]
    one = rest.ask("GET", f"/templates/{NAME}", "viewer").json()
    assert (one["parameters"][0]["name"], one["yaml"]) == ("region", BILLING)
    made = rest.ask("POST", f"/templates/{NAME}", json={"pipeline_id": "mine", "params": {"region": "us"}})
    assert (made.status_code, made.json()["id"]) == (201, "mine")


# ---- what may be and what is used


def test_the_validator_says_whether_a_run_may_be(rest):
    asked = f"/validator/validate/{VICTIM}"
    good = rest.ask("POST", asked, "viewer", json={"template": NAME}).json()
    assert (good["ok"], good["usage"]["runs_today"]) == (True, 0)
    odd = rest.ask("POST", asked, "viewer", json={"template": NAME, "params": {"regoin": "x"}}).json()
    assert (odd["ok"], "regoin" in str(odd["problems"])) == (False, True)
    away = rest.ask("POST", asked, "viewer", json={"template": NAME, "environment": "production"}).json()
    assert [each["code"] for each in away["problems"]] == ["production_not_set_up"]
    rest.of("admin").set_limits(runs_per_day=1)
    run = started(rest)["run_id"]
    full = rest.ask("POST", asked, "viewer", json={}).json()
    assert (full["ok"], full["problems"][0]["path"]) == (False, "runs_per_day")
    rest.ask("DELETE", f"/pipelines/runs/{run}")
    denied = rest.ask("POST", RUN, json={})
    assert (denied.status_code, denied.json()["code"]) == (429, "limit")
    done = rest.ask("POST", f"/validator/complete/{VICTIM}", "viewer", json={"run_id": run}).json()
    assert (done["ended"], done["status"], done["usage"]["runs_today"]) == (True, "CANCELLED", 1)


def test_a_key_is_shown_once_and_can_be_revoked(rest):
    made = rest.ask("POST", "/keys", "admin", json={"name": "nightly", "role": "viewer"}).json()
    assert rest.ask("GET", f"/pipelines/{VICTIM}/runs", made["key"]).status_code == 200
    listed = rest.ask("GET", "/keys", "admin")
    assert made["key_id"] in listed.text
    assert made["key"] not in listed.text
    assert rest.ask("DELETE", f"/keys/{made['key_id']}", "admin").json()["revoked_at"]
    assert rest.ask("GET", f"/pipelines/{VICTIM}/runs", made["key"]).status_code == 401
    assert "nightly" in rest.ask("GET", "/audit", "admin", params={"action": "key."}).text
    assert rest.ask("POST", "/keys", "admin", json={"name": "late", "expires_at": "2020-01-01"}).status_code == 422


def test_procedures_are_stored_and_listed(rest):
    assert set(rest.ask("POST", "/procedures/sync", json={}).json()["procedures"].values()) == {"created"}
    names = [each["name"] for each in rest.ask("GET", "/procedures/list", "viewer").json()["procedures"]]
    assert names == sorted(names)
    assert names


def test_production_that_is_not_set_up_is_said(rest):
    found = rest.ask("POST", RUN, json={"environment": "production"})
    assert (found.status_code, found.json()["code"]) == (409, "production_not_set_up")
    assert str(rest.home) not in found.text


# ---- deployments and backfills


def test_a_pipeline_is_deployed_paused_and_rolled_back(rest):
    rest.ask("POST", f"/templates/{NAME}", json={"pipeline_id": "mine"})
    found = rest.ask("POST", "/pipelines/deploy", json={"pipeline_id": "mine", "schedule": "0 2 * * *"})
    assert found.status_code == 200, found.text
    assert (found.json()["release"], len(found.json()["next"])) == (1, 5)
    assert rest.ask("POST", "/deployments/mine:pause").json()["paused"] is True
    assert rest.ask("GET", "/deployments/mine", "viewer").json()["next"] == []
    assert rest.ask("POST", "/deployments/mine:resume").json()["paused"] is False
    rest.ask("POST", f"/templates/{NAME}", json={"pipeline_id": "mine", "params": {"region": "us"}})
    back = rest.ask("POST", "/pipelines/mine/rollback", json={"to": 1})
    assert back.status_code == 200, back.text
    assert rest.ask("GET", "/pipelines/mine", "viewer").json()["version"] == 1
    assert rest.ask("DELETE", "/deployments/mine").status_code == 200
    assert rest.ask("POST", "/pipelines/mine/rollback", json={"to": 99}).status_code == 404
    assert rest.ask("POST", "/pipelines/mine/rollback", json={"to": 1}).json()["where"] == "to"


def test_days_of_the_past_are_run_in_a_row(rest):
    body = {"template": NAME, "first": "2025-11-01", "last": "2025-11-03"}
    found = rest.ask("POST", "/pipelines:backfill", json=body, headers={"Idempotency-Key": "fill"})
    again = rest.ask("POST", "/pipelines:backfill", json=body, headers={"Idempotency-Key": "fill"})
    assert found.status_code == 202, found.text
    assert (found.json()["days"], found.json()["backfill_id"]) == (3, again.json()["backfill_id"])
    place = f"/backfills/{found.json()['backfill_id']}"
    assert rest.ask("GET", place, "viewer").json()["done"] == 0
    assert rest.ask("DELETE", place).json()["status"] == "STOPPED"
    assert len(rest.ask("GET", "/backfills", "viewer").json()["backfills"]) == 1
    assert rest.ask("POST", "/pipelines:backfill", json={**body, "dates": ["2025-11-01"]}).status_code == 422
