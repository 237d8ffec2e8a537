"""What a written statement becomes on BigQuery: its own text, with the tenant's names in it and nobody else's."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import sqlglot

from flows.errors import InputError, SqlError
from flows.warehouse.bq.names import Names
from flows.warehouse.bq.project import Project

STAGED = "acme-prod.acme__penstock_stage.r1_clean"


@pytest.fixture
def names() -> Names:
    made = Names(Project(project="acme-prod", shared={"pub": ["acme"], "hidden": ["others"]}), "acme", {"orders": "shop.orders_v2"})
    made.bind("clean", STAGED)
    return made


PLACED = [
    ("SELECT * FROM mart.t", "SELECT * FROM `acme-prod.acme__mart.t`"),
    ("SELECT * FROM `mart.t` AS x, acme-prod.mart.`u`", "SELECT * FROM `acme-prod.acme__mart.t` AS x, `acme-prod.acme__mart.u`"),
    ("SELECT clean.a FROM clean", f"SELECT clean.a FROM `{STAGED}` AS `clean`"),
    ("SELECT c.a FROM clean c JOIN clean USING (a)", f"SELECT c.a FROM `{STAGED}` c JOIN `{STAGED}` AS `clean` USING (a)"),
    ("SELECT * FROM orders", "SELECT * FROM `acme-prod.acme__shop.orders_v2` AS `orders`"),
    ("SELECT * FROM pub.rates", "SELECT * FROM `acme-prod.pub.rates`"),
    ("SELECT * FROM hidden.rates", "SELECT * FROM `acme-prod.acme__hidden.rates`"),
    ("WITH t AS (SELECT * FROM mart.t) SELECT * FROM t", "WITH t AS (SELECT * FROM `acme-prod.acme__mart.t`) SELECT * FROM t"),
    ("SELECT i.x FROM mart.t AS t, t.items AS i", "SELECT i.x FROM `acme-prod.acme__mart.t` AS t, t.items AS i"),
    ("SELECT * FROM mart.`events_*` WHERE _TABLE_SUFFIX = '1'", "SELECT * FROM `acme-prod.acme__mart.events_*` WHERE _TABLE_SUFFIX = '1'"),
    ("FROM mart.t |> WHERE x > 1", "FROM `acme-prod.acme__mart.t` |> WHERE x > 1"),
    ("SELECT 1 FROM mart.t -- mart.u\n;", "SELECT 1 FROM `acme-prod.acme__mart.t`"),
    ("SELECT 'mart.t', \"\"\"mart.t\"\"\" FROM mart.t", "SELECT 'mart.t', \"\"\"mart.t\"\"\" FROM `acme-prod.acme__mart.t`"),
]


@pytest.mark.parametrize(("written", "sent"), PLACED, ids=[str(n) for n in range(len(PLACED))])
def test_names_are_replaced_where_they_stand(names: Names, written: str, sent: str) -> None:
    assert names.text(written, {}).sql == sent


REFUSED = [
    ("SELECT * FROM other.mart.t", "is not yours"), ("SELECT * FROM t", "there is no table 't'"),
    ("SELECT * FROM cleam", "Did you mean 'clean'"), ("WITH t AS (SELECT * FROM t) SELECT * FROM t", "there is no table 't'"),
    ("SELECT * FROM INFORMATION_SCHEMA.SCHEMATA", "not offered on BigQuery"), ("SELECT * FROM mart.t WHERE x = :a", "needs an @"),
    ("SELECT 1; SELECT 2", "2 statements"), ("DELETE FROM mart.t WHERE true", "only a SELECT"),
]


@pytest.mark.parametrize(("written", "words"), REFUSED, ids=[str(n) for n in range(len(REFUSED))])
def test_everything_else_is_refused(names: Names, written: str, words: str) -> None:
    with pytest.raises(SqlError, match=words):
        names.text(written, {"a": 1})


REWRITTEN = [
    "SELECT EXTRACT(HOUR FROM ts AT TIME ZONE 'Asia/Kolkata') FROM mart.t",
    "SELECT FORMAT_TIMESTAMP('%Y-%m-%d %H:%M:%S', ts) FROM mart.t",
    "SELECT STRPOS(s, 'c'), s FROM mart.t",
]


@pytest.mark.parametrize("sql", REWRITTEN, ids=[str(n) for n in range(len(REWRITTEN))])
def test_the_text_stays_where_the_generator_would_write_another(names: Names, sql: str) -> None:
    """Why names are replaced in the text: the generator changes 65 of 171 statements of a corpus, as these."""
    words = sql.removesuffix("mart.t")
    assert names.text(sql, {}).sql == f"{words}`acme-prod.acme__mart.t`"
    assert words not in sqlglot.parse_one(sql, read="bigquery").sql(dialect="bigquery")


def test_values_go_as_parameters_and_what_has_no_type_as_a_literal(names: Names) -> None:
    text = "'; DROP TABLE mart.t; --"
    made = names.text("SELECT @p, @@project_id, '@q' FROM mart.t WHERE d >= @d AND x = @n AND y IN UNNEST(@e)",
                      {"p": text, "d": date(2025, 1, 1), "n": None, "e": [], "unused": 1})
    assert made.sql == "SELECT @p, @@project_id, '@q' FROM `acme-prod.acme__mart.t` WHERE d >= @d AND x = NULL AND y IN UNNEST([])"
    assert made.params == {"p": text, "d": date(2025, 1, 1)}
    with pytest.raises(InputError, match=r"parameter @P has no value.*Did you mean"):
        names.text("SELECT @P", {"p": 1})


def test_a_compiled_tree_goes_the_same_way(names: Names) -> None:
    from sqlglot import exp

    tree: Any = exp.select("a").from_(exp.table_("clean")).where(exp.EQ(this=exp.column("a"), expression=exp.Placeholder(this="k")))
    made = names.tree(tree, {"k": 3})
    assert made.sql == "SELECT a FROM `acme-prod`.`acme__penstock_stage`.`r1_clean` AS `clean` WHERE a = @k"
    assert made.params == {"k": 3}
    assert names.tree(tree, {"k": None}).sql.endswith("AS `clean` WHERE NULL")


def test_the_dataset_of_information_schema_keeps_its_own_name(names: Names) -> None:
    made = names.text("SELECT t.table_schema FROM mart.INFORMATION_SCHEMA.COLUMNS AS t", {})
    assert made.sql.endswith("`acme-prod.acme__mart`.INFORMATION_SCHEMA.COLUMNS) AS t")
    made = names.text("SELECT table_schema, table_name FROM mart.INFORMATION_SCHEMA.TABLES", {})
    assert made.sql == ("SELECT table_schema, table_name FROM (SELECT * REPLACE ('mart' AS table_schema) FROM "
                        "`acme-prod.acme__mart`.INFORMATION_SCHEMA.TABLES) AS `TABLES`")


def test_what_is_read_is_not_written(names: Names) -> None:
    for path in (("pub", "rates"), ("clean",), ("mart", "events_*")):
        with pytest.raises((SqlError, InputError)):
            names.writable(path)
    assert names.writable(("orders",)).logical == "shop.orders_v2"


def test_a_tenant_is_not_another_whose_name_begins_alike() -> None:
    names = Names(Project(project="p"), "acme")
    assert names.is_own("p", "acme__mart")
    for project, dataset in (("p", "acme2__mart"), ("q", "acme__mart"), ("p", "mart"), ("p", "acme__")):
        assert not names.is_own(project, dataset)
