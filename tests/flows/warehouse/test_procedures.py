"""Stored procedures of the local warehouse: the shipped ones, sync by hash, CALL from outside, all or nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.errors import Cancelled, DataError, InputError, SqlError
from flows.warehouse.lexer import normal, tokens
from flows.warehouse.nodes import Routine
from flows.warehouse.procedure import parse
from flows.warehouse.routines import SHIPPED, digest, read_file

Open = Callable[..., Any]
FILES = sorted(SHIPPED.glob("*.sql"))
ORDERS = """
CREATE TABLE mart.orders AS
SELECT 1 AS id, DATE '2025-11-01' AS day, 1 AS seen UNION ALL SELECT 2, DATE '2025-11-02', 1 UNION ALL
SELECT 2, DATE '2025-11-02', 2 UNION ALL SELECT 3, DATE '2025-11-02', 1 UNION ALL SELECT 4, CAST(NULL AS DATE), 1
"""
ALL = "SELECT id, CAST(day AS STRING) AS day, seen FROM mart.orders ORDER BY id, seen"


def rows(w: Any, sql: str = ALL) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in w.query(sql).to_pylist()]


# -------------------------------------------------------------------- shipped procedures
@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_shipped_procedure_is_portable_and_says_what_it_does(path: Path) -> None:
    routine = read_file(path)
    assert routine.path == ("system", path.stem)
    head = path.read_text(encoding="utf-8").split("CREATE", 1)[0]
    assert [a.name for a in routine.arguments if f"--   {a.name} " not in head] == []
    assert "-- Promise: " in head


def test_delete_before_counts_then_removes_then_finds_nothing(open_warehouse: Open) -> None:
    w = open_warehouse()
    w.execute(ORDERS)
    assert w.call("system.sp_delete_before", ["mart.orders", "day", "2025-11-02", True]).result.to_pylist() == [{"p_rows": 1}]
    assert len(rows(w)) == 5
    done = w.call("system.sp_delete_before", {"p_table": "mart.orders", "p_column": "day", "p_before": "2025-11-02", "p_dry_run": False})
    assert (done.rows, done.result.to_pylist()) == (1, [{"p_rows": 1}])
    assert [row[0] for row in rows(w)] == [2, 2, 3, 4]
    assert w.call("system.sp_delete_before", ["mart.orders", "day", "2025-11-02", False]).result.to_pylist() == [{"p_rows": 0}]


@pytest.mark.parametrize("table", ["mart.orders` WHERE TRUE; DROP TABLE mart.orders; --", "mart.orders`", ""])
def test_a_name_that_is_none_is_refused_by_the_procedure(open_warehouse: Open, table: str) -> None:
    w = open_warehouse()
    w.execute(ORDERS)
    with pytest.raises(DataError, match=r"p_table must be dataset\.table"):
        w.call("system.sp_delete_before", [table, "day", "2025-11-02", False])
    assert len(rows(w)) == 5


def test_deduplicate_day_keeps_the_first_of_each_key(open_warehouse: Open) -> None:
    w = open_warehouse()
    w.execute(ORDERS)
    args = ["mart.orders", "day", "2025-11-02", "id", "seen DESC"]
    assert w.call("system.sp_deduplicate_day", args).result.to_pylist() == [{"p_removed": 1}]
    assert rows(w) == [(1, "2025-11-01", 1), (2, "2025-11-02", 2), (3, "2025-11-02", 1), (4, None, 1)]
    assert w.call("system.sp_deduplicate_day", args).result.to_pylist() == [{"p_removed": 0}]


def test_refresh_day_rebuilds_one_day_from_a_view(open_warehouse: Open) -> None:
    w = open_warehouse()
    w.execute(ORDERS)
    w.execute("CREATE VIEW mart.v AS SELECT id + 10 AS id, day, seen FROM mart.orders WHERE seen = 2")
    w.execute("CREATE TABLE mart.daily AS SELECT * FROM mart.orders")
    for _ in range(2):
        assert w.call("system.sp_refresh_day", ["mart.daily", "mart.v", "day", "2025-11-02"]).result.to_pylist() == [{"p_rows": 1}]
    assert rows(w, "SELECT id FROM mart.daily ORDER BY id") == [(1,), (4,), (12,)]
    with pytest.raises(DataError, match=r"mart\.v has no row of 2025-12-01"):
        w.call("system.sp_refresh_day", ["mart.daily", "mart.v", "day", "2025-12-01"])


# -------------------------------------------------------------------- sync
def test_files_are_synced_by_the_hash_of_what_they_do(open_warehouse: Open, tmp_path: Path) -> None:
    file, w = tmp_path / "sp_one.sql", open_warehouse()
    file.write_text("CREATE OR REPLACE PROCEDURE mart.sp_one() BEGIN SELECT 1 AS one; END")
    assert w.sync_procedures(str(tmp_path)) == {"mart.sp_one": "created"}
    file.write_text("-- said better\nCREATE OR REPLACE PROCEDURE mart.sp_one()\nBEGIN\n  SELECT 1 AS one;\nEND;\n")
    assert w.sync_procedures(str(tmp_path)) == {"mart.sp_one": "unchanged"}
    file.write_text("CREATE OR REPLACE PROCEDURE mart.sp_one() BEGIN SELECT 2 AS one; END")
    assert w.sync_procedures(str(tmp_path)) == {"mart.sp_one": "updated"}
    assert open_warehouse().call("mart.sp_one", []).result.to_pylist() == [{"one": 2}]
    with pytest.raises(SqlError, match="no procedure"):
        open_warehouse("other").call("mart.sp_one", [])


@pytest.mark.parametrize(("text", "where", "why"), [
    ("CREATE PROCEDURE mart.p(x INT64)\nBEGIN SELECT 1; END", "sp.sql, line 1", "must start with p_"),
    ("CREATE PROCEDURE mart.p()\nBEGIN\n  DECLARE n INT64;\n  SELECT n;\nEND", "sp.sql, line 3", "must start with v_"),
    ("CREATE PROCEDURE mart.p()\nBEGIN\n  FOR r IN (SELECT 1 AS a) DO SELECT 1; END FOR;\nEND", "sp.sql, line 3", "must start with v_"),
    ("CREATE PROCEDURE mart.p()\nBEGIN\n  SELECT 1;\n  EXPORT DATA OPTIONS (uri = 'gs://b/*', format = 'CSV') AS SELECT 1 AS a;\nEND",
     "sp.sql, line 4", "EXPORT"),
    ("CREATE PROCEDURE mart.p()\nBEGIN\n  a: LOOP LEAVE; END LOOP;\nEND", "sp.sql, line 3", "a label"),
    ("CREATE PROCEDURE mart.p()\nBEGIN\n  SELECT FROM;\nEND", "sp.sql, line 3", "not a statement"),
    ("CREATE PROCEDURE p()\nBEGIN SELECT 1; END", "sp.sql, line 1", r"dataset\.name"),
    ("SELECT 1", "sp.sql, line 1", "one CREATE PROCEDURE"),
])
def test_a_file_that_is_not_portable_is_named_with_its_line(open_warehouse: Open, tmp_path: Path, text: str, where: str, why: str) -> None:
    (tmp_path / "sp.sql").write_text(text)
    w = open_warehouse()
    with pytest.raises(InputError, match=why) as caught:
        w.sync_procedures(str(tmp_path))
    assert caught.value.where == where
    assert w.lake.manifest.procedures.list("demo") == []


def test_shipped_procedures_are_not_written_over(open_warehouse: Open) -> None:
    with pytest.raises(SqlError, match="come with Penstock") as caught:
        open_warehouse().execute("CREATE OR REPLACE PROCEDURE system.sp_refresh_day() BEGIN SELECT 1; END")
    assert caught.value.verdict == "refused"


# -------------------------------------------------------------------- calls
@pytest.mark.parametrize(("args", "why"), [
    (["x"], "argument n of mart.p is INT64"), ([], "takes 1 arguments, 0 are given"), ({"m": 1}, "no argument 'm'"), ({}, "needs n"),
])
def test_arguments_are_typed(open_warehouse: Open, args: Any, why: str) -> None:
    w = open_warehouse()
    w.execute("CREATE PROCEDURE mart.p(n INT64, OUT m INT64) BEGIN SET m = n * 2; END")
    assert w.call("mart.p", [21]).result.to_pylist() == [{"m": 42}]
    with pytest.raises(InputError, match=why):
        w.call("mart.p", args)


def test_a_call_that_fails_in_the_middle_leaves_every_table_as_it_was(open_warehouse: Open) -> None:
    w = open_warehouse()
    w.execute(ORDERS)
    w.execute("CREATE PROCEDURE mart.bad() BEGIN DELETE FROM mart.orders WHERE TRUE; CREATE TABLE mart.made AS SELECT 1 AS a; "
              "CREATE PROCEDURE mart.more() BEGIN SELECT 1; END; RAISE USING MESSAGE = 'stop here'; END")
    before = rows(w)
    with pytest.raises(DataError, match="stop here"):
        w.call("mart.bad", [])
    assert (rows(w), w.list_tables()) == (before, ["mart.orders"])
    assert rows(open_warehouse()) == before
    assert [p.name for p in w.lake.manifest.procedures.list("demo") if p.name.startswith("mart.")] == ["mart.bad"]


def test_a_lost_race_on_one_table_keeps_none(open_warehouse: Open) -> None:
    from flows.errors import TransientError

    w, other = open_warehouse(), open_warehouse()
    w.execute("CREATE TABLE mart.a AS SELECT 1 AS n; CREATE TABLE mart.b AS SELECT 1 AS n")
    w.query("SELECT a.n, b.n AS m FROM mart.a, mart.b")
    other.execute("INSERT INTO mart.b VALUES (2)")
    with pytest.raises(TransientError):
        w.execute("UPDATE mart.a SET n = 9 WHERE TRUE; UPDATE mart.b SET n = 9 WHERE TRUE")
    assert rows(open_warehouse(), "SELECT n FROM mart.a") == [(1,)]


def test_a_cancel_between_two_statements_stops_a_script(open_warehouse: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.warehouse.interpret import Interpreter

    w = open_warehouse()
    w.execute("CREATE TABLE mart.t AS SELECT 1 AS n")
    turn = Interpreter.turn

    def cancelled(self: Any, node: Any) -> None:
        turn(self, node)
        if self.turns == 3:
            w.cancel()

    monkeypatch.setattr(Interpreter, "turn", cancelled)
    with pytest.raises(Cancelled):
        w.execute("LOOP INSERT INTO mart.t VALUES (2); END LOOP")
    assert rows(open_warehouse(), "SELECT COUNT(*) FROM mart.t") == [(1,)]


def test_a_preview_and_a_read_only_script_call_nothing_that_writes(open_warehouse: Open) -> None:
    from flows.warehouse import QueryLimits

    w = open_warehouse()
    w.execute("CREATE TABLE mart.t AS SELECT 1 AS n; CREATE PROCEDURE mart.p() BEGIN DELETE FROM mart.t WHERE TRUE; END")
    with pytest.raises(InputError, match="a preview writes nothing"):
        open_warehouse(preview=True).call("mart.p", [])
    with pytest.raises(SqlError, match="only reading is allowed"):
        w.execute("CALL mart.p()", limits=QueryLimits(read_only=True))
    assert rows(w, "SELECT n FROM mart.t") == [(1,)]


# -------------------------------------------------------------------- reading scripts
def test_strings_comments_and_names_are_whole() -> None:
    text = "SELECT '''a;'b''', 'it\\'s;', `a.b`, @@row_count -- ; END\n/* ; */ # no\n;"
    assert [t.text for t in tokens(text)] == ["SELECT", "'''a;'b'''", ",", "'it\\'s;'", ",", "`a.b`", ",", "@@row_count", ";"]


@pytest.mark.parametrize("text", ["SELECT 'a", "SELECT `a", "/* no end", "SELECT '''a''"])
def test_what_has_no_end_is_invalid_with_its_place(text: str) -> None:
    with pytest.raises(SqlError, match="has no end") as caught:
        parse(text)
    assert caught.value.line == 1


def test_a_procedure_keeps_its_text_and_its_lines() -> None:
    text = ("SELECT 1;\nCREATE PROCEDURE d.p(\n  IN p_a ARRAY<STRUCT<x INT64, y STRING>>,\n  INOUT p_b NUMERIC(10, 2)\n)\n"
            "BEGIN\n  SELECT ';';\nEND;")
    _, routine = parse(text)
    assert isinstance(routine, Routine)
    assert [(a.name, a.kind, a.mode) for a in routine.arguments] == \
        [("p_a", "ARRAY<STRUCT<x INT64, y STRING>>", "IN"), ("p_b", "NUMERIC(10, 2)", "INOUT")]
    assert (routine.line, routine.body.line, routine.body.body[0].line) == (2, 6, 7)
    assert (routine.text[:16], routine.text[-3:]) == ("CREATE PROCEDURE", "END")


def test_looks_do_not_change_the_hash() -> None:
    assert digest("SELECT  1 -- one\n") == digest("SELECT 1") != digest("SELECT 2")
    assert normal("SELECT 'a  b'") == "SELECT 'a  b'"
