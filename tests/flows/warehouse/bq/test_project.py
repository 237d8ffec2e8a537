"""What is wrong in environments.yml is said with its place and the way out, and no value of a variable is hidden behind a trace."""

from __future__ import annotations

import pytest

from flows.errors import InputError, UnreachableError
from flows.warehouse.bq.errors import translate
from flows.warehouse.bq.project import load_project


@pytest.mark.parametrize(("text", "where", "told"), [
    ("production: {projct: acme}", "production.projct", "Did you mean 'project'?"),
    ("production: {project: acme, colour: red}", "production.colour", "unknown field 'colour'. Known here: location"),
    ("prodution: {project: acme}", "", "there is no environment 'prodution'. Did you mean 'production'?"),
    ("production: {project: acme, usd_per_tib: dear}", "production.usd_per_tib", "must be a number"),
    ("production: {project: acme, datasets: 'x-{tenant}'}", "production.datasets", "must hold {dataset}"),
    ("production: {project: not one}", "production.project", "is not the id of a project"),
    ("production: {project: acme, endpoint: here}", "production.endpoint", "must be an address like http://"),
    ("production: acme", "production", "Write `production: {project: ...}`"),
])
def test_a_wrong_field_is_said_with_its_place(settings, text, where, told):
    file = settings.home / "environments.yml"
    file.write_text(text)
    with pytest.raises(InputError) as error:
        load_project(settings, env={})
    assert str(error.value).startswith(f"{file}, {where}: " if where else f"{file}: ")
    assert told in str(error.value)


def test_a_wrong_variable_is_said_by_its_own_name(settings):
    env = {"GOOGLE_CLOUD_PROJECT": "acme", "PENSTOCK_BIGQUERY_USD_PER_TIB": "dear"}
    with pytest.raises(InputError, match=r"^PENSTOCK_BIGQUERY_USD_PER_TIB: must be a number"):
        load_project(settings, env=env)


def test_an_environment_that_nobody_names_is_none(settings):
    assert load_project(settings, env={"PENSTOCK_BIGQUERY_LOCATION": "EU"}) is None
    found = load_project(settings, env={"GOOGLE_CLOUD_PROJECT": "example.com:acme-1"})
    assert found is not None
    assert found.project == "example.com:acme-1"


def test_a_host_that_does_not_answer_is_not_reachable():
    found = translate(ConnectionError("http://secret@host"))
    assert isinstance(found, UnreachableError)
    assert (found.exit_code, found.transient, "secret" in str(found)) == (3, True, False)
