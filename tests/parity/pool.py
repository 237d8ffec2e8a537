"""A pool of rows that hold everything a column may hold; a generated relation is some of its rows and some of its columns."""

from __future__ import annotations

import math
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

ROWS = 160
BIG = 2**63
TYPES = {
    "i1": "INT64",
    "i2": "INT64",
    "i3": "INT64",
    "f1": "FLOAT64",
    "f2": "FLOAT64",
    "n1": "NUMERIC",
    "n2": "NUMERIC",
    "b1": "BOOL",
    "s1": "STRING",
    "s2": "STRING",
    "s3": "STRING",
    "c1": "STRING",
    "d1": "DATE",
    "d2": "DATE",
    "t1": "DATETIME",
    "t2": "DATETIME",
    "z1": "TIMESTAMP",
    "z2": "TIMESTAMP",
}
WILD = {"i2", "f2", "n2", "d2", "t2", "z2"}
"""Columns with extremes: what is computed from them may end the query."""

_ODD = [
    "it's",
    'a"b',
    "50%_\\x",
    "Zoë Çelik",
    "李小龙",
    "e\u0301a",
    "👩‍👩‍👧 ok",
    " x ",
    "\ta\n",
    "A,b,,c",
    "a;b",
    "\u00a0n\u2003",
    "",
    "O'Neil_2",
    "paid",
    "`x`",
    "--",
    "{a}",
    "a.b@c.de",
    "ab ab",
]
_TEXT = [
    "12",
    "-3",
    "+5",
    " 7 ",
    "1.5",
    ".5",
    "5.",
    "1e2",
    "abc",
    "",
    "true",
    "FALSE",
    "yes",
    "t",
    "0x1A",
    "-0x1a",
    "1_000",
    "2024-01-31",
    "2024-1-5",
    "2024-02-30",
    "9223372036854775808",
    "0.1234567894",
    "99",
]
_WHOLE = [0, 1, -1, BIG - 1, -BIG, 2**31, -(2**31), 2**53 + 1, 10**12]
_REAL = [math.inf, -math.inf, 1.7e308, -0.0, 0.0, 0.1, 1 / 3, 1e300, -1e300, 5e-324, 2.5, -2.5, 1e15, 123456.789]
_MONEY = [
    "0.000000001",
    "-0.000000001",
    "99999999999999999999999999999.999999999",
    "-99999999999999999999999999999.999999999",
    "0",
    "1.5",
    "0.123456789",
    "2.5",
    "-2.5",
]
_DAYS = ["0001-01-01", "9999-12-31", "1970-01-01", "2024-02-29", "2020-12-31", "2021-01-03", "2023-12-31", "1900-03-01"]


def _moment(dice: random.Random) -> datetime:
    return datetime(2024, 5, 1) + timedelta(seconds=dice.randint(0, 600 * 86400))


def _edge(dice: random.Random) -> datetime:
    days = [date.fromisoformat(day) for day in _DAYS]
    return datetime.combine(dice.choice(days), dice.choice([datetime.min.time(), datetime(1, 1, 1, 23, 59, 59, 999999).time()]))


def _row(dice: random.Random) -> dict[str, Any]:
    made = {
        "i1": dice.randint(-3, 6),
        "i2": dice.choice(_WHOLE),
        "i3": dice.randint(1, 4),
        "f1": dice.choice([-0.0, dice.randint(-40, 400) / 4, dice.randint(-8, 8) / 4]),
        "f2": dice.choice(_REAL),
        "n1": Decimal(dice.randint(-500, 9999)) / 100,
        "n2": Decimal(dice.choice(_MONEY)),
        "b1": dice.random() < 0.5,
        "s1": dice.choice(["paid", "open", "void"]),
        "s2": dice.choice(_ODD),
        "s3": dice.choice(_TEXT),
        "c1": dice.choice(["EUR", "USD", "GBP"]),
        "d1": date(2024, 5, 1) + timedelta(days=dice.randint(0, 600)),
        "d2": date.fromisoformat(dice.choice(_DAYS)),
        "t1": _moment(dice),
        "t2": _edge(dice),
        "z1": _moment(dice).replace(tzinfo=UTC),
        "z2": _edge(dice).replace(tzinfo=UTC),
    }
    return {name: None if dice.random() < 0.14 else value for name, value in made.items()}


def rows() -> list[dict[str, Any]]:
    """Always the same rows; each fourth is there twice."""
    dice = random.Random(20)
    made = [_row(dice) for _ in range(ROWS * 4 // 5)]
    return made + [dict(row) for row in made[::4]]


POOL = rows()


def table() -> Any:
    """The pool as Arrow, with the number of each row in `_n`."""
    import pyarrow as pa

    kinds = {
        "INT64": pa.int64(),
        "FLOAT64": pa.float64(),
        "NUMERIC": pa.decimal128(38, 9),
        "BOOL": pa.bool_(),
        "STRING": pa.string(),
        "DATE": pa.date32(),
        "DATETIME": pa.timestamp("us"),
        "TIMESTAMP": pa.timestamp("us", "UTC"),
    }
    columns = {"_n": pa.array(range(len(POOL)), pa.int64())}
    columns |= {name: pa.array([row[name] for row in POOL], kinds[type_]) for name, type_ in TYPES.items()}
    return pa.table(columns)
