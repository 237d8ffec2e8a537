"""Operations mean the same on both warehouses: generated specs are compiled twice, run on both, and held against a model in Python."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import localcontext
from functools import partial, reduce

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from sqlglot import exp

from flows.errors import PenstockError
from flows.warehouse.base import Dialect
from tests.parity import engines, phrases
from tests.parity.emulator import INSTEAD, spoken
from tests.parity.model import Stop, Unclear
from tests.parity.phrases import PHRASES
from tests.parity.pool import POOL, TYPES
from tests.parity.signatures import unknown
from tests.parity.specs import Case, Relation, cases

pytestmark = [pytest.mark.bigquery, pytest.mark.xdist_group("bigquery")]
SPECS = int(os.environ.get("PENSTOCK_TEST_SPECS", "200"))
SEED = int(os.environ.get("PENSTOCK_TEST_SEED", "20"))
FEW = 500
LONG = 60 + SPECS  # seconds


def check(case: Case, local: engines.Local, big: engines.Big) -> str:
    """Both compilations give what the model gives: rows, types, and their order where they have one. Returns where it ran."""
    ours, theirs = engines.compiled(case, "duckdb"), engines.compiled(case, "bigquery")
    types = {c.name: c.type for c in ours.columns}
    assert list(types.items()) == list(case.types.items())
    assert ours.columns == theirs.columns
    assert unknown(theirs.tree) == []
    hazy = {n for n, t in types.items() if t in ("NUMERIC", "FLOAT64")} if ours.notes else set()
    same = partial(
        engines.differ, names=list(types), ordered="order" in ours.tree.args and bool(ours.tree.args["order"]), loose=case.fuzzy | hazy
    )
    tree = engines.whole(ours.tree, case, "duckdb")
    if case.stops:
        with pytest.raises(PenstockError):
            local.run(tree)
        return "ended with an error, as they must"
    rows, found = local.run(tree)
    assert found == types
    assert not same(rows, case.rows), tree.sql("duckdb")
    said = spoken(engines.whole(engines.compiled(case, "bigquery", emulated=True).tree, case, "bigquery"))
    rows, found = engines.mended(*big.run(said), types)
    assert found == types
    assert not same(rows, case.rows), said
    return "ran on both"


@pytest.mark.timeout(LONG * 2)
def test_generated_specs_give_the_same_on_both(local, big):
    """A few are shrunk to the smallest that differs; of many all that differ are collected, with the figures."""
    figures, lost, began = Counter[str](), list[str](), time.monotonic()

    @seed(SEED)
    @settings(
        max_examples=SPECS,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink] if SPECS <= FEW else [Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases())
    def each(case: Case) -> None:
        figures["generated"] += 1
        if not case.operations:
            return
        figures["with operations"] += 1
        try:
            figures[check(case, local, big)] += 1
        except (AssertionError, ValueError, PenstockError) as error:
            if SPECS <= FEW:
                raise
            lost.append(f"{case!r}\n{error}")

    each()
    print(f"seed {SEED}: {dict(figures)}, {len(lost)} differ, {time.monotonic() - began:.0f} s")
    assert not lost, "\n\n".join(lost[:20])


def _tried(phrase: phrases.Phrase) -> Iterator[Case]:
    """The expression over every column of its types, and over all rows where it has a value."""
    fits = [[c for c, t in TYPES.items() if t == want] for want in phrase.takes]
    for n in range(max(map(len, fits))):
        columns = [some[(n + k) % len(some)] for k, some in enumerate(fits)]
        rows, numbers = [], []
        with localcontext(prec=100):
            for number, row in enumerate(POOL):
                try:
                    made = phrase.of(*(row[c] for c in columns))
                except (Stop, Unclear):
                    continue
                rows.append({"_n": number, **{c: row[c] for c in columns}, "made": made})
                numbers.append(number)
        names = {c: c for c in ("_n", *columns)}
        operation = {
            "op": "derive",
            "columns": {"made": phrase.text.format(*(f"`{c}`" for c in columns))},
            "_phrases": {"made": (phrase, columns)},
        }
        yield Case(
            {"t": Relation(names, numbers)},
            [operation],
            {"_n": "INT64", **{c: TYPES[c] for c in columns}, "made": phrase.gives},
            rows,
            fuzzy={"made"} if phrase.fuzzy else set(),
        )


BATCH = 24  # cases in one statement; the emulator's UNION of NUMERIC takes the decimals of the first


def _together(some: list[Case], dialect: Dialect) -> exp.Query:
    """One statement for many cases: which case, which row, what it gives."""
    parts = []
    for number, case in enumerate(some):
        kept = replace(case, operations=[*case.operations, {"op": "select", "columns": ["_n", "made"]}])
        tree = engines.compiled(kept, dialect, emulated=dialect == "bigquery").tree
        inner = exp.Subquery(this=engines.whole(tree, kept, dialect), alias=exp.TableAlias(this=exp.to_identifier("c")))
        parts.append(exp.Select(expressions=[exp.alias_(exp.Literal.number(number), "k"), exp.Star()]).from_(inner))
    return reduce(lambda a, b: exp.Union(this=a, expression=b, distinct=False), parts)


def test_every_expression_gives_the_same_on_both(local, big):
    """All rows of the pool where the model has a value, in one statement per type of the answer."""
    kinds: dict[tuple[str, bool], list[Case]] = {}
    for phrase in PHRASES:
        for case in _tried(phrase):
            kinds.setdefault((phrase.gives, phrase.fuzzy), []).append(case)
    for (gives, fuzzy), found in kinds.items():
        size = 1 if gives == "NUMERIC" else BATCH
        for start in range(0, len(found), size):
            some = found[start : start + size]
            types = {"k": "INT64", "_n": "INT64", "made": gives}
            want = [{"k": k, "_n": row["_n"], "made": row["made"]} for k, case in enumerate(some) for row in case.rows]
            same = partial(engines.differ, names=list(types), ordered=False, loose={"made"} if fuzzy else set())
            rows, seen = local.run(_together(some, "duckdb"))
            assert seen == types
            wrong = same(rows, want)
            assert not wrong, (wrong, [case.operations for case in some])
            rows, seen = engines.mended(*big.run(spoken(_together(some, "bigquery"))), types)
            assert seen == types
            wrong = same(rows, want)
            assert not wrong, (wrong, [case.operations for case in some])


def test_what_the_emulator_gets_wrong_it_still_gets_wrong(big):
    """A gap that closes is taken from the list, and the emulator is sent our own form again."""
    wrong = set()
    for phrase in PHRASES:
        name = (phrase.text, phrase.takes[0])
        for case in _tried(phrase) if name in INSTEAD else ():
            said = spoken(engines.whole(engines.compiled(case, "bigquery").tree, case, "bigquery"))
            try:
                rows, found = engines.mended(*big.run(said), case.types)
            except ValueError:
                wrong.add(name)
                break
            if engines.differ(rows, case.rows, list(case.types), ordered=False, loose=case.fuzzy) or found != case.types:
                wrong.add(name)
                break
    assert sorted(set(INSTEAD) - wrong) == []
