"""penstock procedures: what is stored, and the files that changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from flows.cli.root import penstock


@pytest.fixture
def ask(tmp_path: Path):
    def run(*words: str):
        return CliRunner().invoke(penstock, [*words, "--home", str(tmp_path / "home")], standalone_mode=False)

    return run


def test_the_shipped_procedures_are_listed_and_synced_once(ask) -> None:
    done = json.loads(ask("procedures", "sync", "--json").output)
    assert set(done.values()) == {"created"}
    assert set(json.loads(ask("procedures", "sync", "--json").output).values()) == {"unchanged"}
    listed = json.loads(ask("procedures", "list", "--json").output)
    assert [p["name"] for p in listed] == sorted(done)
    assert listed[0]["arguments"][0] == {"name": "p_table", "type": "STRING", "mode": "IN"}


def test_a_file_that_is_not_portable_is_said_with_its_line(ask, tmp_path: Path) -> None:
    (tmp_path / "sp.sql").write_text("CREATE PROCEDURE mart.p()\nBEGIN\n  DECLARE n INT64;\nEND")
    said = ask("procedures", "sync", str(tmp_path)).exception
    assert str(said).startswith("sp.sql, line 3: the variable 'n' must start with v_")


def test_a_procedure_is_shown_whole_and_asked_of_its_environment(ask, monkeypatch) -> None:
    assert "  system.sp_deduplicate_day(" not in ask("procedures", "list").output
    assert "p_keys STRING, p_order STRING, OUT p_removed INT64)\n" in ask("procedures", "list").output
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
    assert "no BigQuery project is set up" in str(ask("procedures", "list", "--env", "production").exception)
