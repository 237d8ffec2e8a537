"""Statements with the answer that BigQuery documents, file by file in tests/golden/sql: the answer is given here, or refused as marked.

A case starts with `-- # id category: title`; before its SQL stand, as needed:
    -- = JSON      the rows BigQuery gives; ERROR: BigQuery rejects it or stops at it; ANY: it must run
    -- ! WORD      refused | invalid: how it ends here; approximate: it is answered with a note that says what may differ
    -- @ JSON      parameters {"name": ["TYPE", value]}
    -- ? SQL       run after the statement, and its rows are compared
    -- < SQL       run before the statement, after the tables of setup.sql
"""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flows.warehouse.batch import answer_in, opened
from flows.warehouse.duckdb import DuckDBWarehouse

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "sql"
PROJECT = "acme-prod"
WORDS = ("refused", "invalid", "approximate")
HEAD = re.compile(r"-- # (\w+) (\w+): (.*)")


@dataclass
class Case:
    """One statement with its answer."""

    id: str
    title: str
    sql: str = ""
    expected: Any = None
    verdict: str = ""
    params: Any = None
    probe: str = ""
    before: list[str] = field(default_factory=list)

    @property
    def only_reads(self) -> bool:
        """One query: it leaves the tables of setup.sql as they are, so that all such cases are asked in one session."""
        return not self.before and not self.probe and ";" not in self.sql and self.sql.lstrip(" (").upper().startswith(("SELECT", "WITH"))


def load(path: Path) -> list[Case]:
    """The cases of a file. Raises ValueError for a line or a mark that is none."""
    cases: list[Case] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if head := HEAD.fullmatch(line):
            cases.append(Case(f"{path.stem}-{head[1]}", head[3]))
        elif not cases or not (mark := re.match(r"-- ([=!@?<]) (.*)", line)):
            if cases and not line.startswith("--"):
                cases[-1].sql += line + "\n"
        elif mark[1] == "=":
            cases[-1].expected = mark[2] if mark[2] in ("ERROR", "ANY") else json.loads(mark[2])
        elif mark[1] == "!":
            if mark[2] not in WORDS:
                raise ValueError(f"{path.name} {cases[-1].id}: {mark[2]!r} is none of {WORDS}")
            cases[-1].verdict = mark[2]
        elif mark[1] == "@":
            cases[-1].params = json.loads(mark[2])
        elif mark[1] == "?":
            cases[-1].probe = mark[2]
        else:
            cases[-1].before.append(mark[2])
    return cases


CASES = [case for path in sorted(GOLDEN.glob("*.sql")) if path.stem != "setup" for case in load(path)]


# -------------------------------------------------------------------- comparing
def plain(value: Any, kind: str) -> Any:
    """One form of a value; `kind` is the BigQuery type of its column."""
    if isinstance(value, list):
        return [plain(item, kind) for item in value]
    if isinstance(value, dict):
        return {name.lower(): plain(item, kind) for name, item in value.items()}
    if kind == "JSON" and isinstance(value, str):
        return json.dumps(json.loads(value), sort_keys=True)
    if kind in ("NUMERIC", "BIGNUMERIC") and isinstance(value, str):
        return format(Decimal(value).normalize() + 0, "f")
    return value


def same(left: Any, right: Any) -> bool:
    """Floats to nine digits; a NULL array and an empty one are the same in a result; the names of a struct count."""
    if left in (None, []) and right in (None, []):
        return True
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(map(same, left.values(), right.values()))
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    numbers = all(isinstance(side, (int, float)) and not isinstance(side, bool) for side in (left, right))
    if numbers and (isinstance(left, float) or isinstance(right, float)):
        return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9)
    return type(left) is type(right) and bool(left == right)


def place(value: Any) -> str:
    """A sort key that 1 and 1.0 share."""
    if isinstance(value, (list, dict)):
        return "[" + ",".join(place(item) for item in (value.values() if isinstance(value, dict) else value)) + "]"
    return f"{value:.9g}" if isinstance(value, (int, float)) and not isinstance(value, bool) else repr(value)


def same_rows(given: list[Any], expected: list[Any], kinds: list[str], *, ordered: bool) -> bool:
    if any(len(row) != len(kinds) for row in [*given, *expected]):
        return False
    sides = [[[plain(item, kind) for item, kind in zip(row, kinds, strict=True)] for row in rows] for rows in (given, expected)]
    if not ordered:
        sides = [sorted(rows, key=place) for rows in sides]
    return same(*sides) if sides[0] or sides[1] else True


# -------------------------------------------------------------------- the cases
@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a warehouse with the tables of setup.sql."""
    home = tmp_path_factory.mktemp("golden") / "home"
    home.mkdir()
    with opened(home, PROJECT) as warehouse:
        warehouse.execute((GOLDEN / "setup.sql").read_text(encoding="utf-8"))
    return home


@pytest.fixture(scope="module")
def reader(tables: Path) -> Iterator[DuckDBWarehouse]:
    with opened(tables, PROJECT) as warehouse:
        yield warehouse


@pytest.fixture
def session(case: Case, request: pytest.FixtureRequest) -> Iterator[DuckDBWarehouse]:
    """The one session of all cases that only read, else one over tables of the case's own."""
    if case.only_reads:
        yield request.getfixturevalue("reader")
        return
    home = request.getfixturevalue("tmp_path") / "home"
    shutil.copytree(request.getfixturevalue("tables"), home)
    if case.before:
        with opened(home, PROJECT) as warehouse:
            for script in case.before:
                warehouse.execute(script)
    with opened(home, PROJECT) as warehouse:
        yield warehouse


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_a_statement_gives_the_answer_that_bigquery_documents(case: Case, session: DuckDBWarehouse) -> None:
    given = answer_in(session, {"sql": case.sql.strip(), "params": case.params, "probe": case.probe or None})
    said = f"{case.title}: {json.dumps(given, ensure_ascii=False)[:1500]}"
    if case.verdict in ("refused", "invalid"):
        assert given.get("verdict") == case.verdict, said
        return
    if case.expected == "ERROR":
        assert given.get("verdict") == "invalid", said
        return
    assert "error" not in given, said
    assert bool(given["notes"]) == (case.verdict == "approximate"), said
    if case.expected != "ANY":
        kinds = [column["type"] for column in given["columns"]]
        ordered = "order by" in (case.probe or case.sql).lower()
        assert same_rows(given["rows"], case.expected, kinds, ordered=ordered), f"{said}\nwanted {case.expected}"


def test_every_case_has_an_answer_and_an_id_of_its_own() -> None:
    names = [case.id for case in CASES]
    assert len(names) == len(set(names))
    assert [case.id for case in CASES if (case.expected is None and not case.verdict) or not case.sql.strip()] == []


def test_other_rows_are_other_rows() -> None:
    assert same_rows([[1, "a"], [2, None]], [[2, None], [1.0, "a"]], ["INT64", "STRING"], ordered=False)
    for other in ([[2, "a"]], [[1, "b"]], [[1, None]], [[1]], [], [[1, "a"], [1, "a"]], [[True, "a"]]):
        assert not same_rows([[1, "a"]], other, ["INT64", "STRING"], ordered=False)
    assert not same_rows([[1], [2]], [[2], [1]], ["INT64"], ordered=True)
    assert same_rows([['{"a": 1, "b": 2}', "2.50"]], [['{"b":2,"a":1}', "2.5"]], ["JSON", "NUMERIC"], ordered=True)


def test_a_mark_that_is_none_is_no_case(tmp_path: Path) -> None:
    bad = tmp_path / "bad.sql"
    bad.write_text("-- # 1 x: y\n-- ! refuse\nSELECT 1\n")
    with pytest.raises(ValueError, match="'refuse' is none of"):
        load(bad)
