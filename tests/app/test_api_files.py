"""Who asks from somewhere else has the files of their organisation only, whatever path they write and wherever."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.access import KEY, PERSON, ROOT, Identity
from flows.errors import MissingError, PenstockError
from tests.fixtures.rest import CANARY, OTHER, VICTIM

MINE = "a,b\n1,mine\n"
SPEC = f"pipeline_id: kept\nname: {CANARY}\nsteps:\n  - {{step_id: a, ps_type: generic.wait, config: {{seconds: 0}}}}\n"


@pytest.fixture
def planted(rest, monkeypatch):
    """Files of the machine, of the home and of the victim, and one of the asker's own."""
    monkeypatch.chdir(rest.home)
    files = rest.home / "files"
    places = {"server": rest.home / "server.csv", "home": files / "home.csv", "file": files / "tenants" / VICTIM / "file.csv",
              "upload": files / "uploads" / VICTIM / "upload.csv", "lake": rest.home / "lake" / VICTIM / "lake.csv"}
    for place in places.values():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"a,b\n1,{CANARY}\n", encoding="utf-8")
    own = files / "tenants" / OTHER / "own.csv"
    own.parent.mkdir(parents=True)
    own.write_text(MINE, encoding="utf-8")
    (rest.home / "secret.yml").write_text(SPEC, encoding="utf-8")
    (own.parent / "link.csv").symlink_to(places["file"])
    return rest, places


def reading(path):
    return {"pipeline_id": "look", "steps": [{"step_id": "look", "ps_type": "generic.extract", "source": {"path": str(path)}}]}


def ways(places):
    """Each file as it stands, by its name, and from where the own files are."""
    for name, place in places.items():
        yield from (place, place.name, f"../{VICTIM}/{place.name}", f"../../{place.name}", f"../../../{place.name}",
                    f"../../uploads/{VICTIM}/{place.name}", f"files/{name}.csv", f"files/tenants/{VICTIM}/{place.name}")
    yield from ("link.csv", "secret.yml", "/etc/passwd", "/proc/self/environ")


def test_no_path_of_a_spec_leads_to_a_file_of_others(planted):
    rest, places = planted
    for path in ways(places):
        for body in ({"spec": reading(path)}, {"spec": reading(path), "level": "full"}):
            found = rest.ask("POST", "/pipelines:validate" if "level" in body else "/pipelines:preview", "other", json=body)
            assert found.status_code in (200, 422), found.text
            assert CANARY not in found.text, path
            assert "root:" not in found.text, path
            assert "PENSTOCK" not in found.text.replace("PENSTOCK_PATHS", ""), path
    shown = rest.ask("POST", "/pipelines:preview", "other", json={"spec": reading("own.csv")})
    assert "mine" in shown.text


def test_a_file_of_the_machine_cannot_be_told_from_one_that_is_not_there(planted):
    rest, places = planted
    for path in (places["server"], places["file"], places["upload"], Path("/etc/passwd")):
        said = [rest.ask("POST", "/pipelines:preview", "other", json={"spec": reading(each)}).text.replace(each.name, "FILE")
                for each in (path, path.with_name("gone.csv"))]
        assert said[0] == said[1]
    for path in ("../own.csv", "/own.csv", f"../{VICTIM}/new.csv", str(places["server"])):
        out = {"step_id": "out", "ps_type": "generic.export", "config": {"input": "look"}, "destination": {"engine": "csv", "path": path}}
        found = rest.ask("POST", "/pipelines:validate", "other", json={"spec": {**reading("own.csv"), "steps": [
            *reading("own.csv")["steps"], out]}, "level": "full"})
        assert "is no name for a file of your tenant" in found.text, path
        assert "/files/" not in found.text


def test_an_export_is_written_among_the_own_files(planted):
    rest, _ = planted
    export = {"step_id": "out", "ps_type": "generic.export", "config": {"input": "look"},
              "destination": {"engine": "csv", "path": "server.csv"}}
    spec = {**reading("own.csv"), "steps": [*reading("own.csv")["steps"], export]}
    made = rest.ask("POST", "/pipelines:run", "other", json={"spec": spec})
    assert made.status_code == 202, made.text
    run = rest.door.store.runs.get(OTHER, made.json()["run_id"])
    assert {str(folder) for folder in run.folders} == {str(rest.home / "files" / kind / OTHER) for kind in ("tenants", "uploads")}


@pytest.mark.parametrize("kind", [KEY, ROOT, PERSON])
def test_a_text_of_somebody_else_is_never_the_path_of_a_spec(planted, kind):
    rest, _ = planted
    far = rest.door.acting(Identity(OTHER, "admin", "somebody", kind), via="app")
    for text in (str(rest.home / "secret.yml"), "secret.yml", "./secret.yml", f"templates/@{VICTIM}/gcp/cost/cost_billing.yml"):
        for ask in (far.source, far.explain, far.preview, far.submit, far.validate, far.python):
            with pytest.raises(MissingError) as error:
                ask(text)
            assert CANARY not in str(error.value)
    with pytest.raises(PenstockError):
        far.profile("server.csv")


def test_words_name_no_file_of_the_machine(planted):
    rest, places = planted
    for text in (f"load {places['server']} into mart.x", "load server.csv into mart.x", f"run {rest.home / 'secret.yml'}",
                 "run secret.yml for yesterday", f"add a filter to {rest.home / 'secret.yml'}"):
        for route in ("/pipelines:plan", "/pipelines:generate"):
            assert CANARY not in rest.ask("POST", route, "other", json={"description": text}).text, text


def test_the_person_at_this_machine_has_the_files_of_the_machine(planted):
    rest, _ = planted
    assert rest.door.source("secret.yml").spec.name == CANARY
    assert CANARY in str(rest.door.preview(reading("server.csv")).as_dict())


def test_the_gallery_works_for_the_demo_tenant_from_somewhere_else(rest, monkeypatch):
    monkeypatch.setattr("flows.insight.sample._missing", lambda *_: set())  # its files alone
    rest.of("admin", "demo")._sample()  # as `penstock up` does
    rest.keys["demo"] = rest.door.store.keys.create("demo", "demo", "editor")[1]
    found = rest.ask("POST", "/pipelines:preview", "demo", json={"spec": reading("inbox/sales_targets.csv"), "limit": 1})
    assert found.json()["steps"][0]["origin"] == "real", found.text


def test_an_upload_is_read_by_its_own_tenant_alone(planted):
    rest, _ = planted
    mine, theirs = (rest.door.acting(Identity(tenant, "editor", "ada@example.com", PERSON), via="app") for tenant in (VICTIM, OTHER))
    kept = mine.attach("prices.csv", f"a,b\n1,{CANARY}\n".encode())
    assert CANARY in str(mine.preview(reading(kept.path)).as_dict())
    assert mine.profile(kept.path).rows == 1
    for path in (kept.path, Path(kept.path).name, f"../../uploads/{VICTIM}/{Path(kept.path).name}"):
        for ask in (lambda path=path: theirs.preview(reading(path)), lambda path=path: theirs.profile(Path(path))):
            with pytest.raises(PenstockError, match="among those of your tenant") as error:
                ask()
            assert CANARY not in str(error.value)
