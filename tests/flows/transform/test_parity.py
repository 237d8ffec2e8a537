"""Operations mean the same on both warehouses: generated specs are compiled twice, run on both, and held against a model in Python."""

from __future__ import annotations

import os
from collections.abc import Iterator
from decimal import localcontext
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from flows.errors import PenstockError
from flows.settings import Settings
from flows.store import open_store
from flows.warehouse.duckdb import DuckDBWarehouse
from tests.parity import engines
from tests.parity.model import Stop
from tests.parity.phrases import PHRASES, Phrase, spoiled
from tests.parity.pool import POOL, TYPES
from tests.parity.signatures import unknown
from tests.parity.specs import Case, Relation, cases

pytestmark = [pytest.mark.bigquery, pytest.mark.xdist_group("bigquery")]
SPECS = int(os.environ.get("PENSTOCK_TEST_SPECS", "200"))
LONG = 60 + SPECS  # seconds


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[engines.Local]:
    home = Settings.load(home=tmp_path_factory.mktemp("parity"))
    store = open_store(home.control_url)
    warehouse = DuckDBWarehouse(home, store.manifest, "demo", stage_dir=home.home / "stage")
    yield engines.Local(warehouse)
    warehouse.close()
    store.dispose()


@pytest.fixture(scope="module")
def big(emulator: Any) -> engines.Big:
    return engines.Big(emulator.endpoint, emulator.project)


def check(case: Case, local: engines.Local, big: engines.Big) -> None:
    """Both compilations give what the model gives: rows, types, and their order where they have one."""
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
        return
    rows, found = local.run(tree)
    assert found == types
    assert not same(rows, case.rows), tree.sql("duckdb")
    said = engines.spoken(engines.whole(theirs.tree, case, "bigquery"))
    if not engines.odd(case):
        rows, found = engines.mended(*big.run(said), types)
        assert found == types
        assert not same(rows, case.rows), said


@pytest.mark.timeout(LONG * 2)
def test_generated_specs_give_the_same_on_both(local, big):
    @settings(max_examples=SPECS, deadline=None, database=None, derandomize=SPECS <= 500, suppress_health_check=list(HealthCheck))
    @given(cases())
    def each(case: Case) -> None:
        if case.operations:
            check(case, local, big)

    each()


def _tried(phrase: Phrase) -> Iterator[Case]:
    """The expression over every column of its types, and over all rows where it has a value."""
    fits = [[c for c, t in TYPES.items() if t == want] for want in phrase.takes]
    for n in range(max(map(len, fits))):
        columns = [some[(n + k) % len(some)] for k, some in enumerate(fits)]
        rows, numbers = [], []
        with localcontext(prec=100):
            for number, row in enumerate(POOL):
                try:
                    made = phrase.of(*(row[c] for c in columns))
                except Stop:
                    continue
                rows.append({**{c: row[c] for c in columns}, "made": made})
                numbers.append(number)
        names = {c: c for c in columns}
        operation = {
            "op": "derive",
            "columns": {"made": phrase.text.format(*(f"`{c}`" for c in columns))},
            "_phrases": {"made": (phrase, columns)},
        }
        yield Case(
            {"t": Relation(names, numbers)},
            [operation],
            {**{c: TYPES[c] for c in columns}, "made": phrase.gives},
            rows,
            fuzzy={"made"} if phrase.fuzzy else set(),
        )


def test_every_expression_gives_the_same_on_both(local, big):
    for phrase in PHRASES:
        for case in _tried(phrase):
            check(case, local, big)


def test_what_the_emulator_gets_wrong_it_still_gets_wrong(big):
    """A gap that closes is taken from the list, and the emulator is a witness again."""
    right = []
    for phrase in filter(spoiled, PHRASES):
        answers = []
        for case in _tried(phrase):
            said = engines.spoken(engines.whole(engines.compiled(case, "bigquery").tree, case, "bigquery"))
            try:
                rows, found = engines.mended(*big.run(said), case.types)
            except ValueError:
                answers.append("it fails")
                continue
            answers.append(engines.differ(rows, case.rows, list(case.types), ordered=False, loose=case.fuzzy) or found != case.types)
        if not any(answers):
            right.append(phrase.text)
    assert right == []
