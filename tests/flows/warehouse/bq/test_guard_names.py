"""The same two lists on the way to BigQuery: what is refused there, and that nothing leaves with a name that is not the tenant's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flows.errors import PenstockError
from flows.warehouse import guard
from flows.warehouse.bq.names import Names
from flows.warehouse.bq.project import Project
from flows.warehouse.scope import path_of, real_tables

FOLDER = Path(__file__).parents[3] / "golden" / "guard"
ELSEWHERE = {"not_found", "limit", "data", "invalid_sql"}
"""What BigQuery says itself: whether a table is there, and where its own bounds are."""
PARAMS = {"p": 3, "ids": [1, 3], "text": "'; DROP TABLE mart.mine; --"}


def cases(name: str) -> list[tuple[str, set[str], str]]:
    found = []
    for part in re.split(r"^-- # ", (FOLDER / name).read_text(), flags=re.MULTILINE)[1:]:
        head, _, body = part.partition("\n")
        sql = re.sub(r"^-- = .*$", "", body, flags=re.MULTILINE).strip()
        if "{" not in sql or "{#" in sql or "{y}" in sql or '{"' in sql:
            found.append((head.partition(" ")[0].rstrip(":"), set(head.partition(":")[0].split()[1:]), sql))
    return found


@pytest.fixture
def names() -> Names:
    return Names(Project(project="acme-prod"), "demo", {"mine": "mart.mine"})


def foreign(sql: str) -> list[str]:
    """Tables of a text that are not the tenant's."""
    tables = [path_of(table) for tree in guard.parse(sql) for table in real_tables(tree)]
    return [".".join(path) for path in tables if len(path) != 3 or path[0] != "acme-prod" or not path[1].startswith("demo__")]


def test_nothing_hostile_leaves_for_bigquery(names: Names) -> None:
    wrong = []
    for name, codes, sql in cases("hostile.sql"):
        try:
            made = names.text(sql, PARAMS)
        except PenstockError as error:
            if error.code not in codes and not codes & ELSEWHERE:
                wrong.append(f"{name} {error.code} instead of {codes}: {error}")
        else:
            if not codes & ELSEWHERE or foreign(made.sql):
                wrong.append(f"{name} would be sent: {made.sql}")
    assert not wrong, "\n".join(wrong)


def test_honest_statements_leave_for_bigquery(names: Names) -> None:
    wrong = []
    for name, _, sql in cases("honest.sql"):
        try:
            made = names.text(sql, PARAMS)
        except PenstockError as error:
            wrong.append(f"{name} {error.code}: {error}")
        else:
            if foreign(made.sql):
                wrong.append(f"{name} names {foreign(made.sql)}: {made.sql}")
    assert not wrong, "\n".join(wrong)
