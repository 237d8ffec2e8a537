"""Any operations after any others: what one query says is what they say one after the other."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

Row = dict[str, Any]
State = tuple[list[Row], bool]  # rows, and whether their order means something


def ordered(rows: list[Row], column: str, descending: bool) -> list[Row]:
    for name in reversed([column, *(n for n in (rows[0] if rows else ()) if n != column)]):
        full = sorted((r for r in rows if r[name] is not None), key=lambda r, name=name: r[name], reverse=descending and name == column)
        rows = full + [r for r in rows if r[name] is None]
    return rows


def filter_(dice: random.Random, names: list[str], state: State) -> tuple[Row, State]:
    name, value = dice.choice(names), dice.randint(0, 12)
    rows = [r for r in state[0] if r[name] is not None and r[name] >= value]
    return {"op": "filter", "where": {"column": name, "is": ">=", "value": value}}, (rows, state[1])


def select(dice: random.Random, names: list[str], state: State) -> tuple[Row, State]:
    kept = dice.sample(names, dice.randint(1, len(names)))
    return {"op": "select", "columns": kept}, ([{n: r[n] for n in kept} for r in state[0]], state[1])


def rename(dice: random.Random, names: list[str], state: State) -> tuple[Row, State]:
    new = names[:]
    dice.shuffle(new)
    to = dict(zip(names, new, strict=True))
    return {"op": "rename", "columns": to}, ([{to[n]: v for n, v in r.items()} for r in state[0]], state[1])


def derive(dice: random.Random, names: list[str], state: State) -> tuple[Row, State]:
    name, made = dice.choice(names), dice.choice([*names, "n1", "n2"])
    rows = [{**r, made: None if r[name] is None else r[name] * 2 - 1} for r in state[0]]
    return {"op": "derive", "columns": {made: f"`{name}` * 2 - 1"}}, (rows, state[1])


def fill(dice: random.Random, names: list[str], state: State) -> tuple[Row, State]:
    name = dice.choice(names)
    return {"op": "fill", "columns": {name: 7}}, ([{**r, name: 7 if r[name] is None else r[name]} for r in state[0]], state[1])


def sort(dice: random.Random, names: list[str], state: State) -> tuple[Row, State]:
    name, down = dice.choice(names), dice.random() < 0.5
    return {"op": "sort", "by": [{"column": name, "direction": "desc" if down else "asc"}]}, (ordered(state[0], name, down), True)


def limit(dice: random.Random, names: list[str], state: State) -> tuple[Row, State] | None:
    n = dice.randint(1, 25)
    return ({"op": "limit", "n": n}, (state[0][:n], True)) if state[1] else None


def top(dice: random.Random, names: list[str], state: State) -> tuple[Row, State]:
    name, n = dice.choice(names), dice.randint(1, 20)
    return {"op": "top", "n": n, "order_by": [{"column": name}]}, (ordered(state[0], name, True)[:n], True)


def deduplicate(dice: random.Random, names: list[str], state: State) -> tuple[Row, State]:
    key, by = dice.choice(names), dice.choice(names)
    first: dict[Any, Row] = {}
    for row in ordered(state[0], by, True):
        first.setdefault(row[key], row)
    operation = {"op": "deduplicate", "keys": [key], "keep": {"order_by": by}}
    return operation, (list(first.values()), False)


def aggregate(dice: random.Random, names: list[str], state: State) -> tuple[Row, State]:
    key, name = dice.choice(names), dice.choice(names)
    made = "total" if key != "total" else "sum"
    rows = []
    for value in {r[key] for r in state[0]}:
        some = [r[name] for r in state[0] if r[key] == value and r[name] is not None]
        rows.append(
            {key: value, made: sum(some) if some else None, "n": sum(r[key] == value for r in state[0])} | ({"n": 0} if key == "n" else {})
        )
    if key == "n":
        return filter_(dice, names, state)
    return {"op": "aggregate", "by": [key], "measures": [{"fn": "sum", "column": name, "as": made}, {"fn": "count", "as": "n"}]}, (
        rows,
        False,
    )


def window(dice: random.Random, names: list[str], state: State) -> tuple[Row, State] | None:
    if "rank_" in names:
        return None
    per, by = dice.choice(names), dice.choice(names)
    place = {
        id(r): n + 1 for v in {r[per] for r in state[0]} for n, r in enumerate(ordered([r for r in state[0] if r[per] == v], by, False))
    }
    rows = [{**r, "rank_": place[id(r)]} for r in state[0]]
    return {"op": "window", "fn": "row_number", "over": {"order_by": by, "per": [per]}, "as": "rank_"}, (
        rows,
        False,
    )  # equal rows are told apart now, in an order that nobody fixed


def join(dice: random.Random, names: list[str], state: State) -> tuple[Row, State] | None:
    if {"key", "label"} & set(names):
        return None
    name, how = dice.choice(names), dice.choice(["inner", "left"])
    rows = []
    for row in state[0]:
        found = [o for o in OTHERS if row[name] is not None and o["key"] == row[name]]
        rows += [{**row, **o} for o in found] or ([{**row, "key": None, "label": None}] if how == "left" else [])
    return {"op": "join", "with": "others", "how": how, "on": [[name, "key"]]}, (rows, False)


def semi(dice: random.Random, names: list[str], state: State) -> tuple[Row, State]:
    name, how = dice.choice(names), dice.choice(["semi", "anti"])
    keys = {o["key"] for o in OTHERS}
    return {"op": "join", "with": "others", "how": how, "on": [[name, "key"]]}, (
        [r for r in state[0] if (r[name] in keys) == (how == "semi")],
        state[1],
    )


OTHERS = [{"key": n % 9, "label": n} for n in range(14)]
STEPS: list[Callable[..., Any]] = [filter_, select, rename, derive, fill, sort, limit, top, deduplicate, aggregate, window, join, semi]


@pytest.mark.parametrize("seed", range(120))
def test_a_chain_of_operations(lab, equal, seed):
    dice = random.Random(seed)
    rows: list[Row] = [{"id": n, "a": dice.choice([None, *range(10)]), "b": dice.choice([None, *range(15)])} for n in range(30)]
    lab.table("orders", dict.fromkeys(["id", "a", "b"], "INT64"), rows)
    lab.table("others", dict.fromkeys(["key", "label"], "INT64"), OTHERS)
    state: State = (rows, False)
    operations: list[Row] = []
    while len(operations) < 7:
        names = list(state[0][0]) if state[0] else []
        step = dice.choice(STEPS)(dice, names, state) if names else None
        if not names:
            break
        if step is not None:
            operations.append(step[0])
            state = step[1]
    found = lab.run(*operations, check_bigquery=False)
    assert equal(found, state[0]), operations
    if state[1]:
        assert found == state[0], operations
