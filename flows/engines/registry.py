"""Which kinds of step there are: a file below this folder is one, and installed packages add theirs through the same door."""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from flows.engines.base import Context, Engine, EngineConfig, Query, Scope, StepResult
from flows.errors import MissingError, PenstockError
from flows.insight.catalog import Catalog
from flows.spec.model import FlowSpec
from flows.warehouse.base import Column

log = logging.getLogger("penstock.engines")

GROUP = "penstock.engines"
PART = re.compile(r"^[a-z][a-z0-9_]*\Z")


@dataclass
class Loaded:
    """A module that keeps the contract of `flows.engines.base`, with the optional functions filled in."""

    ps_type: str
    summary: str
    Config: type[EngineConfig]
    module: ModuleType

    @property
    def repeatable(self) -> bool:
        """May a step whose process was lost begin again by itself?"""
        return bool(getattr(self.module, "REPEATABLE", True))

    def run(self, config: Any, context: Context) -> StepResult:
        return self.module.run(config, context)  # type: ignore[no-any-return]

    def preview(self, config: Any, context: Context) -> StepResult:
        return getattr(self.module, "preview", self.module.run)(config, context)  # type: ignore[no-any-return]

    def inputs(self, config: Any) -> list[str]:
        reads = getattr(self.module, "inputs", None)
        return list(reads(config)) if reads else []

    def output(self, config: Any, scope: Scope) -> tuple[Column, ...] | None:
        gives = getattr(self.module, "output", None)
        return gives(config, scope) if gives else None

    def queries(self, config: Any, scope: Scope) -> list[Query]:
        asks = getattr(self.module, "queries", None)
        return list(asks(config, scope)) if asks else []


def names() -> list[str]:
    """Every ps_type that can be used here, sorted."""
    return sorted({*_own(), *_strangers()})


def engine(ps_type: str) -> Engine:
    """The engine of that name. It is looked up in the listing, never imported from the text.

    Raises MissingError with near misses for a name that is not there, PenstockError for a module that breaks the contract.
    """
    own, strangers = _own(), _strangers()
    if ps_type in own:
        return _load(ps_type, own[ps_type])
    if ps_type in strangers:
        return _load(ps_type, strangers[ps_type].value)
    raise _unknown(ps_type)


def describe(ps_type: str) -> dict[str, Any]:
    """What a person needs to write such a step: summary, text, JSON Schema and the flat list of fields. Raises MissingError."""
    found = engine(ps_type)
    schema = found.Config.model_json_schema()
    return {"ps_type": ps_type, "summary": found.summary, "text": inspect.cleandoc(found.Config.__doc__ or ""),
            "schema": schema, "fields": list(_fields(schema))}


def table_words(spec: FlowSpec) -> dict[str, str]:
    """What the columns of each step are called after a join: the table an extract read, else the step itself.

    Source: `<table>_<column>` in the contract, section 4. A quality check hands its input's word on. Goes into `Scope.tables` and
    `Context.tables`, so that the check and the run name columns alike.
    """
    words: dict[str, str] = {}
    for step in spec.steps:
        table = (step.source or {}).get("table")
        handed_on = (step.config or {}).get("input") if step.ps_type == "generic.quality_check" else None
        if step.ps_type == "generic.extract" and isinstance(table, str) and table:
            words[step.step_id] = re.sub(r"\W", "_", table.rsplit(".", 1)[-1])
        else:
            words[step.step_id] = words.get(str(handed_on), re.sub(r"\W", "_", step.step_id))
    return words


def credentials(spec: FlowSpec, catalog: Catalog) -> dict[str, str]:
    """step id -> the connection its rows came from, "none" when that is no connection or more than one. Goes into
    `Context.credential_id` and from there into x_credential_id, so that the rows of two credentials never replace each other.
    """
    found: dict[str, set[str]] = {}
    for step in spec.steps:
        source, config = step.source or {}, step.config or {}
        table = catalog.tables.get(str(source.get("table")))
        own = source.get("connection") or (table.connection if table else "")
        reads = config.get("inputs") or [config.get("input")]
        found[step.step_id] = {str(own)} if own else set().union(*(_read_from(str(name), found, catalog) for name in reads))
    return {step_id: next(iter(names)) if len(names) == 1 else "none" for step_id, names in found.items()}


def _read_from(name: str, found: Mapping[str, set[str]], catalog: Catalog) -> set[str]:
    table = catalog.tables.get(name)
    return found.get(name, {table.connection} if table and table.connection else set())


def _own() -> Mapping[str, str]:
    return _listing(Path(__file__).parent)


@cache
def _listing(folder: Path) -> Mapping[str, str]:
    """ps_type -> module. Files directly in the folder are the room's own parts; names that start with '_' are private."""
    found = {}
    for file in sorted(folder.glob("*/**/*.py")):
        parts = file.relative_to(folder).with_suffix("").parts
        if all(PART.match(part) for part in parts):
            found[".".join(parts)] = ".".join(("flows.engines", *parts))
    return found


@cache
def _strangers() -> Mapping[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        if point.name in _own() or point.name in found:
            log.warning("engine %r of %s is left out: the name is taken", point.name, point.value)
        elif not all(PART.match(part) for part in point.name.split(".")):
            log.warning("engine %r of %s is left out: a ps_type is lower-case words joined by dots", point.name, point.value)
        else:
            found[point.name] = point
    return found


@cache
def _load(ps_type: str, module_name: str) -> Engine:
    try:
        module = import_module(module_name)
    except ImportError as error:
        raise PenstockError(f"engine {ps_type!r} cannot be loaded: {error}", where=module_name,
                            fix="Repair or uninstall the package that brings it") from error
    config = getattr(module, "Config", None)
    if not (isinstance(config, type) and issubclass(config, EngineConfig)) or not callable(getattr(module, "run", None)):
        raise PenstockError(f"engine {ps_type!r} breaks the contract: it needs a class Config(EngineConfig) and run(config, context)",
                            where=module_name, fix="Compare it with flows/engines/base.py")
    doc = inspect.cleandoc(module.__doc__ or "")
    return Loaded(ps_type, doc.split("\n", 1)[0].rstrip("."), config, module)


def _unknown(ps_type: str) -> MissingError:
    from flows.spec.suggest import did_you_mean

    return MissingError(f"unknown engine {ps_type!r}", where="ps_type",
                        fix=did_you_mean(ps_type, names()) or "List them: penstock engines list")


def _fields(schema: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The fields of the blocks in the order of the contract, those of a block within a block too: what a form shows."""
    defs = schema.get("$defs", {})
    for block, place in schema.get("properties", {}).items():
        yield from _inside(block, place, defs, block in schema.get("required", []))


def _inside(path: str, place: Mapping[str, Any], defs: Mapping[str, Any], needed: bool) -> Iterator[dict[str, Any]]:
    inner = _resolve(place, defs)
    for name, field in inner.get("properties", {}).items():
        must = needed and name in inner.get("required", [])
        yield {"name": f"{path}.{name}", "type": _kind(field, defs), "required": must, "default": field.get("default"),
               "description": field.get("description") or _resolve(field, defs).get("description", "").split("\n")[0]}
        if _single(field):
            yield from _inside(f"{path}.{name}", field, defs, must)


def _single(field: Mapping[str, Any]) -> bool:
    """Is it one block, and not a choice among several?"""
    return len([option for option in [field, *field.get("anyOf", [])] if "$ref" in option]) == 1


def _resolve(place: Mapping[str, Any], defs: Mapping[str, Any]) -> Mapping[str, Any]:
    for option in [place, *place.get("allOf", []), *place.get("anyOf", [])]:
        if "$ref" in option:
            return defs.get(str(option["$ref"]).rsplit("/", 1)[-1], {})  # type: ignore[no-any-return]
    return place


def _kind(field: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    """A JSON Schema type as a person says it: `string`, `list of string`, `append | merge`."""
    if "$ref" in field:
        inner = defs.get(str(field["$ref"]).rsplit("/", 1)[-1], {})
        return str(inner.get("title", "object")).rstrip("_") if "enum" not in inner else " | ".join(map(str, inner["enum"]))
    if "enum" in field:
        return " | ".join(str(value) for value in field["enum"])
    if "const" in field:
        return str(field["const"])
    for many in ("anyOf", "oneOf"):
        if many in field:
            return " | ".join(dict.fromkeys(_kind(option, defs) for option in field[many] if option.get("type") != "null"))
    if field.get("type") == "array":
        return f"list of {_kind(field.get('items', {}), defs)}"
    return str(field.get("type", "any"))
