"""Commands about what runs by itself and about versions, in one process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.cli import call

SPEC = """\
pipeline_id: job
name: The job
steps:
  - {{step_id: wait, ps_type: generic.wait, config: {{seconds: {}}}}}
"""


def ask(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = call([*words])
    out, err = capsys.readouterr()
    return code, out, err


def test_from_the_first_deploy_to_the_delete(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = home.parent / "here" / "one.yml", home.parent / "here" / "two.yml"
    first.write_text(SPEC.format(1))
    second.write_text(SPEC.format(2))
    code, out, _ = ask(capsys, "deploy", str(first), "--schedule", "0 2 * * *", "--timezone", "Europe/Vienna")
    assert (code, "Every day at 02:00 Europe/Vienna, work pool penstock" in out, out.count("next: ")) == (0, True, 5)
    assert out.endswith("  Prefect is told as soon as its server is up. Start it with `penstock up`.\n")
    assert ask(capsys, "status", "job")[1].startswith("No runs yet. Start one: penstock run job\n")  # it is kept, and has never run
    code, out, _ = ask(capsys, "pause", "job")
    assert "paused: nothing starts by itself. Switch it on: penstock resume job" in out
    code, out, _ = ask(capsys, "deploy", str(second), "--json")
    assert (json.loads(out)["version"], json.loads(out)["paused"], json.loads(out)["next"]) == (2, True, [])
    code, out, _ = ask(capsys, "deployments")
    assert (code, "paused" in out) == (0, True)
    assert ask(capsys, "resume", "job")[1].count("next: ") == 5
    assert "+    seconds: 2" in ask(capsys, "versions", "job", "--diff", "1", "2")[1]
    assert ask(capsys, "rollback", "job")[1].startswith("job: version 1 instead of 2\n")
    assert "in force" in ask(capsys, "versions", "job")[1].splitlines()[-1]
    assert json.loads(ask(capsys, "versions", "--json")[1])["pipelines"][0]["newest"] == 2
    assert ask(capsys, "undeploy", "job")[1] == "job runs no more by itself (local)\n"
    assert "Nothing runs by itself" in ask(capsys, "deployments")[1]


@pytest.mark.parametrize(("words", "says"), [
    (["deploy", "one.yml"], "has no schedule"), (["deploy", "one.yml", "--schedule", "hello"], "does not have five fields"),
    (["deploy", "one.yml", "--timezone", "UTC"], "--timezone belongs to --schedule"), (["pause", "job"], "is not deployed in 'local'"),
    (["rollback", "job"], "there is no pipeline 'job'"), (["versions", "job"], "there is no pipeline 'job'"),
    (["versions", "--diff", "1", "2"], "--diff needs a PIPELINE")])
def test_what_cannot_be_done_is_one_line_with_its_way_out(home: Path, capsys: pytest.CaptureFixture[str], words: list[str],
                                                         says: str) -> None:
    (home.parent / "here" / "one.yml").write_text(SPEC.format(1))
    code, out, err = ask(capsys, *words)
    assert (code, out) == (2, "")
    assert says in err
    assert "Traceback" not in err
