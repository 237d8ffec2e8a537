"""Checks and extracts mean the same on both warehouses: generated ones are run on both and held against a model in Python."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from sqlglot import exp

from flows.spec.problems import typed
from flows.transform.compile import source
from flows.transform.condition import Condition
from flows.transform.gate import Gate, compile_checks
from flows.transform.quality import Checks
from flows.warehouse.base import Column, Dialect
from tests.parity import engines
from tests.parity.emulator import spoken
from tests.parity.gates import NOW, Promise, Reading, promises, readings
from tests.parity.model import TODAY, Row
from tests.parity.signatures import unknown
from tests.parity.specs import Relation

pytestmark = [pytest.mark.bigquery, pytest.mark.xdist_group("bigquery")]
SPECS = int(os.environ.get("PENSTOCK_TEST_SPECS", "200")) // 5
SEED = int(os.environ.get("PENSTOCK_TEST_SEED", "20"))
often = partial(settings, max_examples=SPECS, deadline=None, database=None, suppress_health_check=list(HealthCheck))
read_checks, read_where = partial(typed, Checks, at="checks"), partial(typed, Condition, at="where")


def columns(relation: Relation) -> tuple[Column, ...]:
    return tuple(Column(n, t) for n, t in relation.types.items())


def same(ours: exp.Query, sent: exp.Query, relations: dict[str, Relation], want: list[Row], types: dict[str, str], on: Any) -> None:
    """Both compilations give these rows."""
    local, big = on
    rows, found = local.run(engines.beside(ours, relations, "duckdb"))
    assert found == types
    assert not engines.differ(rows, want, list(types), ordered=False, loose=set()), ours.sql("duckdb")
    said = spoken(engines.beside(sent, relations, "bigquery"))
    rows, found = engines.mended(*big.run(said), types)
    assert found == types
    assert not engines.differ(rows, want, list(types), ordered=False, loose=set()), said


def gate(promise: Promise, dialect: Dialect, *, emulated: bool = False) -> Gate:
    said = [{k: v for k, v in c.items() if k != "_said"} for c in promise.checks]
    if emulated:
        said = [{**c, **({"expression": p["_said"]} if "_said" in p else {})} for c, p in zip(said, promise.checks, strict=True)]
    return compile_checks(read_checks(said), {n: columns(r) for n, r in promise.relations.items()}, now=NOW, dialect=dialect)


def test_generated_checks_give_the_same_on_both(local, big):
    @seed(SEED)
    @often()
    @given(promises())
    def each(promise: Promise) -> None:
        ours, theirs, sent = gate(promise, "duckdb"), gate(promise, "bigquery"), gate(promise, "bigquery", emulated=True)
        rows, relations = promise.rows, promise.relations
        types = relations["t"].types
        counted: dict[str, Any] = {"rows": len(rows)}
        kinds = {"rows": "INT64"}
        for n, flags in enumerate(promise.bad):
            if flags is not None or n in promise.newest:
                counted[f"c{n}"] = sum(flags) if flags is not None else promise.newest[n]
                kinds[f"c{n}"] = "INT64" if flags is not None else types[promise.checks[n]["column"]]
        same(ours.counts, sent.counts, relations, [counted], kinds, (local, big))
        aside = [n for n, c in enumerate(promise.checks) if c.get("on_fail") == "quarantine"]
        broken = [[n for n in aside if promise.bad[n][k]] for k in range(len(rows))]
        words = [check.words() for check in ours.checks]
        if aside:
            kept = [r for r, why in zip(rows, broken, strict=True) if not why]
            same(ours.kept, sent.kept, relations, kept, types, (local, big))
            lost = [{**r, "x_quarantine_reason": "; ".join(words[n] for n in why)} for r, why in zip(rows, broken, strict=True) if why]
            if not any("_said" in promise.checks[n] for n in aside):
                same(ours.quarantined, sent.quarantined, relations, lost, {**types, "x_quarantine_reason": "STRING"}, (local, big))
        for tree in (theirs.counts, theirs.kept, theirs.quarantined):
            assert tree is None or unknown(tree) == []

    each()


def test_generated_extracts_read_the_same_on_both(local, big):
    @seed(SEED)
    @often()
    @given(readings())
    def each(reading: Reading) -> None:
        where = read_where(reading.where) if reading.where else None
        made = [
            source("t", columns(reading.relation), now=TODAY, select=reading.select, where=where, since=reading.since, dialect=dialect)
            for dialect in ("duckdb", "bigquery")
        ]
        types = {c.name: c.type for c in made[0].columns}
        assert made[0].columns == made[1].columns
        assert unknown(made[1].tree) == []
        same(made[0].tree, made[1].tree, {"t": reading.relation}, reading.rows(), types, (local, big))

    each()
