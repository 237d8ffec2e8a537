"""YAML or JSON text becomes a flow spec, safely: bounded before it is built, and every finding knows its line."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import yaml

from flows.errors import InputError, MissingError, Problem, SpecError
from flows.settings import Limits
from flows.spec.model import FlowSpec
from flows.spec.problems import typed

TAG = "tag:yaml.org,2002:"
READER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
WRITER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
PLAIN_TAGS = {None, "!", *(TAG + name for name in ("str", "int", "float", "bool", "null", "seq", "map"))}
NOT_CORE = {TAG + name for name in ("bool", "int", "float", "timestamp", "merge", "value")}
BIGGEST = 10**38  # the widest number that a warehouse keeps exactly (BigQuery NUMERIC has 38 digits)
LIMITS = Limits()

CORE = (
    (TAG + "bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)\Z"), list("tTfF")),
    (TAG + "int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)\Z"), list("-+0123456789")),
    (TAG + "float", re.compile(r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?\Z"), list("-+.0123456789")),
)


class SpecLoader(READER):  # type: ignore[misc]
    """YAML 1.2 core: true and false, 12, 1.5, null; all else is text, so that `on`, `NO`, `=`, `0777` and 2026-01-01 stay text."""

    yaml_implicit_resolvers: ClassVar[Any] = {
        first: [(tag, pattern) for tag, pattern in rules if tag not in NOT_CORE] for first, rules in READER.yaml_implicit_resolvers.items()
    }


class SpecDumper(WRITER):  # type: ignore[misc]
    """Quotes whatever YAML 1.1 or YAML 1.2 would read as something else than text, so that every reader agrees."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        return super().increase_indent(flow, False)


for _tag, _pattern, _first in CORE:
    SpecLoader.add_implicit_resolver(_tag, _pattern, _first)
    SpecDumper.add_implicit_resolver(_tag, _pattern, _first)


@dataclass(frozen=True)
class Lines:
    """Where each part of a file stands. Lines count from 1."""

    at: Mapping[str, int] = field(default_factory=dict)  # "steps.0.config" -> line
    step_ids: tuple[str, ...] = ()

    def find(self, path: str, step_ids: Iterable[str] = ()) -> int:
        """The line of a path (steps by step_id or position), or of the nearest part above it; 0 when nothing is known.

        `step_ids` are the names after placeholders were filled, when those differ from the file's.
        """
        parts = path.split(".")
        if len(parts) > 1 and parts[0] == "steps" and not parts[1].isdigit():
            for names in (tuple(step_ids), self.step_ids):
                if parts[1] in names:
                    parts[1] = str(names.index(parts[1]))
                    break
        while parts:
            line = self.at.get(".".join(parts))
            if line is not None:
                return line
            parts.pop()
        return 0


def parse(text: str, *, where: str = "") -> FlowSpec:
    """The spec that a text of YAML or JSON says. Raises SpecError with every problem, its line and the way out."""
    return read(text, where=where)[0]


def load_file(path: str | Path) -> tuple[FlowSpec, Lines]:
    """The spec of a file, and the line of each of its parts. Raises MissingError, InputError or SpecError."""
    return read(read_text(path), where=str(path))


def read(text: str, *, where: str = "") -> tuple[FlowSpec, Lines]:
    """Like `parse`, with the line of each part."""
    data, lines = plain(text, where=where)
    return from_data(data, lines, where=where), lines


def from_data(data: Mapping[str, Any], lines: Lines | None = None, *, where: str = "") -> FlowSpec:
    """The spec that plain data says. Raises SpecError like `parse`; `lines` gives each problem its line."""
    lines = lines or Lines()
    steps = data.get("steps")
    if isinstance(steps, list) and len(steps) > LIMITS.spec_steps:
        raise _error("limit", f"a spec has at most {LIMITS.spec_steps:,} steps, this one has {len(steps):,}", lines.find("steps"),
                     "Split it into several pipelines", where, "steps")
    try:
        return typed(FlowSpec, data)
    except SpecError as error:
        raise SpecError([placed(p, lines) for p in error.problems], where=where) from None


def placed(problem: Problem, lines: Lines, step_ids: Iterable[str] = ()) -> Problem:
    """The same problem with its line, when the file knows it."""
    return problem if problem.line else replace(problem, line=lines.find(problem.path, step_ids))


def read_text(path: str | Path, *, size: int = LIMITS.spec_bytes) -> str:
    """The text of a UTF-8 file of at most `size` bytes. Raises MissingError, InputError (unreadable) or SpecError (size, encoding)."""
    place = Path(path)
    try:
        with place.open("rb") as file:
            raw = file.read(size + 1)
    except FileNotFoundError:
        raise MissingError("there is no such file", where=str(path), fix="Check the path") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the path is not valid"
        raise InputError(f"the file cannot be read: {reason.lower()}", where=str(path)) from None
    _size(len(raw), size, str(path))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _error("encoding", "the text is not UTF-8", line, "Save the file as UTF-8", str(path)) from None


def plain(text: str, *, where: str = "", size: int = LIMITS.spec_bytes) -> tuple[dict[str, Any], Lines]:
    """The mapping that a text of YAML or JSON says, as plain data, and its lines. Raises SpecError.

    Bounded before anything is built: size, depth, no anchors, aliases or tags, no key twice, no NaN, no number beyond 38 digits.
    """
    text = text.removeprefix("\ufeff")
    _size(len(text.encode("utf-8", "surrogatepass")), size, where)
    _characters(text, where)
    if not text.strip():
        raise _error("empty", "the text is empty", 0, "Write lines like 'name: value'", where)
    if text.lstrip()[0] == "{":
        try:
            data = _json(text, where)
        except json.JSONDecodeError:
            pass  # a YAML mapping may start with a brace, too
        else:
            return _mapping(data, _json_lines(text), where)
    node = _compose(text, where)
    lines: dict[str, int] = {}
    _walk(node, "", lines, where)
    try:
        data = SpecLoader("").construct_document(node)
    except (yaml.YAMLError, ValueError):  # `!!int x`
        raise _error("invalid_yaml", "a value does not fit its tag", 0, "Write a plain value", where) from None
    _values(data, "", lines, where)
    return _mapping(data, lines, where)


def dump(spec: FlowSpec) -> str:
    """Canonical YAML: only what was said, fields in the order of the contract, the same bytes for the same spec."""
    return dump_plain(whole(spec.as_dict()))


def dump_draft(draft: Mapping[str, Any]) -> str:
    """A draft, in which fields may be missing or null, as YAML in the order it has."""
    return dump_plain(dict(draft))


def dump_plain(data: Any) -> str:
    """Plain data as YAML that reads back as exactly that data, in the order it has."""
    return str(yaml.dump(data, Dumper=SpecDumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=False))


def whole(data: dict[str, Any]) -> dict[str, Any]:
    """Seconds and money are written as 30, not 30.0; engine blocks keep the kind of number they were given."""
    blocks = ("source", "destination", "config", "variables", "parameters")
    return {key: _round(value) if key not in blocks else value for key, value in data.items()}


def _round(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return whole(value)
    return [_round(v) for v in value] if isinstance(value, list) else value


def _error(code: str, message: str, line: int = 0, hint: str = "", where: str = "", path: str = "") -> SpecError:
    return SpecError(Problem(path, code, message, hint, line=line), where=where)


def _size(size: int, most: int, where: str) -> None:
    if size > most:
        raise _error("limit", f"the text is larger than {most // 1024} KiB", 0, "Split it", where)


def _characters(text: str, where: str) -> None:
    found = re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]", text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        raise _error("control_character", f"the character {found[0]!a} is not allowed here", line, "Remove it", where)


def _mapping(data: Any, lines: Mapping[str, int], where: str) -> tuple[dict[str, Any], Lines]:
    if not isinstance(data, dict):
        kind = "a list" if isinstance(data, list) else "nothing" if data is None else "plain text"
        raise _error("not_a_mapping", f"a mapping (name: value) is expected, this is {kind}", 1, "Write lines like 'name: value'", where)
    steps = data.get("steps")
    ids = [s.get("step_id") if isinstance(s, dict) else None for s in steps] if isinstance(steps, list) else []
    return data, Lines(lines, tuple(i if isinstance(i, str) else "" for i in ids))


def _compose(text: str, where: str) -> yaml.Node:
    try:
        _events(text, where)
        loader = SpecLoader(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise _unreadable(error, text, where) from None
    except RecursionError:
        raise _error("limit", f"nested deeper than {LIMITS.spec_depth} levels", 0, "Flatten it", where) from None
    if node is None:
        raise _error("empty", "the text is empty", 0, "Write lines like 'name: value'", where)
    return node  # type: ignore[no-any-return]


def _events(text: str, where: str) -> None:
    """The parser's stream of events is looked at before any object exists: an alias bomb costs a millisecond."""
    depth = 0
    for event in yaml.parse(text, Loader=READER):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _error("alias", "anchors and aliases are not allowed", line, "Write the value out", where)
        tag = getattr(event, "tag", None)
        if tag not in PLAIN_TAGS:
            raise _error("tag", f"the tag {tag!r} is not allowed", line, "Write a plain value", where)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > LIMITS.spec_depth:
            raise _error("limit", f"nested deeper than {LIMITS.spec_depth} levels", line, "Flatten it", where)


def _unreadable(error: yaml.YAMLError, text: str, where: str) -> SpecError:
    mark = getattr(error, "problem_mark", None)
    line = min(mark.line, text.rstrip().count("\n")) + 1 if mark else 0  # an end that comes too early is on the last line
    said = getattr(error, "problem", None) or "it cannot be read"
    if "single document" in str(getattr(error, "context", "")):
        said = "there is more than one document in it"
    return _error("invalid_yaml", f"this is not valid YAML: {said}", line, "Check indentation, colons and quotes", where)


def _walk(node: yaml.Node, path: str, lines: dict[str, int], where: str) -> None:
    """Notes the line of every part, makes every key text and refuses a key that stands twice."""
    if isinstance(node, yaml.SequenceNode):
        for n, item in enumerate(node.value):
            below = f"{path}.{n}" if path else str(n)
            lines[below] = item.start_mark.line + 1
            _walk(item, below, lines, where)
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise _error("key", "a key must be plain text", line, "Quote it", where, path)
            if key.value in seen:
                raise _error("duplicate_key", f"the key {key.value!r} stands here twice", line, "Keep one of them", where, path)
            seen.add(key.value)
            key.tag = TAG + "str"
            below = f"{path}.{key.value}" if path else key.value
            lines[below] = line
            _walk(value, below, lines, where)
    elif node.tag == TAG + "int" and len(node.value) > 40:
        raise _error("number", "the number has more than 38 digits", node.start_mark.line + 1, "Quote it if it is text", where, path)


def _values(data: Any, path: str, lines: Mapping[str, int], where: str) -> None:
    """Numbers must be finite and storable, text must be encodable: JSON and YAML escapes can make what the text itself may not hold."""
    if isinstance(data, dict):
        for key, value in data.items():
            _values(key, path, lines, where)
            _values(value, f"{path}.{key}" if path else key, lines, where)
    elif isinstance(data, list):
        for n, value in enumerate(data):
            _values(value, f"{path}.{n}" if path else str(n), lines, where)
    elif isinstance(data, str):
        if re.search(r"[\x00\ud800-\udfff]", data):
            line = lines.get(path, 0)
            raise _error("control_character", "NUL and half characters are not allowed in text", line, "Remove it", where, path)
    elif isinstance(data, float) and not math.isfinite(data):
        raise _error("number", "the number is not finite", lines.get(path, 0), "Write a number that can be stored", where, path)
    elif isinstance(data, int) and abs(data) >= BIGGEST:
        raise _error("number", "the number has more than 38 digits", lines.get(path, 0), "Quote it if it is text", where, path)


def _json(text: str, where: str) -> Any:
    """Strict JSON: no key twice, no NaN. Raises json.JSONDecodeError when it is not JSON at all."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in items:
            if key in found:
                at = [m.start() for m in re.finditer(re.escape(json.dumps(key)) + r"\s*:", text)]
                line = text.count("\n", 0, at[1]) + 1 if len(at) == 2 else 0
                raise _error("duplicate_key", f"the key {key!r} stands here twice", line, "Keep one of them", where)
            found[key] = value
        return found

    def constant(word: str) -> Any:
        raise _error("number", f"{word} is not a number that can be stored", text.count("\n", 0, text.find(word)) + 1, "", where)

    try:
        data = json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
    except RecursionError:
        raise _error("limit", f"nested deeper than {LIMITS.spec_depth} levels", 0, "Flatten it", where) from None
    except json.JSONDecodeError:
        raise
    except ValueError:
        raise _error("number", "a number in it has too many digits", 0, "Quote it if it is text", where) from None
    _depth(data, where)
    _values(data, "", {}, where)
    return data


def _depth(data: Any, where: str) -> None:
    level = [data]
    for _ in range(LIMITS.spec_depth):
        level = [v for item in level if isinstance(item, dict | list) for v in (item.values() if isinstance(item, dict) else item)]
        if not level:
            return
    if any(isinstance(item, dict | list) for item in level):
        raise _error("limit", f"nested deeper than {LIMITS.spec_depth} levels", 0, "Flatten it", where)


def _json_lines(text: str) -> dict[str, int]:
    """JSON is YAML but for a few characters; where YAML cannot read it, there are no lines."""
    lines: dict[str, int] = {}
    try:
        _walk(_compose(text, ""), "", lines, "")
    except SpecError:
        return {}
    return lines
