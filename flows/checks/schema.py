"""The whole JSON Schema: the spec's own, and for each ps_type what its engine takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flows.engines import registry
from flows.spec.schema import json_schema

FILE = Path(__file__).resolve().parents[2] / "configs" / "system" / "flow-spec.schema.json"
BLOCKS = ("source", "destination", "config")
PLACEHOLDER = {"type": "string", "pattern": r"\{[A-Za-z_][A-Za-z0-9_]*\}"}


def full_schema() -> dict[str, Any]:
    """The schema of a spec with the blocks of every engine that Penstock brings along; other ps_types are left open."""
    whole = json_schema()
    step = whole["$defs"]["Step"]
    shipped = [name for name in registry.names() if registry.engine(name).Config.__module__.startswith("flows.engines.")]
    step["properties"]["ps_type"]["examples"] = shipped
    step["allOf"] = [_rule(name, whole["$defs"]) for name in shipped]
    return whole


def write(path: Path = FILE) -> Path:
    """Write the shipped file anew; needed after a change to the spec's model or to an engine's Config."""
    path.write_text(json.dumps(full_schema(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def _rule(name: str, defs: dict[str, Any]) -> dict[str, Any]:
    """If the ps_type is this one, then its blocks look like this; a block that the engine does not take is not there."""
    schema = registry.engine(name).Config.model_json_schema()
    for part, inner in schema.get("$defs", {}).items():
        defs[f"{name}.{part}"] = _own(inner, name)
    blocks = {block: _own(schema["properties"][block], name) if block in schema["properties"] else {"type": "null"} for block in BLOCKS}
    then = {"properties": blocks} | ({"required": schema["required"]} if schema.get("required") else {})
    return {"if": {"properties": {"ps_type": {"const": name}}, "required": ["ps_type"]}, "then": then}


def _own(node: Any, name: str) -> Any:
    """An engine's part with its references renamed; where a number or true/false stands, a placeholder may stand, too."""
    if isinstance(node, list):
        return [_own(item, name) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: _own(value, name) for key, value in node.items()}
    if isinstance(made.get("$ref"), str):
        made["$ref"] = made["$ref"].replace("#/$defs/", f"#/$defs/{name}.")
    if isinstance(made.get("discriminator"), dict):
        made.pop("discriminator")  # an OpenAPI word; the constants say the same
    if made.get("type") in ("integer", "number", "boolean"):
        return {"anyOf": [made, PLACEHOLDER]}
    return made
