"""What the REST API promises: its document holds for any request, a body has one meaning, its page loads nothing from elsewhere."""

from __future__ import annotations

import json

import pytest

from tests.fixtures.rest import NAME, VICTIM, any_request

RUN = f"/pipelines/run/{VICTIM}/{NAME}"
PROBLEM = "application/problem+json"


def test_any_request_gets_an_answer_of_the_document(rest):
    """A short form; `python benchmarks/bench_api.py --cases 2000` tries more."""
    assert any_request(rest, 80) >= 70


def test_the_document_names_everything_that_is_promised(rest):
    found = rest.client.get("/api/openapi.json").json()
    for method, path in (("post", "/v1/pipelines/run/{org}/{provider}/{domain}/{pipeline}"), ("post", "/v1/pipelines:generate"),
                         ("post", "/v1/pipelines:validate"), ("post", "/v1/pipelines:preview"), ("post", "/v1/pipelines/deploy"),
                         ("post", "/v1/pipelines/{pipeline_id}/rollback"), ("get", "/v1/pipelines/{org}/runs"),
                         ("get", "/v1/pipelines/{org}/runs/{run_id}"), ("delete", "/v1/pipelines/runs/{run_id}"),
                         ("post", "/v1/validator/validate/{org}"), ("post", "/v1/validator/complete/{org}"),
                         ("post", "/v1/procedures/sync"), ("get", "/v1/procedures/list"), ("get", "/v1/templates")):
        one = found["paths"][path][method]
        assert one["security"] == [{"ApiKey": []}]
        assert one["summary"]
        assert one["responses"]["401"]["content"] == {PROBLEM: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}
    assert found["components"]["securitySchemes"]["ApiKey"]["name"] == "X-API-Key"
    assert found["components"]["schemas"]["RunBody"]["examples"] == [{"date": "2025-11-15", "trigger_by": "test"}]
    assert found["servers"] == [{"url": "/api"}]


@pytest.mark.parametrize(("body", "status", "words"), [
    (b'{"date": "2025-11-15", "date": "2025-11-16"}', 400, "two keys of the same name"),
    (b'{"params": {"a": NaN}}', 400, "NaN is no number"),
    (b'{"params": {"a": -Infinity}}', 400, "-Infinity is no number"),
    (b'{"params": {"a": 1e999}}', 400, "too large"),
    (b'{"params": {"a": ' + b"9" * 5000 + b"}}", 400, "more than 300 digits"),
    (b"[" * 60 + b"]" * 60, 400, "deeper than 50"),
    (b"[" * 100_000, 400, "deeper than 50"),
    (b'{"a": "\\u0000"}', 400, "a NUL"),
    (b'{"a": "\\ud800"}', 400, "surrogate"),
    (b'{"a": "\xff"}', 400, "not UTF-8"),
    (b"{", 400, "line 1, column 2"),
    (b'{"a": "' + b"x" * 1_100_000 + b'"}', 413, "larger than 1 MiB"),
    (b"[]", 422, "body"),
    (b"null", 422, "body"),
])
def test_a_body_has_one_meaning_and_a_size(rest, body, status, words):
    found = rest.ask("POST", RUN, content=body, headers={"Content-Type": "application/json"})
    assert (found.status_code, found.headers["content-type"]) == (status, PROBLEM)
    assert words in found.json()["detail"]
    assert found.json()["status"] == status


def test_a_body_whose_length_is_not_said_has_the_same_limit(rest):
    found = rest.ask("POST", RUN, content=(b"x" * 1000 for _ in range(2000)), headers={"Content-Type": "application/json"})
    assert (found.status_code, found.headers["content-type"], found.json()["code"]) == (413, PROBLEM, "too_large")


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data", "application/xml"])
def test_what_is_not_json_is_refused_and_no_other_site_may_ask(rest, kind):
    found = rest.ask("POST", RUN, content=b'{"date": "2025-11-15"}', headers={"Content-Type": kind})
    assert (found.status_code, found.headers["content-type"]) == (415, PROBLEM)
    asked = rest.client.options(f"/api/v1{RUN}", headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"})
    assert asked.status_code == 405
    assert not [name for name in asked.headers if name.startswith("access-control")]


@pytest.mark.parametrize("kind", ["", "application/json; charset=utf-8", "application/x-www-form-urlencoded"])
def test_json_is_read_whatever_curl_calls_it(rest, kind):
    found = rest.ask("POST", RUN, content=b'{"date": "2025-11-15"}', headers={"Content-Type": kind} if kind else {})
    assert (found.status_code, found.json()["run_date"]) == (202, "2025-11-15")


def test_an_odd_address_is_a_problem(rest):
    for method, path, status in (("GET", "/nothing", 404), ("PUT", "/pipelines", 405), ("GET", "/pipelines/a%00b", 400),
                                 ("GET", f"/pipelines/{VICTIM}/runs?text=%00", 400), ("GET", "/pipelines/%ff%fe", 404),
                                 ("GET", "/templates/gcp/cost/..%2f..%2fetc", 404), ("TRACE", "/pipelines", 405)):
        found = rest.ask(method, path)
        assert (found.status_code, found.headers["content-type"], found.json()["status"]) == (status, PROBLEM, status), path


def test_an_error_of_ours_is_a_code_without_a_trace(rest, monkeypatch, caplog):
    def broken(_):
        raise ZeroDivisionError("secret-in-an-error")

    monkeypatch.setattr("flows.service.Penstock.templates", broken)
    found = rest.ask("GET", "/templates")
    assert (found.status_code, found.headers["content-type"]) == (500, PROBLEM)
    assert "secret-in-an-error" not in found.text
    assert found.json()["code"] in found.json()["detail"]
    assert found.json()["code"] in caplog.text


def test_a_store_that_is_away_is_503(rest, monkeypatch):
    from flows.errors import UnreachableError

    def gone(*_):
        raise UnreachableError("the control store does not answer", fix="Check it")

    monkeypatch.setattr("flows.store.keys.Keys.whose", gone)
    found = rest.ask("GET", "/templates")
    assert (found.status_code, found.headers["content-type"], found.headers["retry-after"]) == (503, PROBLEM, "5")
    monkeypatch.setattr("flows.store.runners.Runners.alive", gone)
    for path in ("/api/v1/health", "/health"):
        found = rest.client.get(path)
        assert (found.status_code, found.json()) == (503, {"status": "down", "parts": [{"name": "Control store", "state": "down"}]})


def test_what_the_api_does_is_counted(rest):
    """The names that monitoring was promised, by what it reads them with."""
    from prometheus_client.parser import text_string_to_metric_families

    rest.client.get("/metrics")

    def counted(name):
        families = text_string_to_metric_families(rest.client.get("/metrics").text)
        return sum(sample.value for family in families for sample in family.samples if sample.name == name)

    names = ("pipeline_generations_total", "pipeline_generation_duration_seconds_count", "pipeline_validation_errors_total")
    before = {name: counted(name) for name in names}
    rest.ask("POST", "/pipelines:plan", json={"description": "copy things"})
    rest.ask("POST", "/pipelines:validate", json={"spec": {"pipeline_id": "x", "steps": 3}})
    assert all(counted(name) > before[name] for name in names)


def test_numbers_that_are_none_are_null():
    from app.rest.problem import Plain

    assert json.loads(Plain({"a": [float("nan"), float("inf"), 1.5]}).body) == {"a": [None, None, 1.5]}


def test_the_page_loads_nothing_from_elsewhere(rest):
    page = rest.client.get("/api/docs")
    assert page.status_code == 200
    assert "//" not in page.text.replace("<!DOCTYPE html>", "")
    for path in ("init.js", "files/swagger-ui-bundle.js", "files/swagger-ui.css", "files/favicon.png"):
        assert f"/api/docs/{path}" in page.text
        assert rest.client.get(f"/api/docs/{path}").status_code == 200
    assert "<script>" not in page.text
