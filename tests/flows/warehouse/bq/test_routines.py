"""Procedures on BigQuery as they are sent: physical names, the hash in the description, nothing sent that did not change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.cloud import bigquery

from flows.errors import SqlError
from flows.settings import Limits
from flows.warehouse.bigquery import BigQueryWarehouse
from flows.warehouse.bq.project import Project
from flows.warehouse.bq.routines import MARK, physical, script
from flows.warehouse.nodes import Argument
from flows.warehouse.routines import SHIPPED, read, read_file


@pytest.fixture
def w(client: bigquery.Client, tmp_path: Path) -> BigQueryWarehouse:
    return BigQueryWarehouse(Project(project="acme-prod"), "acme", limits=Limits(), stage_dir=tmp_path, client=client)


def kept(google: Any, descriptions: dict[str, str]) -> Callable[..., Any]:
    """BigQuery has these routines, by their id, and every dataset."""

    def answer(method: str, path: str, body: dict[str, Any]) -> tuple[int, Any] | None:
        name = path.rpartition("/")[2]
        if "/routines/" in path and name in descriptions:
            return 200, {"routineReference": {"projectId": "acme-prod", "datasetId": "d", "routineId": name}, "routineType": "PROCEDURE",
                         "description": descriptions[name], "arguments": [
                             {"name": "p_table", "mode": "IN", "dataType": {"typeKind": "STRING"}},
                             {"name": "p_rows", "mode": "OUT", "dataType": {"typeKind": "INT64"}}]}
        if method == "GET" and "/datasets/" in path and "/routines" not in path:
            return 200, {"datasetReference": {"projectId": "acme-prod", "datasetId": name}}
        return None

    google.answers.append(answer)
    return answer


def sent(google: Any) -> list[str]:
    return [c["query"]["query"] for c in google.sent(dry=False)]


def test_a_new_procedure_is_created_with_its_hash_and_a_known_one_is_left_alone(w: BigQueryWarehouse, google: Any, tmp_path: Path) -> None:
    (tmp_path / "sp.sql").write_text("-- one\nCREATE OR REPLACE PROCEDURE mart.sp(p_day DATE, OUT p_n INT64)\nBEGIN\n"
                                     "  BEGIN TRANSACTION;\n  DELETE FROM mart.orders WHERE day = p_day;\n  COMMIT TRANSACTION;\n"
                                     "  SET p_n = (SELECT COUNT(*) FROM mart.orders);\nEND;\n")
    descriptions: dict[str, str] = {}
    kept(google, descriptions)
    assert w.sync_procedures(str(tmp_path)) == {"mart.sp": "created"}
    dataset = w.project.dataset("acme", "mart")
    text = sent(google)[0]
    head, options, *body = text.splitlines()
    assert head == f"CREATE OR REPLACE PROCEDURE `acme-prod.{dataset}.sp`(IN `p_day` DATE, OUT `p_n` INT64)"
    assert options.startswith(f"OPTIONS(description='{MARK}")
    assert f"  DELETE FROM `acme-prod.{dataset}.orders` WHERE day = p_day;" in body
    assert f"  SET p_n = (SELECT COUNT(*) FROM `acme-prod.{dataset}.orders`);" in body
    descriptions["sp"] = options.removeprefix("OPTIONS(description='").removesuffix("')")
    assert w.sync_procedures(str(tmp_path)) == {"mart.sp": "unchanged"}
    descriptions["sp"] = MARK + "0" * 64
    assert w.sync_procedures(str(tmp_path)) == {"mart.sp": "updated"}
    assert len(sent(google)) == 2


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.sql")), ids=lambda path: path.stem)
def test_shipped_procedures_have_a_body_for_bigquery(w: BigQueryWarehouse, path: Path) -> None:
    routine = read_file(path)
    body = physical(w, routine)
    assert (body[:5], body[-3:]) == ("BEGIN", "END")
    assert [t.rstrip() for t in body.splitlines()] == [t.rstrip() for t in routine.text[routine.text.index("BEGIN\n"):].splitlines()]


def test_a_call_is_one_script_with_typed_values() -> None:
    arguments = [Argument("p_table", "STRING"), Argument("p_day", "DATE"), Argument("p_rows", "INT64", "OUT"),
                 Argument("p_n", "INT64", "INOUT")]
    text, params = script("acme-prod.d.sp", arguments, {"p_table": "x", "p_day": None, "p_n": 3})
    assert text == ("DECLARE `p_rows` INT64;\nDECLARE `p_n` INT64 DEFAULT CAST(@p_n AS INT64);\n"
                    "CALL `acme-prod.d.sp`(CAST(@p_table AS STRING), CAST(NULL AS DATE), `p_rows`, `p_n`);\n"
                    "SELECT `p_rows` AS `p_rows`, `p_n` AS `p_n`")
    assert params == {"p_table": "x", "p_n": 3}


def test_a_table_argument_gets_its_physical_name(w: BigQueryWarehouse, google: Any) -> None:
    kept(google, {"sp": "made by hand"})
    w.call("mart.sp", ["mart.orders"])
    config = google.sent(dry=False)[-1]["query"]
    assert config["queryParameters"][0]["parameterValue"] == {"value": f"acme-prod.{w.project.dataset('acme', 'mart')}.orders"}
    assert config["maximumBytesBilled"] == str(w.jobs.budget())


def test_a_call_inside_a_procedure_is_refused(w: BigQueryWarehouse) -> None:
    with pytest.raises(SqlError, match="CALL inside of a procedure") as caught:
        physical(w, read("CREATE PROCEDURE mart.p()\nBEGIN\n  CALL mart.q();\nEND"))
    assert (caught.value.verdict, caught.value.line) == ("refused", 3)
