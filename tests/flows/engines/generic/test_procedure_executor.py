"""A step that calls a stored procedure."""

import pytest
from pydantic import ValidationError

from flows.errors import DataError, InputError, MissingError

CALL = {"procedure": "system.sp_delete_before",
        "args": {"p_table": "mart.orders", "p_column": "day", "p_before": "2025-11-02", "p_dry_run": False}}


def call(bench, *, preview=False, **config):
    return bench.run("generic.procedure_executor", "call", preview=preview, blocks={"config": {**CALL, **config}})


@pytest.fixture(autouse=True)
def orders(bench):
    bench.session().execute("CREATE TABLE mart.orders AS SELECT 1 AS id, DATE '2025-11-01' AS day UNION ALL SELECT 2, DATE '2025-11-02'")


def ids(bench):
    return [row["id"] for row in bench.rows("mart.orders")]


def test_a_call_writes_and_tells_its_out_arguments(bench):
    done = call(bench)
    assert (done.rows, done.outputs, ids(bench)) == (1, {"p_rows": 1}, [2])
    assert call(bench).rows == 0


def test_values_may_come_in_the_order_of_the_arguments(bench):
    assert call(bench, args=["mart.orders", "day", "2025-11-03", True]).outputs == {"p_rows": 2}
    assert ids(bench) == [1, 2]


def test_a_preview_says_what_it_would_call_and_calls_nothing(bench):
    shown = call(bench, preview=True)
    assert shown.notes == ["would call system.sp_delete_before(p_table = 'mart.orders', p_column = 'day', p_before = '2025-11-02', "
                           "p_dry_run = False); a preview calls nothing"]
    assert ids(bench) == [1, 2]


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize(("config", "kind", "why"), [
    ({"procedure": "system.sp_delete_befor"}, (MissingError, InputError), "system.sp_delete_before"),
    ({"args": {"p_tabel": "x"}}, InputError, "Did you mean 'p_table'"),
    ({"args": [1]}, InputError, "takes 4 arguments, 1 are given"),
])
def test_a_wrong_call_is_said(bench, preview, config, kind, why):
    with pytest.raises(kind, match=why):
        call(bench, preview=preview, **config)


def test_an_argument_has_its_type(bench):
    with pytest.raises(InputError, match=r"argument p_before of system\.sp_delete_before is DATE"):
        call(bench, args=["mart.orders", "day", 7, True])


def test_a_failed_call_leaves_the_table(bench):
    with pytest.raises(DataError, match="p_column must be the name of a column"):
        call(bench, args=["mart.orders", "day`; --", "2025-11-03", False])
    assert ids(bench) == [1, 2]


def test_a_procedure_has_a_dataset():
    from flows.engines.generic.procedure_executor import Config

    with pytest.raises(ValidationError, match="does not say its dataset"):
        Config.model_validate({"config": {"procedure": "sp_delete_before"}})
