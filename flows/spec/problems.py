"""Findings in plain words: what pydantic noticed, said with the place, the nearest known name and the way out."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, Tag, TypeAdapter, ValidationError

from flows.errors import Problem, SpecError
from flows.spec.suggest import did_you_mean, suggest

Loc = tuple[str | int, ...]
T = TypeVar("T")

KINDS = {"string": "text", "int": "a whole number", "float": "a number", "bool": "true or false", "dict": "a mapping (name: value)",
         "model": "a mapping (name: value)", "model_attributes": "a mapping (name: value)", "list": "a list", "tuple": "a list",
         "date": "a date like 2025-11-15", "datetime": "a time like 2025-11-15T12:00:00Z", "finite_number": "a finite number"}


def typed(kind: type[T], data: Any, at: str = "") -> T:
    """`data` as what `kind` (a model or any other annotation) says; `at` is the path of `data` itself.

    Raises SpecError with every place that does not fit.
    """
    try:
        return TypeAdapter(kind).validate_python(data)
    except ValidationError as error:
        raise SpecError(problems_of(error, kind, data, at)) from None


def problems_of(error: ValidationError, model: Any, data: Any, at: str = "") -> list[Problem]:
    """One Problem for each place in `data` that does not fit `model`; `at` is the path of `data` itself.

    A union tries every shape; of its complaints only those of the shape that came nearest are kept.
    """
    groups: dict[Loc, dict[tuple[str, ...], list[tuple[Loc, Any]]]] = {}
    for item in error.errors(include_url=False):
        real, tags = _split(item["loc"], data, missing=item["type"] == "missing")
        key = _fork(item["loc"], real) if tags else real
        groups.setdefault(key, {}).setdefault(tags, []).append((real, item))
    problems: list[Problem] = []
    for branches in _merged(groups):
        problems += [_problem(model, data, real, item, at) for real, item in branches]
    return _unique(problems)


def place(data: Any, loc: Loc, at: str = "") -> str:
    """The path as people write it: a step is named by its step_id (`steps.load.destination.mode`)."""
    parts = [at] if at else []
    for n, part in enumerate(loc):
        name = str(part)
        if n == 1 and loc[0] == "steps" and isinstance(part, int) and not at:
            name = step_name(data, part)
        parts.append(name)
    return ".".join(parts)


def step_name(data: Any, index: int) -> str:
    """The step_id of a step of raw data if it has a usable one of its own, else its position from 0."""
    steps = data.get("steps") if isinstance(data, Mapping) else None
    if not isinstance(steps, list):
        return str(index)
    ids = [s.get("step_id") if isinstance(s, Mapping) else None for s in steps]
    found = ids[index] if index < len(ids) else None
    return found if isinstance(found, str) and found and "." not in found and ids.count(found) == 1 else str(index)


def kind_of(value: Any) -> str:
    """What a value is, in plain words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {clip(value)}"
    if isinstance(value, str):
        return f"the text {clip(value)!r}" if value else "empty text"
    return "a mapping" if isinstance(value, Mapping) else "a list" if isinstance(value, Sequence) else f"a {type(value).__name__}"


def clip(value: Any) -> str:
    """A value short enough for one line of an error: at most 60 characters."""
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _split(loc: Loc, data: Any, *, missing: bool) -> tuple[Loc, tuple[str, ...]]:
    """Pydantic puts the names of union branches into the place; what is no key or index of the data is such a name."""
    real: list[str | int] = []
    tags: list[str] = []
    here: Any = data
    for n, part in enumerate(loc):
        if (isinstance(here, Mapping) and part in here) or (isinstance(here, list) and isinstance(part, int) and part < len(here)):
            here = here[part]  # type: ignore[index]
        elif missing and n == len(loc) - 1:
            pass  # the field that should be here
        elif part == "[key]":
            continue
        else:
            tags.append(str(part))
            continue
        real.append(part)
    return tuple(real), tuple(tags)


def _fork(loc: Loc, real: Loc) -> Loc:
    """The place of the first union on the way: the longest common start of both."""
    same = 0
    while same < len(real) and loc[same] == real[same]:
        same += 1
    return real[:same]


def _merged(groups: Mapping[Loc, Mapping[tuple[str, ...], list[tuple[Loc, Any]]]]) -> Iterable[list[tuple[Loc, Any]]]:
    for fork, branches in groups.items():
        if len(branches) == 1:
            yield next(iter(branches.values()))
            continue
        flat = [pair for pairs in branches.values() for pair in pairs]
        told = all(real == flat[0][0] and _kind_word(item["type"]) for real, item in flat)  # a plain union inside a tagged one
        if told or all(len(real) == len(fork) for real, _ in flat):
            yield _one_of(flat)
        else:
            yield min(branches.values(), key=_distance)


def _one_of(flat: list[tuple[Loc, Any]]) -> list[tuple[Loc, Any]]:
    """A plain union (text, number ...): one sentence that names every kind that fits."""
    kinds = list(dict.fromkeys(_kind_word(item["type"]) for _, item in flat if _kind_word(item["type"])))
    real, item = flat[0]
    return [(real, {**item, "type": "kinds", "ctx": {"kinds": kinds}} if kinds else item)]


def _distance(pairs: list[tuple[Loc, Any]]) -> tuple[int, int]:
    """How far a branch of a union is from what was written: wrong shape, then strange and missing fields, then wrong values."""
    cost = {"missing": 2, "extra_forbidden": 2, "literal_error": 1}
    shape = sum(item["type"].endswith("_type") and len(item["loc"]) <= len(real) + 1 for real, item in pairs)
    return sum(cost.get(item["type"], 3 if shape else 1) for _, item in pairs), -max(len(real) for real, _ in pairs)


def _problem(model: type[BaseModel], data: Any, real: Loc, item: Any, at: str) -> Problem:
    kind, ctx, value = item["type"], item.get("ctx") or {}, item.get("input")
    path = place(data, real, at)
    last = str(real[-1]) if real else ""
    if kind == "extra_forbidden":
        known = [f for f in fields_at(model, item["loc"][:-1]) if not _has(data, real[:-1], f)]
        hint = did_you_mean(last, known) or (f"Known here: {', '.join(known[:12])}" if known else "")
        return Problem(path, "unknown_field", f"unknown field {clip(last)!r}", hint, tuple(suggest(last, known)))
    if kind == "missing":
        return Problem(path, "missing_field", f"the field {last!r} is missing", f"Add {last!r}")
    if kind in ("literal_error", "enum"):
        return _choice(path, value, _choices(ctx.get("expected", "")))
    if kind == "union_tag_invalid":
        tag = ctx.get("discriminator", "").strip("'")
        return _choice(f"{path}.{tag}" if path else tag, ctx.get("tag"), _choices(ctx.get("expected_tags", "")))
    if kind == "union_tag_not_found":
        tag = ctx.get("discriminator", "").strip("'")
        return Problem(path, "missing_field", f"the field {tag!r} is missing", f"Say which kind this is with {tag!r}")
    return Problem(path, "invalid_value", _words(kind, ctx, value, item["msg"]))


def _choice(path: str, value: Any, known: list[str]) -> Problem:
    word = clip(value)
    listed = ", ".join(known[:20]) + (" ..." if len(known) > 20 else "")
    near = did_you_mean(str(value), known)
    hint = f"{near} One of: {listed}" if near else f"One of: {listed}"
    return Problem(path, "unknown_value", f"{word!r} is not known here", hint, tuple(suggest(str(value), known)))


def _words(kind: str, ctx: Mapping[str, Any], value: Any, message: str) -> str:
    bounds = {"greater_than_equal": ("at least", "ge"), "greater_than": ("greater than", "gt"), "less_than_equal": ("at most", "le"),
              "less_than": ("less than", "lt")}
    if kind in bounds:
        word, key = bounds[kind]
        return f"must be {word} {_short(ctx.get(key))}, not {clip(value)}"
    if kind == "kinds":
        return f"must be {' or '.join(ctx['kinds'])}, not {kind_of(value)}"
    if kind == "string_pattern_mismatch":
        return f"{clip(value)!r} does not have the form {ctx.get('pattern')}"
    if kind in ("too_short", "string_too_short"):
        least = ctx.get("min_length", 1)
        return "must not be empty" if least == 1 else f"needs at least {least} entries"
    if kind in ("too_long", "string_too_long"):
        return f"is too long: at most {ctx.get('max_length')}"
    if kind in ("value_error", "assertion_error"):
        return message.split(", ", 1)[-1]
    word = _kind_word(kind)
    if word:
        return f"must be {word}, not {kind_of(value)}"
    return message[:1].lower() + message[1:].replace("Input should", "it should")


def _short(bound: Any) -> str:
    return f"{bound:g}" if isinstance(bound, float) else str(bound)


def _kind_word(kind: str) -> str:
    for tail in ("_from_datetime_parsing", "_parsing_size", "_from_float", "_parsing", "_type", "_sub_type"):
        if kind.endswith(tail) and kind.removesuffix(tail) in KINDS:
            return KINDS[kind.removesuffix(tail)]
    return KINDS.get(kind, "") if kind == "finite_number" else ""


def _choices(text: str) -> list[str]:
    """Pydantic lists what it expected as `'a', 'b' or 'c'`."""
    return [part.strip().strip("'") for part in text.replace(" or ", ", ").split(",") if part.strip()]


def _has(data: Any, loc: Loc, name: str) -> bool:
    here: Any = data
    for part in loc:
        here = here[part] if isinstance(here, Mapping | list) else None  # type: ignore[index]
    return isinstance(here, Mapping) and name in here


def _unique(problems: list[Problem]) -> list[Problem]:
    return list(dict.fromkeys(problems))


def fields_at(model: Any, loc: Loc) -> list[str]:
    """The field names (as YAML writes them) of the model that stands at `loc`; empty when there is none."""
    here: list[Any] = [model]
    for part in loc:
        here = [inner for kind in here for inner in _step(kind, part)]
    models = [m for kind in here for m, _ in _open(kind) if _is_model(m)]
    return list(dict.fromkeys(f.alias or name for m in models for name, f in m.model_fields.items()))


def _step(kind: Any, part: str | int) -> list[Any]:
    """The annotations that stand one part of a place further down; a part that names a branch of a union picks that branch."""
    members = _open(kind)
    picked = [m for m, tags in members if part in tags]
    if picked and len(members) > 1:
        return picked
    found: list[Any] = []
    for member, _ in members:
        origin = get_origin(member)
        if _is_model(member):
            found += [f.annotation for name, f in member.model_fields.items() if part in (name, f.alias)]
        elif origin in (list, tuple, set, frozenset):
            found += get_args(member)[:1]
        elif origin in (dict, Mapping):
            found += get_args(member)[1:]
    return found


def _open(kind: Any, tags: frozenset[Any] = frozenset()) -> list[tuple[Any, frozenset[Any]]]:
    """A union's members, an annotation's inside, else the thing itself; each with the names that pydantic may call it by."""
    origin = get_origin(kind)
    if origin is Annotated:
        inner, *notes = get_args(kind)
        return _open(inner, tags | {n.tag for n in notes if isinstance(n, Tag)})
    if origin in (Union, types.UnionType):
        return [pair for arg in get_args(kind) if arg is not type(None) for pair in _open(arg, tags)]
    value = getattr(kind, "__value__", None)  # a `type X = ...` alias
    return _open(value, tags) if value is not None else [(kind, tags | _tags(kind))]


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _tags(kind: Any) -> frozenset[Any]:
    """The names a union calls a model by when nobody named it: its class name and the literals of its own fields."""
    if not _is_model(kind):
        return frozenset()
    literals = [v for f in kind.model_fields.values() if get_origin(f.annotation) is Literal for v in get_args(f.annotation)]
    return frozenset({kind.__name__, *literals})
