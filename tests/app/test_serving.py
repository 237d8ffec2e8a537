"""One process: `/healthz`, the API's place, headers, what comes first in `penstock up`, and what is left when it stops."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import httpx
import pytest

from app.banner import PATIENCE, Look, words
from flows.errors import UnreachableError
from flows.run import face
from flows.run.up import held
from tests.fixtures.browser import Engine, answers

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(300)


# ---- the banner's words

DOWN = "Runs cannot start: no runner is up. Previews still work."


def part(state):
    return {"name": "Runner", "state": state, "words": "", "fix": ""}


@pytest.mark.parametrize(("health", "said"), [
    ({"runner": True, "words": [], "parts": [part("ok")]}, ""),
    ({"runner": False, "words": [DOWN], "parts": [part("down")]}, DOWN),
    ({"runner": True, "words": ["Runs cannot start: Prefect's server does not answer."], "parts": [part("ok")]},
     "Runs cannot start: Prefect's server does not answer."),
])
def test_the_banner_says_what_is_missing(health, said):
    assert words(health) == said


def test_a_runner_that_is_back_at_once_is_not_mentioned(monkeypatch):
    seen = {"words": []}
    monkeypatch.setattr("app.banner.health", lambda: seen)
    look = Look()
    assert look.words(100) == ""
    seen["words"] = [DOWN]
    assert look.words(101) == ""
    assert look.words(101 + PATIENCE) == DOWN
    seen["words"] = []
    assert look.words(103 + PATIENCE) == ""


def test_a_first_look_waits_for_nothing(monkeypatch):
    monkeypatch.setattr("app.banner.health", lambda: {"words": [DOWN]})
    assert Look().words(0) == DOWN


def test_a_control_store_that_does_not_answer_is_said(monkeypatch):
    def gone():
        raise UnreachableError("it is away")

    monkeypatch.setattr("app.banner.health", gone)
    assert Look().words(0).startswith("The control store does not answer")


# ---- routes

@pytest.fixture
def client(monkeypatch):
    """The routes of the app without Streamlit's own and without its start."""
    from starlette.applications import Starlette
    from starlette.testclient import TestClient

    from app import asgi

    monkeypatch.setattr("app.asgi.health", lambda: {"runner": True, "words": [], "parts": [part("ok")]})
    return TestClient(Starlette(routes=asgi.AROUND["routes"], middleware=asgi.AROUND["middleware"]))


def test_healthz_says_what_is_up(client):
    found = client.get("/healthz")
    assert (found.status_code, found.json()["parts"]) == (200, [part("ok")])


def test_healthz_is_503_when_the_control_store_does_not_answer(client, monkeypatch):
    def gone():
        raise UnreachableError("the control store cannot be opened", fix="Check the folder's rights")

    monkeypatch.setattr("app.asgi.health", gone)
    found = client.get("/healthz")
    assert (found.status_code, found.json()) == (503, {"words": ["the control store cannot be opened. Check the folder's rights"]})


def test_healthz_tells_a_stranger_no_place_of_the_machine(client, monkeypatch, tmp_path):
    from flows.service import Penstock
    from flows.settings import Settings

    with Penstock(settings=Settings(home=tmp_path, control_url=f"sqlite:///{tmp_path / 'control.sqlite'}")) as door:
        monkeypatch.setattr("app.asgi.base", lambda: door)
        door.store.keys.set_root("a-root-key-of-24-characters")
        found = client.get("/healthz")
    assert (found.status_code, found.json()["words"]) == (200, [])
    assert {name for each in found.json()["parts"] for name in each} == {"name", "state"}
    assert str(tmp_path) not in found.text


def test_monitoring_reads_metrics(client, monkeypatch, tmp_path):
    from prometheus_client.parser import text_string_to_metric_families

    from flows.service import Penstock
    from flows.settings import Settings

    with Penstock(settings=Settings(home=tmp_path, control_url=f"sqlite:///{tmp_path / 'control.sqlite'}")) as door:
        monkeypatch.setattr("app.asgi.base", lambda: door)
        monkeypatch.setattr("flows.metrics._meters", None)
        found = client.get("/metrics")
    assert found.status_code == 200
    assert found.headers["content-type"].startswith("text/plain; version=")
    families = {family.name: family for family in text_string_to_metric_families(found.text)}
    assert {"penstock_runs", "penstock_queue_length", "pipeline_generations", "pipeline_validation_errors"} <= set(families)
    assert families["penstock_control_store_up"].samples[0].value == 1


def test_each_answer_has_the_headers(client):
    for path in ("/healthz", "/api/v1/nothing"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "SAMEORIGIN"
        assert "frame-ancestors 'self'" in headers["content-security-policy"]
        assert "http" not in headers["content-security-policy"]
        scripts = headers["content-security-policy"].split("script-src ")[1].split(";")[0]
        assert scripts.startswith("'self' blob: 'sha256-")
        assert "unsafe" not in scripts


# ---- what is shipped

def test_the_app_brings_its_own_fonts_with_their_licences():
    static = ROOT / "app" / "static"
    config = (ROOT / "app" / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    fonts = sorted(path.name for path in static.glob("*.woff2"))
    assert fonts
    for font in fonts:
        assert f'url = "app/static/{font}"' in config
    for name in ("inter", "jetbrains-mono"):
        assert "SIL OPEN FONT LICENSE" in (static / f"{name}-LICENSE.txt").read_text(encoding="utf-8")
    assert "://" not in config


def test_everything_the_app_reads_is_packaged():
    import tomllib
    from fnmatch import fnmatch

    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]["app"]
    files = [path.relative_to(ROOT / "app") for path in (ROOT / "app").rglob("*")
             if path.is_file() and path.suffix not in (".py", ".pyc")]
    left = [str(path) for path in files if not any(fnmatch(str(path), pattern) for pattern in patterns)]
    assert left == []


def test_the_app_is_started_for_this_machine_only(monkeypatch):
    monkeypatch.setenv("STREAMLIT_SERVER_ADDRESS", "0.0.0.0")
    words = face.command(8501)
    assert words[words.index("--server.address") + 1] == "127.0.0.1"
    assert words[words.index("--browser.gatherUsageStats") + 1] == "false"
    assert Path(words[words.index("run") + 1]).is_file()
    assert "STREAMLIT_SERVER_ADDRESS" not in face.env({})


# ---- the real thing

@pytest.fixture(scope="module")
def up(tmp_path_factory):
    made = Engine(tmp_path_factory.mktemp("up") / "home").up()
    yield made
    made.stop()


@pytest.mark.slow
def test_the_apps_address_is_said_first_and_stands_in_the_lock(up):
    said = [line for line in up.said().splitlines() if not line.startswith("port ")]
    assert said[0] == f"Open {up.lock()['address']}"
    assert said[1] == f"Prefect: {up.lock()['prefect']}"
    assert answers(up.url)
    assert "You can now view" not in up.said()


@pytest.mark.slow
def test_a_second_up_says_where_the_first_one_is(up):
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-m", "flows.cli", "up", "--home", str(up.home)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert f"penstock is already up: {up.url}" in done.stderr


@pytest.mark.slow
def test_an_app_that_dies_is_started_again_where_it_was(up):
    url = up.url
    os.kill(app_process(url), signal.SIGKILL)
    up.until(lambda: "app ended with -9: started again" in up.said())
    up.until(lambda: answers(url))
    assert up.url == url


@pytest.mark.slow
def test_stopping_leaves_no_process_and_no_port(up):
    url, pid = up.url, app_process(up.url)
    assert up.stop() == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/healthz")
    until = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()
    assert not held(up.settings)


def app_process(url):
    """The process that was started for this address, by its command line."""
    port = url.rsplit(":", 1)[1]
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = place.read_bytes().split(b"\0")
        except OSError:
            continue
        if str(face.PLACE).encode() in words and port.encode() in words:
            return int(place.parent.name)
    raise AssertionError(f"nothing serves {url}")
