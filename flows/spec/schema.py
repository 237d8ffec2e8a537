"""The JSON Schema of a flow spec, for editors and for programs that write one."""

from __future__ import annotations

from typing import Any

from flows.spec.model import FlowSpec

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The schema of a spec; what stands inside source, destination and config belongs to the engine and is left open here."""
    made = FlowSpec.model_json_schema()
    return {"$schema": DIALECT, "title": "Penstock flow spec", **{key: part for key, part in made.items() if key != "title"}}
