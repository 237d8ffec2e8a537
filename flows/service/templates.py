"""Templates: what there is, what one does, and a spec of one's own made from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flows.access import needs
from flows.errors import InputError, SpecError
from flows.service.door import Door
from flows.spec.model import FlowSpec
from flows.spec.suggest import suggest

if TYPE_CHECKING:
    from flows.insight.templates import Template

    Value = str | int | float | bool


class Templates(Door):
    """Found by their path, used by their name; see `flows.insight.templates`."""

    @needs("viewer")
    def templates(self) -> list[Template]:
        """All templates for this tenant, the gallery first. One that cannot be read is listed too: its `problem` says why."""
        from flows.insight.templates import templates

        return templates(self.settings)

    @needs("viewer")
    def template(self, name: str) -> Template:
        """The template of that name, like gallery/basic_etl. Raises MissingError with the near misses, InputError when two have it."""
        from flows.insight.templates import find

        return find(name, self.settings)

    @needs("viewer")
    def use_template(self, name: str, *, variables: Mapping[str, Value] | None = None, params: Mapping[str, Value] | None = None,
                     pipeline_id: str = "") -> FlowSpec:
        """A spec made from a template: its variables and the defaults of its parameters as given, all others as they stand there.

        The spec holds: it passes the semantic checks. Values stay values; none becomes SQL. Raises MissingError, InputError for a name or
        a type that does not fit (every unknown name with its near miss), SpecError for a spec that would not hold.
        """
        return self.use_template_text(name, variables=variables, params=params, pipeline_id=pipeline_id)[0]

    @needs("viewer")
    def use_template_text(self, name: str, *, variables: Mapping[str, Value] | None = None, params: Mapping[str, Value] | None = None,
                          pipeline_id: str = "") -> tuple[FlowSpec, str]:
        """Like `use_template`, with the YAML: the template's own text with its comments, and the new values in their places."""
        from flows.service.door import Source

        template = self.template(name)
        spec = template.spec
        changed = {**_variables(spec, variables or {}, template.name), **_defaults(spec, params or {}, template.name)}
        if pipeline_id:
            changed["pipeline_id"] = pipeline_id
        made = _changed(spec, changed)
        self._valid(Source(made, where=template.name))
        return made, _rewritten(template, made, changed)


def _variables(spec: FlowSpec, given: Mapping[str, Value], name: str) -> dict[str, Value]:
    """The values by their place, each of the type that the template's own has."""
    _known(given, spec.variables, "variable", name)
    return {f"variables.{key}": _like(spec.variables[key], value, f"--var {key}") for key, value in given.items()}


def _defaults(spec: FlowSpec, given: Mapping[str, Value], name: str) -> dict[str, Value]:
    """Defaults by their place. A text with placeholders is filled at each run; any other value must be of the parameter's type now."""
    from flows.spec.template import READ

    numbers = {param.name: n for n, param in enumerate(spec.parameters)}
    _known(given, numbers, "parameter", name)
    found = {}
    for key, value in given.items():
        param = spec.parameters[numbers[key]]
        try:
            found[f"parameters.{numbers[key]}.default"] = value if _open(value) else READ[param.type](value)
        except (ValueError, TypeError, OverflowError):
            raise InputError(f"the parameter {key!r} must be of type {param.type}", where=f"--param {key}",
                             fix=f"Write it as it stands in the template: {param.default!r}") from None
    return found


def _open(value: Value) -> bool:
    from flows.spec.placeholder import names

    return isinstance(value, str) and any(True for _ in names(value))


def _known(given: Mapping[str, Any], known: Mapping[str, Any], kind: str, name: str) -> None:
    odd = [key for key in given if key not in known]
    if odd:
        said = " and no ".join(f"{key!r}" + (f" (did you mean {near[0]!r}?)" if (near := suggest(key, known, 1)) else "") for key in odd)
        raise InputError(f"there is no {kind} {said}", where=name, fix=f"It has: {', '.join(known)}" if known else "It has none")


def _like(own: Value, value: Value, where: str) -> Value:
    """The value in the type of the template's own; any text may have placeholders."""
    from flows.spec.template import READ

    kind = {bool: "boolean", int: "integer", float: "number"}.get(type(own), "string")
    if kind == "string" and not isinstance(value, str):
        return str(value)
    try:
        result: Value = value if kind == "string" else READ[kind](value)
    except (ValueError, TypeError, OverflowError):
        raise InputError(f"the variable must be of type {kind}, like {own!r}", where=where) from None
    return result


def _changed(spec: FlowSpec, values: Mapping[str, Value]) -> FlowSpec:
    """The spec with these values at their places."""
    from flows.spec.problems import typed

    data = spec.as_dict()
    for place, value in values.items():
        *above, last = place.split(".")
        inner: Any = data
        for part in above:
            inner = inner[int(part)] if isinstance(inner, list) else inner[part]
        inner[last] = value
    return typed(FlowSpec, data)


def _rewritten(template: Template, made: FlowSpec, values: Mapping[str, Value]) -> str:
    """The template's text with the values written into its lines. Where that would not read back as the spec, its canonical YAML under
    the comment at its head."""
    from flows.insight.templates import HOW, how
    from flows.spec.loader import dump, dump_plain, parse

    lines = template.text.splitlines()
    for place, value in values.items():
        number = template.lines.find(place)
        if number:
            lines[number - 1] = _line(lines[number - 1], place.rpartition(".")[2], value)
    if "variables:" in lines:  # what came from the path of the template: the copy stands somewhere else
        ours = [f"  {dump_plain({key: value}).rstrip()}" for key, value in made.variables.items()
                if f"variables.{key}" not in template.lines.at]
        at = lines.index("variables:") + 1
        lines[at:at] = ours
    text = "\n".join([*lines, ""])
    try:
        if parse(text).as_dict() == made.as_dict():
            return text
    except SpecError:
        pass  # what the template wrote over several lines
    head = "".join(f"# {line}".rstrip() + "\n" for line in how(template.text).splitlines())
    return f"{HOW}\n{head}{dump(made)}"


def _line(line: str, key: str, value: Value) -> str:
    """One line of YAML with the value of `key` exchanged; a comment behind it stays."""
    from flows.spec.loader import dump_plain

    written = dump_plain({key: value}).rstrip("\n").partition(": ")[2]
    quoted = r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|"""
    if line.lstrip().startswith("- {"):  # a parameter on one line
        return re.sub(rf"(\b{key}: ){quoted}[^,}}]*)", lambda found: found[1] + _flow(written), line, count=1)
    return re.sub(rf"^(\s*{key}: ){quoted}[^#]*?)(\s+#.*)?$", lambda found: found[1] + written + (found[3] or ""), line, count=1)


def _flow(written: str) -> str:
    """A value inside of braces: a plain text with signs that mean something there is quoted."""
    import json

    return json.dumps(written) if written[:1] not in "\"'" and re.search(r"[,\[\]{}]", written) else written
