"""Placeholders: `{name}` in any text of a spec becomes a value, and a value never becomes SQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from flows.errors import InputError, Problem, SpecError
from flows.spec.binding import PATH_PART, bind_sql, inline_sql
from flows.spec.model import FlowSpec, Parameter
from flows.spec.placeholder import BUILT_IN, Values, as_text, fill, missing, names
from flows.spec.problems import clip, place, typed
from flows.spec.suggest import did_you_mean

__all__ = ["BUILT_IN", "bind_sql", "builtins", "fill", "inline_sql", "resolve", "run_values", "typed_params", "values_of"]

BLOCKS = ("source", "destination", "config")
NAME_FIELDS = ("table", "procedure")


def builtins(*, tenant_id: str, pipeline_id: str = "", run_id: str = "", run_date: date | None = None, today: date | None = None,
             provider: str = "", domain: str = "") -> dict[str, Any]:
    """The placeholders that are always there. Dates are ISO text; `date` is the run date, `yesterday` is the day before `today`."""
    now = today or datetime.now(UTC).date()
    day = (run_date or now).isoformat()
    return {"tenant_id": tenant_id, "date": day, "run_date": day, "pipeline_id": pipeline_id, "provider": provider, "domain": domain,
            "run_id": run_id, "yesterday": (now - timedelta(days=1)).isoformat(), "today": now.isoformat()}


def run_values(spec: FlowSpec, given: Mapping[str, Any], **known: Any) -> dict[str, Any]:
    """All values of one run: built in (`known` goes to `builtins`), the pipeline's variables, filled, and the typed parameters, which win.

    A run_date, which may be given to every pipeline, moves `date` and `run_date` alike; `pipeline_id` is the spec's own, filled.
    Raises SpecError, InputError.
    """
    if "run_date" in given and not any(p.name == "run_date" for p in spec.parameters):
        known["run_date"] = date.fromisoformat(_typed(Parameter(name="run_date", type="date"), given["run_date"]))
        given = {name: value for name, value in given.items() if name != "run_date"}
    base = builtins(**known)
    typed = typed_params(spec, given, base)
    if "run_date" in typed:
        base = builtins(**{**known, "run_date": date.fromisoformat(str(typed["run_date"])[:10])})
    values = {**base, **typed}
    values["pipeline_id"] = as_text(fill(spec.pipeline_id, values_of(spec, values), "pipeline_id"))
    return values_of(spec, values)


def typed_params(spec: FlowSpec, given: Mapping[str, Any], known: Values | None = None) -> dict[str, Any]:
    """The value of every parameter, typed: as given, else its default. Dates and times are ISO text.

    A default with placeholders is filled from `known` and the variables; without `known` it is left out.
    Raises InputError that names the parameter: unknown, of the wrong type, or needed and not given.
    """
    own = [p.name for p in spec.parameters]
    for name in given:
        if name not in own:
            raise InputError(f"the pipeline has no parameter {clip(name)!r}", where=f"--param {clip(name)}",
                             fix=did_you_mean(name, own) or (f"It has: {', '.join(own)}" if own else "It has none"))
    found: dict[str, Any] = {}
    for number, param in enumerate(spec.parameters):
        if param.name in given:
            found[param.name] = _typed(param, given[param.name])
        elif param.default is None:
            raise InputError(f"the parameter {param.name!r} ({param.type}) is needed", where=f"--param {param.name}",
                             fix=f"Give it: --param {param.name}=...")
        elif known is not None:
            values = {**_variables(spec, known), **known}
            found[param.name] = _typed(param, fill(param.default, values, f"parameters.{number}.default"))
        elif not any(names(param.default)):
            found[param.name] = _typed(param, fill(param.default, {}, ""))
    return found


def resolve(spec: FlowSpec, values: Values) -> FlowSpec:
    """The spec with its placeholders filled from `values`, the pipeline's variables and the parameters' defaults, in this order.

    A placeholder that is a whole text inside an engine block keeps the value's type. SQL is not filled: `query` keeps its placeholders
    for `bind_sql`; in `expression` and derived columns a value becomes a literal and a quoted name is checked.
    Raises SpecError that lists every missing name with its place; a circle of variables is printed.
    """
    found = values_of(spec, values)
    data = spec.as_dict()
    absent = [(place(data, loc), name) for loc, text in _texts(data) for name in names(text) if name not in found]
    if absent:
        raise missing(absent, found)
    filled = {key: part if key in ("variables", "parameters") else _fill_tree(part, found, (key,), data) for key, part in data.items()}
    return typed(FlowSpec, filled)


def _variables(spec: FlowSpec, values: Values) -> dict[str, Any]:
    """The pipeline's variables, filled; they may use each other and `values`, of which an empty one stands behind a variable."""
    done: dict[str, Any] = {}
    values = {name: value for name, value in values.items() if value != "" or name not in spec.variables}

    def value(name: str, path: tuple[str, ...]) -> Any:
        if name in path:
            ring = [*path[path.index(name):], name]
            raise SpecError(Problem(f"variables.{name}", "circle", f"the variables use each other in a circle: {' -> '.join(ring)}",
                                    "Give one of them a plain value"))
        if name not in done:
            raw = spec.variables[name]
            for other in names(raw):
                if other in spec.variables and other not in values:
                    value(other, (*path, name))
            known = {**done, **values}
            done[name] = raw if any(other not in known for other in names(raw)) else fill(raw, known, f"variables.{name}")
        return done[name]

    for name in spec.variables:
        value(name, ())
    return done


def values_of(spec: FlowSpec, values: Values) -> dict[str, Any]:
    """Every value a step may use: the pipeline's variables, `values`, which win unless empty, and the other parameters' defaults.

    Raises SpecError for variables in a circle.
    """
    variables = _variables(spec, values)
    found = {**variables, **{name: value for name, value in values.items() if value != "" or name not in variables}}
    for param in spec.parameters:
        if param.name not in found and param.default is not None and all(n in found for n in names(param.default)):
            found[param.name] = _typed(param, fill(param.default, found))
    return found


def _texts(data: Any, loc: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every text of a spec, keys of mappings too, with the way to it."""
    if isinstance(data, str):
        yield loc, data
    elif isinstance(data, Mapping):
        for key, value in data.items():
            yield (*loc, key), key
            yield from _texts(value, (*loc, key))
    elif isinstance(data, list):
        for n, value in enumerate(data):
            yield from _texts(value, (*loc, n))


def _fill_tree(data: Any, values: Values, loc: tuple[str | int, ...], root: Any) -> Any:
    if isinstance(data, Mapping):
        derived = loc[-1] == "columns" and _at(root, loc[:-1]).get("op") == "derive"
        return {as_text(fill(key, values)): _fill_sql(value, values, place(root, (*loc, key))) if derived else
                _fill_tree(value, values, (*loc, key), root) for key, value in data.items()}
    if isinstance(data, list):
        return [_fill_tree(value, values, (*loc, n), root) for n, value in enumerate(data)]
    if not isinstance(data, str) or ("{" not in data and "}" not in data):
        return data
    inside = len(loc) > 2 and loc[2] in BLOCKS
    if inside and loc[-1] == "query":
        return data
    if inside and loc[-1] == "expression":
        return _fill_sql(data, values, place(root, loc))
    value = fill(data, values)
    if inside and loc[-1] in NAME_FIELDS:
        _check_name(as_text(value), data, place(root, loc))
    return value if inside else as_text(value)


def _fill_sql(text: Any, values: Values, where: str) -> Any:
    if not isinstance(text, str) or not any(names(text)):
        return text
    return inline_sql(text, values, where=where)


def _at(root: Any, loc: tuple[str | int, ...]) -> Any:
    for part in loc:
        root = root[part]
    return root if isinstance(root, Mapping) else {}


def _check_name(value: str, text: str, where: str) -> None:
    if not PATH_PART.match(value):
        raise SpecError(Problem(where, "unsafe_name", f"{text!r} becomes {clip(value)!r}, which is no name of a table",
                                "Use letters, digits, '_', '-' and '.'"))


def _typed(param: Parameter, value: Any) -> Any:
    try:
        return READ[param.type](value)
    except (ValueError, TypeError, OverflowError):
        like = {"integer": "12", "number": "1.5", "boolean": "true", "date": "2025-11-15", "timestamp": "2025-11-15T12:00:00Z"}
        raise InputError(f"the parameter {param.name!r} must be of type {param.type}, not {clip(value)!r}", where=f"--param {param.name}",
                         fix=f"Write it like {like.get(param.type, 'text')}") from None


def _integer(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()) or len(str(value)) > 40:
        raise ValueError
    if isinstance(value, str) and not re.fullmatch(r"[-+]?[0-9]+", value.strip()):
        raise ValueError
    number = int(value)
    if not -2**63 <= number < 2**63:  # what an INT64 holds
        raise ValueError
    return number


def _number(value: Any) -> float:
    """Always a float, so that a column made of it has the same type whatever is given."""
    if isinstance(value, bool) or (isinstance(value, str) and "_" in value):
        raise ValueError
    number = float(value)
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError
    return number


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}[value.strip().lower()] if str(value).strip().lower() in ("true", "false") else _refuse()


def _refuse() -> bool:
    raise ValueError


def _date(value: Any) -> str:
    text = value.isoformat() if isinstance(value, date) else str(value).strip()
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError
    return date.fromisoformat(text).isoformat()


def _timestamp(value: Any) -> str:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat().replace("+00:00", "Z")


READ: dict[str, Callable[[Any], Any]] = {"string": as_text, "integer": _integer, "number": _number, "boolean": _boolean, "date": _date,
                                         "timestamp": _timestamp}
