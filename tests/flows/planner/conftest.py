"""What the tests of the planner share: the shop's catalogue, a fixed moment, and a reader of facts out of a result."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.insight.catalog import Catalog, load_catalog
from flows.planner.answer import PlanRequest, PlanResult
from flows.planner.embedded import plan

ROOT = Path(__file__).resolve().parents[3]
NOW = dt.datetime(2025, 11, 15, 12, tzinfo=dt.UTC)


PIPELINES = ("gcp-cost-billing", "aws-cost-billing", "orders-daily", "customer-sync", "focus-convert", "openai-usage")


@pytest.fixture(scope="session")
def shop_catalog() -> Catalog:
    """The shipped catalogue with some pipelines: it brings none itself."""
    return load_catalog(ROOT / "configs" / "system" / "catalog.yml").model_copy(update={"pipelines": PIPELINES})


@pytest.fixture(scope="session")
def read(shop_catalog: Catalog) -> Callable[..., PlanResult]:
    """Plan a text against the shop's catalogue at a fixed moment."""

    def planned(text: str, **more: Any) -> PlanResult:
        return plan(PlanRequest(text=text, **{"now": NOW, "tenant_id": "demo", "catalog": shop_catalog, **more}))

    return planned


@pytest.fixture(scope="session")
def facts_of(shop_catalog: Catalog) -> Callable[[PlanResult], set[str]]:
    return lambda result: Facts(result, shop_catalog).read()


class Facts:
    """A result as a set of short strings; only what was said counts for options that have a default."""

    def __init__(self, result: PlanResult, catalog: Catalog) -> None:
        self.result, self.catalog, self.found = result, catalog, set()
        self.source = {f.path: f.source for f in result.facts}
        self.names: dict[str, str] = {}

    def read(self) -> set[str]:
        if self.result.status == "refused":
            return set()
        self.found.add(f"intent:{self.result.intent}")
        run = self.result.run_request or {}
        self.found |= {f"{k}:{run[k]}" for k in ("pipeline", "start", "end") if run.get(k)}
        if run.get("scope") == "failed":
            self.found.add("scope:failed")
        for change in self.result.patch:
            self.patched(change)
        if self.result.spec and self.result.intent == "create":
            self.spec(self.result.spec)
        return self.found

    def patched(self, change: dict[str, Any]) -> None:
        value = change.get("value")
        if change["path"] == "/schedule":
            self.found.add(f"cron:{value['cron']}")
        if change["path"] == "/defaults" and "retry" in value:
            self.found.add(f"retry:{value['retry']['max_attempts'] - 1}")

    def said(self, path: str) -> bool:
        return self.source.get(path) in ("text", "answer")

    def spec(self, spec: dict[str, Any]) -> None:
        when = spec.get("schedule") or {}
        if when.get("cron") not in (None, "?"):
            self.found.add(f"cron:{when['cron']}")
        if self.said("schedule.timezone"):
            self.found.add(f"tz:{when['timezone']}")
        self.found |= {f"notify:{n['channel']}:{n['target']}:{on}" for n in spec.get("notify", []) for on in n["on"]}
        retry = (spec.get("defaults") or {}).get("retry") or {}
        if self.said("defaults.retry.max_attempts"):
            self.found.add(f"retry:{retry['max_attempts'] - 1}")
        if self.said("defaults.retry.backoff_seconds"):
            self.found.add(f"backoff:{retry['backoff_seconds']}s")
        if seconds := (spec.get("defaults") or {}).get("timeout_seconds"):
            self.found.add(f"timeout:{seconds // 60}m")
        rates = {o.get("rates") for s in spec["steps"] for o in (s.get("config") or {}).get("operations", [])}
        for step in spec["steps"]:
            self.step(step, rates)

    def step(self, step: dict[str, Any], rates: set[Any]) -> None:
        at = f"steps.{step['step_id']}"
        source, config = step.get("source") or {}, step.get("config") or {}
        if source.get("table") not in (None, "?") and step["step_id"] not in rates:
            self.found.add(f"src:{source['table']}")
        if back := source.get("incremental"):
            self.found.add(f"incremental:{back['column']},{int(back['lookback'][:-1]) * 24}h")
        if config.get("seconds"):
            self.found.add(f"wait:{config['seconds'] // 60}m")
        if "focus" in step["ps_type"]:
            self.found.add(f"focus:{config['version']}")
        for op in config.get("operations", []):
            getattr(self, "op_" + op["op"])(op)
        for n, check in enumerate(config.get("checks") or []):
            self.check(check, f"{at}.config.checks.{n}")
        if to := step.get("destination"):
            self.destination(to, f"{at}.destination")

    def base(self, name: str) -> str:
        name = self.names.get(name, name)
        for table in self.catalog.tables:
            if name.startswith(f"{table}_") and name.removeprefix(f"{table}_") in self.catalog.tables[table].columns:
                return name.removeprefix(f"{table}_")
        return name

    def destination(self, to: dict[str, Any], path: str) -> None:
        table = to.get("table")
        if to["engine"] not in ("?", None):
            named = (
                table not in (None, "?") and self.source.get(f"{path}.table") == "text" and to["engine"] not in ("csv", "excel", "parquet")
            )
            self.found.add(f"dest:{to['engine']}" + (f":{table}" if named else ""))
        if self.said(f"{path}.mode"):
            self.found.add(f"mode:{to['mode']}")
        self.found |= {f"key:{self.base(k)}" for k in to.get("keys", []) if self.said(f"{path}.keys")}
        if to.get("partition_by"):
            self.found.add(f"partition:{self.base(to['partition_by'])}")
        self.found |= {f"cluster:{self.base(c)}" for c in to.get("cluster_by", [])}

    def op_join(self, op: dict[str, Any]) -> None:
        if op["how"] != "inner":
            self.found.add(f"how:{op['how']}")
        right = op["with"].removeprefix("extract_")
        left = next(
            t
            for k in self.catalog.foreign_keys
            for t, o in ((k.table, k.references.table), (k.references.table, k.table))
            if o == right and f"src:{t}" in self.found and self.catalog.tables[t].columns.get(self.base(op["on"][0][0]))
        )
        self.found.add("join:" + "-".join(sorted([left, right])))

    def op_filter(self, op: dict[str, Any]) -> None:
        where = op["where"]
        if "any" in where:
            self.found.add("filter:" + " or ".join(sorted(self.leaf(w) for w in where["any"])))
        elif "all" in where and {w["column"] for w in where["all"]} and [w["is"] for w in where["all"]] == [">=", "<"]:
            low, high = where["all"]
            last = dt.date.fromisoformat(high["value"]) - dt.timedelta(1)
            self.found.add(f"filter:day({low['column']}) between {low['value']},{last.isoformat()}")
        else:
            self.found |= {f"filter:{self.leaf(w)}" for w in where.get("all", [where])}

    def leaf(self, where: dict[str, Any]) -> str:
        value, kind = where.get("value", ""), where["is"].replace("_", " ").replace("in period", "in_period")
        if isinstance(value, dict):
            value = (
                f"today{value['today']:+d}d" if "today" in value else value["unit"] + (f"{value['offset']:+d}" if value["offset"] else "")
            )
        if isinstance(value, list):
            value = ",".join(str(v) for v in (sorted(value) if " in" in f" {kind}" else value))
        return f"{self.base(where['column'])} {kind} {value}".strip()

    def op_aggregate(self, op: dict[str, Any]) -> None:
        self.found |= {f"group:{self.base(b)}" for b in op["by"]}
        grains = op.get("grain") or []
        for grain in [grains] if isinstance(grains, dict) else grains:
            self.found.add(f"grain:{grain['unit']}({self.base(grain['column'])})")
        for m in op["measures"]:
            inside = self.base(m["column"]) if "column" in m else "*"
            self.found.add(f"measure:{m['fn']}({inside})")
            self.names[m["as"]] = f"{m['fn']}({inside})"

    def op_top(self, op: dict[str, Any]) -> None:
        best = op["order_by"][0]
        per = [self.base(p) for p in op.get("per", [])]
        self.found -= {f"group:{p}" for p in per}
        self.found.add(f"top:{op['n']} by {self.base(best['column'])} {best['direction']}" + (f" per {','.join(per)}" if per else ""))

    def op_window(self, op: dict[str, Any]) -> None:
        column = re.sub(r"^\w+\((.*)\)$", r"\1", self.base(op["column"]))
        rows = op["over"].get("rows")
        self.found.add(f"window:{op['fn']}({column}{f',{rows}' if rows else ''})")
        self.found |= {f"group:{self.base(p)}" for p in op["over"].get("per", [])}

    def op_deduplicate(self, op: dict[str, Any]) -> None:
        keep = op["keep"]
        at = next(f.path for f in self.result.facts if f.value == op)
        column = "" if self.source.get(f"{at}.keep") == "inferred" else f" {keep['order_by']}"
        self.found.add(f"dedup:{','.join(sorted(op['keys']))} keep {'latest' if keep['direction'] == 'desc' else 'earliest'}{column}")

    def op_derive(self, op: dict[str, Any]) -> None:
        self.found |= {f"derive:{name} = {expression}" for name, expression in op["columns"].items()}

    def op_select(self, op: dict[str, Any]) -> None:
        self.found.add("select:" + ",".join(sorted(op["columns"])))

    def op_fill(self, op: dict[str, Any]) -> None:
        self.found |= {f"fill:{column} = {value}" for column, value in op["columns"].items()}

    def op_rename(self, op: dict[str, Any]) -> None:
        self.found |= {f"rename:{old} = {new}" for old, new in op["columns"].items()}

    def op_sort(self, op: dict[str, Any]) -> None:
        self.found.add("order:" + ",".join(f"{b['column']} {b['direction']}" for b in op["by"]))

    def op_limit(self, op: dict[str, Any]) -> None:
        self.found.add(f"limit:{op['n']}")

    def op_mask(self, op: dict[str, Any]) -> None:
        self.found |= {f"{kind}:{column}" for column, kind in op["columns"].items()}

    def op_union(self, op: dict[str, Any]) -> None:
        if not any(f.startswith("focus:") for f in self.found):
            self.found.add("union")

    def op_convert_currency(self, op: dict[str, Any]) -> None:
        self.found.add(f"fx:{op['to']}")

    def op_flag_anomalies(self, op: dict[str, Any]) -> None:
        self.found.add("anomaly:" + self.base(op["column"]))
        self.found |= {f"group:{p}" for p in op["per"]}

    def check(self, check: dict[str, Any], path: str) -> None:
        kind, column = check["check"], check.get("column") or "".join(check.get("columns", []))
        ends = "..".join(str(check.get(k, "")) for k in ("min", "max"))
        args = {
            "between": f":{ends}",
            "row_count": ends,
            "accepted": ":" + ",".join(sorted(check.get("values", []))),
            "foreign_key": f":{check.get('table')}",
        }
        column = check["columns"][0] if kind == "foreign_key" else column
        self.found.add(f"dq:{kind}({column if kind != 'row_count' else ''}{args.get(kind, '')})")
        if check["on_fail"] != "fail" and self.said(f"{path}.on_fail"):
            self.found.add(f"onfail:{check['on_fail']}")
