"""What a write sends to BigQuery, as text: what the emulator cannot prove (one transaction, partitions that are not read) is read here."""

from __future__ import annotations

from datetime import date

import pytest

from flows.warehouse.base import Column, TableSpec
from flows.warehouse.bq import sql
from flows.warehouse.bq.schema import buckets, column_sql, keys_of, layout_sql, spec_of, table_of, with_keys

A, D, T = Column("a", "INT64"), Column("d", "DATE"), Column("t", "TIMESTAMP")
KEY = {"x_org_slug": "o'ne", "x_pipeline_id": "p", "x_credential_id": "c\\", "x_pipeline_run_date": "2025-11-01"}


def test_a_slice_is_replaced_in_one_transaction() -> None:
    script = sql.replace_rows("`p.d.t`", [A, D], "`p.s.w`", "`a` = 1", partition=D, mine="`x_run_id` = 'r'")
    assert script == """DECLARE penstock_old STRUCT<n INT64, lo DATE, hi DATE>;
DECLARE penstock_lo DATE;
DECLARE penstock_hi DATE;
DECLARE penstock_mixed INT64 DEFAULT 0;
BEGIN TRANSACTION;
SET penstock_old = (SELECT AS STRUCT COUNT(*) AS n, MIN(`d`) AS lo, MAX(`d`) AS hi FROM `p.d.t` WHERE `a` = 1);
SET penstock_lo = penstock_old.lo;
SET penstock_hi = penstock_old.hi;
IF penstock_old.n > 0 THEN
  DELETE FROM `p.d.t` WHERE `a` = 1 AND (`d` BETWEEN penstock_lo AND penstock_hi OR `d` IS NULL);
END IF;
INSERT INTO `p.d.t` (`a`, `d`) SELECT `a`, `d` FROM `p.s.w`;
COMMIT TRANSACTION;
IF penstock_old.n = 0 THEN
  SET penstock_mixed = (SELECT IF(COUNTIF(`x_run_id` = 'r') = 0, 0, COUNTIF(NOT (`x_run_id` = 'r'))) FROM `p.d.t` WHERE `a` = 1);
END IF;
SELECT penstock_old.n AS replaced, penstock_mixed AS mixed"""


def test_a_slice_is_quoted_text_and_names_its_date() -> None:
    assert sql.slice_is(KEY) == ("`x_org_slug` = 'o\\'ne' AND `x_pipeline_id` = 'p' AND `x_credential_id` = 'c\\\\' "
                                 "AND `x_pipeline_run_date` = DATE '2025-11-01'")


@pytest.mark.parametrize(("column", "values", "condition"), [
    (D, [date(2025, 1, 3), date(2025, 1, 1), date(2025, 1, 2)], "(`d` BETWEEN DATE '2025-01-01' AND DATE '2025-01-03')"),
    (D, [date(2025, 1, 1), None, date(2025, 1, 3)],
     "(`d` BETWEEN DATE '2025-01-01' AND DATE '2025-01-01' OR `d` BETWEEN DATE '2025-01-03' AND DATE '2025-01-03' OR `d` IS NULL)"),
    (T, [date(9999, 12, 31)], "(`t` BETWEEN TIMESTAMP '9999-12-31 00:00:00+00' AND TIMESTAMP '9999-12-31 23:59:59.999999+00')"),
    (Column("m", "DATETIME"), [date(2024, 2, 29), date(2024, 3, 1)],
     "(`m` BETWEEN DATETIME '2024-02-29 00:00:00' AND DATETIME '2024-03-01 23:59:59.999999')"),
    (A, [7, 5, 6, 9], "(`a` BETWEEN 5 AND 7 OR `a` BETWEEN 9 AND 9)"), (D, [], "FALSE"), (D, [None], "(`d` IS NULL)"),
])
def test_partitions_are_bounds_of_their_bare_column(column: Column, values: list[object], condition: str) -> None:
    assert sql.partitions_are(column, values) == condition


def test_keys_are_equal_one_side_against_the_other() -> None:
    keys = [Column("k", "INT64"), Column("s", "STRING"), Column("f", "FLOAT64")]
    assert sql.same_keys(keys, ["s"]) == ("t.`k` = s.`k` AND COALESCE(t.`s`, '') = COALESCE(s.`s`, '') "
                                          "AND (t.`s` IS NULL) = (s.`s` IS NULL) "
                                          "AND CAST(t.`f` + 0.0 AS STRING) = CAST(s.`f` + 0.0 AS STRING)")


def test_a_merge_keeps_what_the_rows_do_not_say() -> None:
    script = sql.merge("`p.d.t`", [A, D], ["a"], "`p.s.w`", "t.`a` = s.`a`", partition=D)
    assert "FROM `p.d.t` AS t JOIN `p.s.w` AS s ON t.`a` = s.`a`);" in script
    assert ("MERGE `p.d.t` AS t USING `p.s.w` AS s ON t.`a` = s.`a` AND (t.`d` BETWEEN penstock_lo AND penstock_hi OR t.`d` IS NULL)\n"
            "WHEN MATCHED THEN UPDATE SET `a` = s.`a`\nWHEN NOT MATCHED THEN INSERT (`a`, `d`) VALUES (s.`a`, s.`d`);") in script
    assert script.index("BEGIN TRANSACTION") < script.index("SET penstock_old") < script.index("MERGE") < script.index("COMMIT")


def test_a_whole_table_keeps_its_place_or_is_made_anew() -> None:
    whole = sql.replace_all("`p.d.t`", [A], "`p.s.w`")
    assert "TRUNCATE TABLE `p.d.t`;\nINSERT INTO `p.d.t` (`a`) SELECT `a` FROM `p.s.w`;\nCOMMIT" in whole
    spec = TableSpec("d.t", (A, D), partition_by="d")
    assert "CREATE OR REPLACE TABLE `p.d.t` (x) AS SELECT `a`, `d` FROM r;" in sql.rebuild("`p.d.t`", spec, "(x)", "r", drop=False)
    assert "DROP TABLE `p.d.t`;\nCREATE TABLE `p.d.t` (x) AS SELECT `a`, `d` FROM r;" in sql.rebuild("`p.d.t`", spec, "(x)", "r", drop=True)


def test_staged_rows_go_away_by_themselves() -> None:
    assert sql.stage("`p.s.w`", "SELECT 1 AS a") == (
        "CREATE TABLE `p.s.w` OPTIONS(expiration_timestamp = TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 24 HOUR)) AS SELECT 1 AS a")


def test_rows_are_cast_only_where_they_must_be() -> None:
    columns = [A, Column("n", "NUMERIC"), Column("l", "ARRAY<STRUCT<k STRING>>")]
    assert sql.values_of(columns, {"a": "INT64", "n": "INT64"}) == ["`a`", "CAST(`n` AS NUMERIC) AS `n`",
                                                                    "CAST(NULL AS ARRAY<STRUCT<k STRING>>) AS `l`"]


# -------------------------------------------------------------------- specs
SPEC = TableSpec("mart.t", (Column("a", "INT64", nullable=False, description="it's a"), Column("n", "NUMERIC"), Column("j", "JSON"),
                            Column("l", "ARRAY<STRING>"), Column("s", "STRUCT<x INT64, y ARRAY<STRUCT<z BYTES>>>"),
                            Column("b", "BIGNUMERIC"), Column("d", "DATE")), partition_by="d", cluster_by=("a",), keys=("a", "Größe"))


def test_a_spec_becomes_a_table_and_comes_back() -> None:
    table = table_of(SPEC, "p.d.t")
    assert (table.time_partitioning.field, table.time_partitioning.type_, table.clustering_fields) == ("d", "DAY", ["a"])
    assert not table.require_partition_filter
    assert [field.mode for field in table.schema] == ["REQUIRED", "NULLABLE", "NULLABLE", "REPEATED", "NULLABLE", "NULLABLE", "NULLABLE"]
    back = spec_of("mart.t", table)
    assert (back.columns, back.partition_by, back.cluster_by, back.keys) == (SPEC.columns, "d", ("a",), SPEC.keys)


def test_a_number_is_partitioned_by_ranges() -> None:
    spec = TableSpec("mart.t", (A,), partition_by="a")
    found = table_of(spec, "p.d.t").range_partitioning
    assert (found.field, found.range_.start, found.range_.end, found.range_.interval) == ("a", 0, 100_000_000, 10_000)
    assert buckets((20_250_101, 20_251_231)) == (19_700_000, 20_700_000, 100)
    assert all((end - start) // step <= 10_000 for start, end, step in (buckets(None), buckets((20_250_101, 20_250_102))))
    assert spec_of("mart.t", table_of(spec, "p.d.t")).partition_by == "a"


def test_keys_live_in_the_description_beside_what_a_person_wrote() -> None:
    told = with_keys("Daily revenue.\nAsk Ann.", ("a", 'b"')) + "\n"
    assert keys_of(told) == ("a", 'b"')
    assert with_keys(told, ("c",)) == 'Daily revenue.\nAsk Ann.\n\nPenstock keys: ["c"]'
    assert with_keys(told, ()) == "Daily revenue.\nAsk Ann."
    assert keys_of("Penstock keys: [broken]") == keys_of("") == ()


def test_a_layout_is_spelled_for_ddl() -> None:
    assert layout_sql(SPEC, description="Mine") == ("PARTITION BY `d` CLUSTER BY `a` "
                                                    "OPTIONS(description = 'Mine\\n\\nPenstock keys: [\"a\", \"Größe\"]')")
    assert layout_sql(TableSpec("m.t", (T,), partition_by="t")) == "PARTITION BY TIMESTAMP_TRUNC(`t`, DAY)"
    assert layout_sql(TableSpec("m.t", (A,), partition_by="a")) == "PARTITION BY RANGE_BUCKET(`a`, GENERATE_ARRAY(0, 100000000, 10000))"
    assert column_sql(SPEC.columns[0]) == "`a` INT64 NOT NULL OPTIONS(description = 'it\\'s a')"
    assert column_sql(Column("l", "ARRAY<STRING>", nullable=False)) == "`l` ARRAY<STRING>"
