"""Own texts: what has to be read, what has to be asked, and that every ready plan passes the checks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.checks import validate
from flows.planner.answer import PlanResult, apply
from flows.spec.model import FlowSpec

HERE = Path(__file__).parent
TEXTS = yaml.safe_load((HERE / "texts.yml").read_text(encoding="utf-8"))
SHARED = HERE.parents[2].parent / "shared" / "data" / "planner"
# the contract names it, a later version runs it; the day it passes the checks, this list must lose it
NOT_YET = ("cloud.focus_converter",)
Read = Callable[..., PlanResult]
DAILY = (
    "Daily revenue by country: join orders with customers, keep only paid orders, sum amount per day and country, into mart.daily_revenue "
    "partitioned by day, every day at 2 AM, retry 3 times"
)


def slots(result: PlanResult) -> list[str]:
    return sorted(q.slot for q in result.questions if q.severity == "block")


@pytest.mark.parametrize("case", TEXTS, ids=lambda case: case["text"][:60])
def test_texts_are_read_as_meant(case: dict[str, Any], read: Read, facts_of: Callable[[PlanResult], set[str]]) -> None:
    result = read(case["text"])
    open_kinds = {a.partition(":")[0].partition(".")[0] for a in case.get("ask", [])}
    hang = {"schedule": ("cron:", "tz:"), "destination": ("dest:",), "join": ("join:",), "value": ("filter:",)}
    loose = tuple(k for slot in open_kinds for k in hang.get(slot, ()))
    found = {f for f in facts_of(result) if "?" not in f and not f.startswith(loose or ("-",))}
    wanted = {f for f in case["facts"] if "?" not in f and not f.startswith(loose or ("-",))}
    if any(f.startswith("dedup:") and f.endswith("latest") for f in wanted):
        found = {f.partition(" by ")[0] if f.startswith("dedup:") else f for f in found}
    assert slots(result) == case.get("ask", [])
    assert found == wanted


def test_main_job_is_ready(read: Read, facts_of: Callable[[PlanResult], set[str]]) -> None:
    result = read(DAILY)
    assert result.status == "ready"
    assert result.spec["pipeline_id"] == "daily-revenue"
    assert facts_of(result) == {
        "intent:create",
        "src:orders",
        "src:customers",
        "join:customers-orders",
        "filter:status = paid",
        "group:country",
        "grain:day(order_date)",
        "measure:sum(amount)",
        "dest:bigquery:mart.daily_revenue",
        "partition:order_date",
        "cron:0 2 * * *",
        "retry:3",
    }
    assert [a for a in result.assumptions if a.path.endswith("destination.mode")]


def test_vague_text_asks_source_table_and_time(read: Read) -> None:
    result = read("Load the data to the warehouse every morning")
    assert slots(result) == ["destination.table", "schedule.time", "source"]
    assert all(q.options for q in result.questions)


def ready_texts() -> list[str]:
    texts = [c["text"] for c in TEXTS]
    dev = SHARED / "descriptions_dev.jsonl"
    if dev.exists():
        texts += [json.loads(line)["text"] for line in dev.read_text(encoding="utf-8").splitlines() if line.strip()]
    return texts


def test_ready_plans_pass_the_checks(read: Read, shop_catalog: Any, settings: Any) -> None:
    """Every ready plan is a spec that would run, but for what a later version brings."""
    refused, later = [], set()
    for text in ready_texts():
        result = read(text)
        if result.status != "ready" or result.intent != "create":
            continue
        report = validate(FlowSpec.model_validate(result.spec), catalog=shop_catalog, settings=settings)
        said = " ".join(str(p) for p in report.problems)
        gap = [n for n in NOT_YET if n in said]
        later |= set(gap)
        if report.problems and not gap:
            refused.append((text, said))
    assert refused == []
    assert later == set(NOT_YET), "something came to life: take it off NOT_YET"


@pytest.mark.skipif(not SHARED.exists(), reason="the shared list of texts is not here")
def test_shared_catalogue_gives_the_same_main_job(read: Read) -> None:
    from flows.insight.catalog import Catalog

    result = read(DAILY, catalog=Catalog.from_dict(yaml.safe_load((SHARED / "catalog.yml").read_text(encoding="utf-8"))))
    assert result.status == "ready"
    assert result.spec == read(DAILY).spec


def test_same_text_same_bytes(read: Read) -> None:
    texts = [c["text"] for c in TEXTS[:20]]
    first = [json.dumps(read(t).as_dict()) for t in texts]
    assert [json.dumps(read(t).as_dict()) for t in reversed(texts)] == first[::-1]


def leaves(node: Any, path: str) -> list[tuple[str, Any]]:
    if isinstance(node, dict) and node:
        return [x for k, v in node.items() for x in leaves(v, f"{path}.{k}" if path else str(k))]
    if isinstance(node, list) and node:
        return [x for n, v in enumerate(node) for x in leaves(v,
                f"{path}.{v['step_id'] if isinstance(v, dict) and 'step_id' in v else n}")]
    return [(path, node)]


@pytest.mark.parametrize("case", TEXTS[::3], ids=lambda case: case["text"][:60])
def test_every_value_has_a_fact_with_its_words(case: dict[str, Any], read: Read) -> None:
    result = read(case["text"])
    if result.status != "ready" or result.intent != "create":
        return
    known = {f.path for f in result.facts}
    lost = [p for p, _ in leaves(result.spec, "") if not any(".".join(p.split(".")[:n]) in known for n in range(1, p.count(".") + 2))]
    assert lost == []
    for fact in result.facts:
        if fact.span is not None:
            assert 0 <= fact.span[0] < fact.span[1] <= len(case["text"])
        if fact.source == "text":
            assert fact.span is not None, fact.path


@pytest.mark.parametrize(
    ("words", "both", "apart"),
    [
        ("skip refunded orders of enterprise customers, load the rest",
         [("status", "!=", "refunded"), ("segment", "!=", "enterprise")], [("status", "!=", "refunded"), ("segment", "=", "enterprise")]),
        ("load orders, excluding German enterprise customers,",
         [("country", "!=", "Germany"), ("segment", "!=", "enterprise")], [("country", "!=", "Germany"), ("segment", "=", "enterprise")]),
        ("remove pending orders over 1000 and load the rest",
         [("status", "!=", "pending"), ("amount", "<=", 1000)], [("status", "!=", "pending"), ("amount", ">", 1000)]),
        ("load orders not paid by card",
         [("status", "!=", "paid"), ("method", "!=", "card")], [("status", "!=", "paid"), ("method", "=", "card")]),
    ],
)
def test_how_far_a_negation_reaches_is_asked(words: str, both: list[Any], apart: list[Any], read: Read) -> None:
    result = read(f"{words} into mart.a")
    (asked,) = result.questions
    assert "can mean two things" in asked.message
    assert len(asked.options) == 2
    for option, kind, leaves in zip(asked.options, ("any", "all"), (both, apart), strict=True):
        done = apply(result, asked.id, option.label)
        assert done.status == "ready"
        where = next(o["where"] for s in done.spec["steps"] for o in s.get("config", {}).get("operations", []) if o["op"] == "filter")
        assert [(leaf["column"], leaf["is"], leaf["value"]) for leaf in where[kind]] == leaves


@pytest.mark.parametrize("words", [
    "exclude cancelled orders, only German customers, and load them",
    "load orders without cancelled ones for German customers",
    "load orders of German customers that are not cancelled",
    "load orders without cancelled ones from last month",
])
def test_a_negation_ends_where_another_clause_begins(words: str, read: Read) -> None:
    assert read(f"{words} into mart.a").status == "ready"


def test_or_beside_and_is_told(read: Read) -> None:
    result = read("load orders where amount > 100 or quantity > 3 and status is paid into mart.a")
    assert result.status == "ready"
    assert "“amount > 100 or quantity > 3” is one condition, and “status is paid” must hold as well" in [a.text for a in result.assumptions]


@pytest.mark.parametrize(("words", "where"), [
    ("from yesterday", {"is": "in_period", "value": {"unit": "day", "offset": -1}}),
    ("from yesterday on", {"is": ">=", "value": {"today": -1}}),
])
def test_from_yesterday_is_that_day(words: str, where: dict[str, Any], read: Read) -> None:
    result = read(f"load orders {words} into mart.a")
    assert result.spec["steps"][1]["config"]["operations"][0]["where"] == {"column": "order_date", **where}


def test_a_source_is_not_written_over_by_a_guess(read: Read) -> None:
    (asked,) = read("load paid orders into postgres").questions
    assert asked.slot == "destination.table"
    assert asked.message == "orders of postgres is what is read here. Into which table should the rows go?"
    assert [o.label for o in asked.options] == ["mart.orders", "staging.orders"]
    assert read("load events into postgres").status == "ready"
