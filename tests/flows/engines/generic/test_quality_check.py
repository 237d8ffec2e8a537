import pytest

from flows.errors import DataError, SpecError
from flows.warehouse.base import Column

ROWS = "SELECT 1 AS id, 'a@x.de' AS email, 5.0 AS amount UNION ALL SELECT 2, NULL, -1.0 UNION ALL SELECT 3, 'c@x.de', -2.0"


@pytest.fixture
def rows(bench):
    bench.made("rows", ROWS)
    return bench


def check(bench, *checks, preview=False, step="gate", **about):
    return bench.run("generic.quality_check", step, preview=preview, blocks={"config": {"input": "rows", "checks": list(checks)}}, **about)


def test_what_holds_lets_the_same_rows_go_on_without_copying_them(rows):
    result = check(rows, {"check": "unique", "column": "id"})
    assert [(c.check, c.failed_rows) for c in result.checks] == [("unique", 0)]
    assert result.relation.files == rows.relations["rows"].files
    assert result.rows == 3
    assert len(rows.rows("gate")) == 3


def test_fail_names_check_column_count_and_examples(rows):
    with pytest.raises(DataError) as error:
        check(rows, {"check": "not_null", "column": "email"}, {"check": "positive", "column": "amount"})
    text = str(error.value)
    assert "email is empty in 1 of 3 rows" in text
    assert "amount is not above 0 in 2 of 3 rows" in text
    assert "id=2, email=NULL" in text
    assert "on_fail" in text


def test_quarantine_sets_bad_rows_aside_with_their_reason(rows):
    result = check(rows, {"check": "positive", "column": "amount", "on_fail": "quarantine"},
                   {"check": "not_null", "column": "email", "on_fail": "quarantine"})
    assert (result.rows, result.rejected) == (1, 2)
    assert [r["id"] for r in rows.rows("gate")] == [1]
    assert result.outputs == {"quarantine": "quarantine.p_gate_rejects"}
    aside = {r["id"]: r for r in rows.rows("quarantine.p_gate_rejects")}
    assert aside[2]["x_quarantine_reason"] == "amount is not above 0; email is empty"
    assert aside[3]["x_quarantine_reason"] == "amount is not above 0"
    assert aside[2]["x_pipeline_id"] == "p"
    assert result.rejects[0]["reason"]


def test_a_repeated_run_leaves_no_old_bad_rows_behind(rows):
    for _ in range(2):
        check(rows, {"check": "positive", "column": "amount", "on_fail": "quarantine"})
        assert len(rows.rows("quarantine.p_gate_rejects")) == 2
    rows.made("rows", "SELECT 1 AS id, 'a' AS email, 5.0 AS amount")
    assert check(rows, {"check": "positive", "column": "amount", "on_fail": "quarantine"}).rejected == 0
    assert rows.rows("quarantine.p_gate_rejects") == []


def test_warn_only_counts(rows):
    result = check(rows, {"check": "not_null", "column": "email", "on_fail": "warn"})
    assert (result.rows, result.rejected) == (3, 0)
    assert [(c.on_fail, c.failed_rows, c.message) for c in result.checks] == [("warn", 1, "email is empty in 1 of 3 rows")]


def test_when_one_check_fails_nothing_is_set_aside(rows):
    with pytest.raises(DataError):
        check(rows, {"check": "positive", "column": "amount", "on_fail": "quarantine"}, {"check": "not_null", "column": "email"})
    assert "quarantine.p_gate_rejects" not in rows.session().list_tables()


def test_with_continue_on_error_rows_are_set_aside_and_a_check_of_all_rows_still_stops(rows):
    positive = {"check": "positive", "column": "amount"}
    result = check(rows, positive, continue_on_error=True)
    assert (result.rows, result.rejected) == (1, 2)
    assert len(rows.rows(result.outputs["quarantine"])) == 2
    with pytest.raises(DataError):
        check(rows, positive, {"check": "row_count", "min": 10}, continue_on_error=True)


def test_a_preview_shows_the_numbers_and_writes_nothing(rows):
    result = check(rows, {"check": "positive", "column": "amount", "on_fail": "quarantine"}, {"check": "not_null", "column": "email"},
                   preview=True)
    assert result.rejected == 2
    assert [c.failed_rows for c in result.checks] == [2, 1]
    assert any(note.startswith("a run stops here") for note in result.notes)
    assert rows.session().list_tables() == []


def test_a_foreign_key_looks_into_a_table_of_the_lake(rows):
    rows.table("ref.ids", "SELECT 1 AS id UNION ALL SELECT 2")
    with pytest.raises(DataError, match=r"id is not in ref\.ids\.id in 1 of 3 rows \(for example id=3\)"):
        check(rows, {"check": "foreign_key", "table": "ref.ids", "column": "id"})


def test_a_long_name_still_makes_a_table(rows):
    step = "s" * 120
    result = check(rows, {"check": "positive", "column": "amount", "on_fail": "quarantine"}, step=step)
    assert len(rows.rows(result.outputs["quarantine"])) == 2


def test_checks_are_judged_before_the_run(bench):
    columns = (Column("id", "INT64"), Column("email", "STRING"))

    def output(*checks):
        return bench.output("generic.quality_check", {"config": {"input": "rows", "checks": list(checks)}}, rows=columns)

    assert output({"check": "unique", "column": "id"}) == columns
    with pytest.raises(SpecError, match=r"config\.checks\.1\.column.*Did you mean 'email'"):
        output({"check": "unique", "column": "id"}, {"check": "not_null", "column": "emial"})
    with pytest.raises(SpecError, match=r"config\.checks\.0\.column.*positive needs a number"):
        output({"check": "positive", "column": "email"})
    with pytest.raises(SpecError, match=r"config\.input: unknown table 'row'\. Did you mean 'rows'"):
        bench.output("generic.quality_check", {"config": {"input": "row", "checks": [{"check": "unique", "column": "id"}]}}, rows=columns)
