"""No compilation for BigQuery gives a function, or a comparison, types that BigQuery does not document for it."""

from __future__ import annotations

import pytest
import sqlglot

from tests.flows.transform.test_compile import GOLDEN, TABLES
from tests.parity import engines
from tests.parity.phrases import PHRASES
from tests.parity.pool import TYPES
from tests.parity.signatures import unknown
from tests.parity.specs import Case, Relation
from tests.parity.types import mistyped

POOL = {"parity": {"pool": {**TYPES, "_n": "INT64"}}}


def test_expressions():
    found = {}
    for phrase in PHRASES:
        columns = [next(c for c, t in TYPES.items() if t == want) for want in phrase.takes]
        names = {c: c for c in columns}
        derive = {"op": "derive", "columns": {"made": phrase.text.format(*(f"`{c}`" for c in columns))}}
        case = Case({"t": Relation(names, [0])}, [derive], {c: TYPES[c] for c in columns})
        tree = engines.compiled(case, "bigquery").tree
        found[phrase.text] = unknown(tree) + mistyped(engines.whole(tree, case, "bigquery"), POOL)
    assert {text: wrong for text, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("file", GOLDEN, ids=[f.stem for f in GOLDEN])
def test_operations(file):
    big = file.read_text().split("\n--- ")[2].removeprefix("bigquery")
    tree = sqlglot.parse_one(big, read="bigquery")
    assert unknown(tree) + mistyped(tree, TABLES) == []


@pytest.mark.parametrize(
    "wrong",
    [
        "SELECT UPPER(i1) FROM parity.pool",
        "SELECT ABS(s1) FROM parity.pool",
        "SELECT DATE_DIFF(z1, d1, DAY) FROM parity.pool",
        "SELECT 1 AS a FROM parity.pool WHERE d1 > z1",
        "SELECT LEFT(s1, f1) FROM parity.pool",
        "SELECT MOD(f1, 2) FROM parity.pool",
        "SELECT DATETIME_TRUNC(d1, DAY) FROM parity.pool",
        "SELECT AVG(b1) OVER () FROM parity.pool",
    ],
)
def test_what_is_not_documented_is_found(wrong):
    assert len(mistyped(sqlglot.parse_one(wrong, read="bigquery"), POOL)) == 1
