import pytest

from flows.errors import SpecError, SqlError
from flows.warehouse.base import Column

ORDERS = (Column("order_id", "INT64"), Column("customer_id", "INT64"), Column("status", "STRING"), Column("amount", "FLOAT64"))
CUSTOMERS = (Column("customer_id", "INT64"), Column("status", "STRING"), Column("country", "STRING"))
JOIN = {"inputs": ["extract_orders", "extract_customers"],
        "operations": [{"op": "join", "with": "extract_customers", "on": [["customer_id", "customer_id"]]},
                       {"op": "aggregate", "by": ["country", "customers_status"],
                        "measures": [{"fn": "sum", "column": "amount", "as": "revenue"}]}]}
WORDS = {"extract_orders": "orders", "extract_customers": "customers"}


@pytest.fixture
def joined(bench):
    bench.made("extract_orders", "SELECT 1 AS order_id, 10 AS customer_id, 'paid' AS status, 5e0 AS amount "
                                 "UNION ALL SELECT 2, 10, 'paid', 2.5e0")
    bench.made("extract_customers", "SELECT 10 AS customer_id, 'active' AS status, 'DE' AS country")
    return bench


def test_check_and_run_agree_on_the_names_after_a_join(joined):
    columns = joined.output("generic.transform", {"config": JOIN}, WORDS, extract_orders=ORDERS, extract_customers=CUSTOMERS)
    result = joined.run("generic.transform", "mart", blocks={"config": JOIN}, tables=WORDS)
    assert result.relation.columns == columns
    assert columns == (Column("country", "STRING"), Column("customers_status", "STRING"), Column("revenue", "FLOAT64"))
    assert joined.rows("mart") == [{"country": "DE", "customers_status": "active", "revenue": 7.5}]


def test_two_inputs_of_one_table_keep_their_own_names(bench):
    columns = (Column("id", "INT64"), Column("amount", "INT64"))
    config = {"inputs": ["a", "b"], "operations": [{"op": "join", "with": "b", "on": [["id", "id"]]}]}
    given = bench.output("generic.transform", {"config": config}, {"a": "orders", "b": "orders"}, a=columns, b=columns)
    assert [c.name for c in given] == ["id", "amount", "b_id", "b_amount"]


def test_a_catalogued_table_can_be_an_input(bench, shop_catalog):
    bench.catalog = shop_catalog()
    bench.table("shop.customers", "SELECT 10 AS customer_id, 'DE' AS country, 'active' AS status")
    bench.made("rows", "SELECT 10 AS customer_id, 1.0 AS amount")
    config = {"inputs": ["rows", "customers"], "operations": [{"op": "join", "with": "customers", "on": [["customer_id", "customer_id"]]},
                                                              {"op": "select", "columns": ["country", "amount"]}]}
    assert bench.output("generic.transform", {"config": config}, rows=(Column("customer_id", "INT64"), Column("amount", "FLOAT64"))) == (
        Column("country", "STRING"), Column("amount", "FLOAT64"))
    bench.run("generic.transform", "out", blocks={"config": config})
    assert bench.rows("out") == [{"country": "DE", "amount": 1.0}]


def test_a_table_that_only_an_operation_names_is_an_input_too(joined):
    config = {"inputs": ["extract_orders"], "operations": JOIN["operations"][:1]}
    assert joined.run("generic.transform", "out", blocks={"config": config}).rows == 2


def test_paths_lead_into_the_block(bench):
    with pytest.raises(SpecError, match=r"config\.operations\.0\.where\.column: .*Did you mean 'amount'"):
        bench.output("generic.transform", {"config": {"inputs": ["o"], "operations": [
            {"op": "filter", "where": {"column": "amont", "is": ">", "value": 1}}]}}, o=ORDERS)
    with pytest.raises(SpecError, match=r"config\.inputs\.1: unknown table 'custmers'. Did you mean 'customers'"):
        bench.output("generic.transform", {"config": {"inputs": ["o", "custmers"], "operations": [{"op": "limit", "n": 1}]}}, o=ORDERS,
                     customers=CUSTOMERS)


def test_unknown_columns_stay_unknown(bench):
    assert bench.output("generic.transform", {"config": {"inputs": ["o"], "operations": [{"op": "limit", "n": 1}]}}, o=None) is None


def test_a_preview_is_a_view(joined):
    result = joined.run("generic.transform", "mart", blocks={"config": {"inputs": ["extract_orders"], "operations": [
        {"op": "filter", "where": {"column": "amount", "is": ">", "value": 3}}]}}, preview=True)
    assert result.rows is None
    assert joined.last.query("SELECT order_id FROM mart").to_pylist() == [{"order_id": 1}]


# ---------------------------------------------------------------- generic.sql
def sql(bench, query, inputs=("extract_orders",), **about):
    return bench.run("generic.sql", "out", blocks={"config": {"inputs": list(inputs), "query": query}}, **about)


def test_one_select_over_the_inputs(joined):
    sql(joined, "SELECT customer_id, SUM(amount) AS revenue FROM extract_orders GROUP BY customer_id")
    assert joined.rows("out") == [{"customer_id": 10, "revenue": 7.5}]


def test_placeholders_are_bound(joined):
    sql(joined, "SELECT COUNT(*) AS n, {state} AS said FROM extract_orders WHERE status = {state}",
        variables={"state": "paid' OR '1'='1"})
    assert joined.rows("out") == [{"n": 0, "said": "paid' OR '1'='1"}]


@pytest.mark.parametrize("query", [
    "DROP TABLE extract_orders", "SELECT 1; DELETE FROM extract_orders WHERE TRUE",
    "INSERT INTO extract_orders SELECT * FROM extract_orders",
    "SELECT * FROM read_parquet('/etc/passwd')", "SELECT * FROM INFORMATION_SCHEMA.TABLES",
    "SELECT * FROM other.secrets", "SELEC 1", ""])
def test_nothing_but_one_reading_select_runs(joined, query):
    with pytest.raises((SqlError, ValueError)):
        sql(joined, query)


def test_inputs_of_sql_must_be_there(bench):
    with pytest.raises(SpecError, match=r"config\.inputs\.0: unknown table 'ordrs'. Did you mean 'orders'"):
        bench.output("generic.sql", {"config": {"inputs": ["ordrs"], "query": "SELECT 1"}}, orders=ORDERS)


FLAG = {"op": "flag_anomalies", "column": "cost", "threshold": 3}
AWAY = {"op": "rename", "columns": {"is_anomaly": "odd", "cost": "price"}}


@pytest.mark.parametrize(("operations", "found", "note"), [
    ([FLAG], 2, "2 rows are flagged as unusual (is_anomaly)"), ([FLAG, AWAY], 2, "2 rows are flagged as unusual (odd)"),
    ([FLAG, {"op": "filter", "where": {"column": "cost", "is": ">", "value": 500}}], 1, "1 row is flagged as unusual (is_anomaly)"),
    ([{**FLAG, "as": "a"}, {**FLAG, "as": "b"}], 2, "2 rows are flagged as unusual (a, b)"),
    ([FLAG, {"op": "filter", "where": {"column": "cost", "is": "<", "value": 0}}], 0, "0 rows are flagged as unusual (is_anomaly)"),
    ([FLAG, {"op": "select", "columns": ["cost"]}], None, ""), ([{"op": "limit", "n": 3}], None, "")])
def test_flagged_rows_are_counted_where_the_flag_is_still_there(bench, operations, found, note):
    bench.made("rows", "SELECT n, CASE n WHEN 1 THEN 900 WHEN 2 THEN 450 ELSE n % 7 END AS cost FROM range(100) t(n)")
    result = bench.run("generic.transform", blocks={"config": {"inputs": ["rows"], "operations": operations}})
    assert result.outputs.get("anomalies") == found
    assert [each for each in result.notes if "flagged" in each] == ([note] if note else [])


def test_a_preview_counts_no_anomalies(bench):
    bench.made("rows", "SELECT n AS cost FROM range(100) t(n)")
    result = bench.run("generic.transform", preview=True, blocks={"config": {"inputs": ["rows"], "operations": [FLAG]}})
    assert "anomalies" not in result.outputs
