"""penstock query: an answer that BigQuery may give otherwise says so, and so does what only BigQuery can run."""

from __future__ import annotations

import json

import pytest

from flows.cli import call

APPROXIMATE = "SELECT APPROX_COUNT_DISTINCT(x) AS n FROM UNNEST([1, 2, 2]) AS x"
WHY = "APPROX_COUNT_DISTINCT is exact here"
ONLY = "SELECT HLL_COUNT.INIT(x) AS h FROM UNNEST([1, 2]) AS x"


@pytest.mark.parametrize("more", [[], ["--read-only"]], ids=["script", "read-only"])
def test_a_person_who_gets_rows_sees_that_they_are_approximate(home, capsys, more):
    assert call(["query", APPROXIMATE, *more]) == 0
    assert f"approximate locally: {WHY}" in capsys.readouterr().err
    assert call(["query", APPROXIMATE, "--json", *more]) == 0
    got = json.loads(capsys.readouterr().out)
    assert (got["rows"], [note[:len(WHY)] for note in got["notes"]]) == ([[2]], [WHY])


def test_a_portable_answer_has_no_note(home, capsys):
    assert call(["query", "SELECT 1 AS x"]) == 0
    assert capsys.readouterr().err == "1 row\n"
    assert call(["query", "SELECT 1 AS x", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["notes"] == []


def test_the_notes_of_an_answer_are_in_python_too(home):
    from flows import Penstock
    from flows.warehouse.encode import notes_of

    with Penstock(home=home) as door:
        assert notes_of(door.query(APPROXIMATE))[0].startswith(WHY)
        assert notes_of(door.query("SELECT 1 AS x")) == []


def test_a_check_of_what_only_bigquery_runs_is_a_verdict_with_its_place_and_exit_2(home, capsys):
    assert call(["query", ONLY, "--check", "--json"]) == 2
    got = json.loads(capsys.readouterr().out)
    assert got["verdict"] == "bigquery-only"
    assert got["notes"][0].startswith("line 1")
    assert call(["query", ONLY, "--check"]) == 2
    assert capsys.readouterr().out.startswith("BigQuery only\n  line 1")
    assert call(["query", ONLY]) == 2
    got = capsys.readouterr()
    assert (got.out, got.err.count("\n")) == ("", 1)


def test_a_statement_that_is_wrong_has_no_verdict(home, capsys):
    assert call(["query", "SELECT x FROM", "--check", "--json"]) == 2
    got = capsys.readouterr()
    assert (got.out, got.err.count("\n")) == ("", 1)


def test_what_cannot_be_read_is_said_in_words(home, capsys):
    assert call(["query", "SELECT ml.predict(1) FROM x"]) == 2
    assert "Token" not in capsys.readouterr().err
