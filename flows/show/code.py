"""A spec as a Python file that runs it with Prefect: readable, and the same bytes for the same spec.

A text of a spec stands there as a literal or in a comment without line ends, so that none of it can become code.
"""

from __future__ import annotations

import re
from typing import Any

from flows.show.step import sentence
from flows.spec.model import FlowSpec

WIDE = 120  # characters of a line
INSIDE = 4  # spaces
LINE = 160  # characters of a comment

_HEAD = '''\
{doc}

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from typing import Any

# where PREFECT_API_URL names no server Prefect starts one: a busy machine needs longer for that than the usual 20 seconds
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "180")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")

from prefect import flow  # noqa: E402
from prefect.client.schemas.objects import State  # noqa: E402

from flows.main import run_pipeline  # noqa: E402

SPEC: dict[str, Any] = {spec}


@flow(name=SPEC["pipeline_id"], persist_result=False, validate_parameters=False)
async def pipeline(date: str = "", environment: str = "local", params: dict[str, Any] | None = None) -> State[Any]:
    """Run every step as a task, when those that it waits for have ended. `date` is the run date, today when it is empty."""
    values = {{**(params or {{}}), **({{"run_date": date}} if date else {{}})}}
    return await run_pipeline.fn(SPEC, environment=environment, params=values)


def main() -> int:
    """Read the command line, run, and say how it ended: 0 when it succeeded."""
    parser = argparse.ArgumentParser(description="Run the pipeline " + SPEC["pipeline_id"] + ".")
    parser.add_argument("--date", default="", metavar="DAY", help="the run date, for example 2025-11-15")
    parser.add_argument("--env", default="local", choices=["local", "production"], help="where its tables are")
    parser.add_argument("--param", action="append", default=[], metavar="K=V", help="a parameter of this run")
    given = parser.parse_args()
    if any("=" not in pair for pair in given.param):
        parser.error("--param is written K=V")
    params = dict(pair.split("=", 1) for pair in given.param)
    state = asyncio.run(pipeline(given.date, given.env, params, return_state=True))
    print(f"{{state.name}}: {{state.message or ''}}".rstrip(": "), file=sys.stdout if state.is_completed() else sys.stderr)
    return 0 if state.is_completed() else 1


if __name__ == "__main__":
    sys.exit(main())
'''


def python(spec: FlowSpec) -> str:
    """The file's text. `python FILE [--date DAY] [--env ENV] [--param K=V]` runs it where Penstock and its data are."""
    from flows.spec.loader import whole

    data = whole(spec.as_dict())
    return _HEAD.format(doc=_doc(spec), spec=_pipeline(data, spec))


def _doc(spec: FlowSpec) -> str:
    """The module's docstring: title, description, how to run it."""
    title, said = _line(spec.name) or _line(spec.pipeline_id), _line(spec.description)
    lines = [title if title.endswith((".", "!", "?")) else f"{title}."]
    if said and said != title:
        lines += ["", said]
    lines += ["", f"Made by Penstock from the pipeline {_line(spec.pipeline_id)}; an equal spec gives an equal file.",
              "Run it where Penstock is installed, with PENSTOCK_HOME and PENSTOCK_TENANT as usual:", "",
              "    python THIS_FILE [--date 2025-11-15] [--env production] [--param K=V]"]
    return '"""' + "\n".join(lines) + '\n"""'


def _line(text: str) -> str:
    """A text for a comment or a docstring: on one line, every sign that could end either, or hide in it, written out."""
    plain = " ".join(text.split())
    plain = plain if len(plain) <= LINE else plain[: LINE - 3] + "..."
    return "".join(c if c.isprintable() and c not in '\\"' else "'" if c == '"' else f"<{ord(c):x}>" for c in plain)


def _pipeline(data: dict[str, Any], spec: FlowSpec) -> str:
    """The spec as a literal, with a comment over each step that says what it does."""
    lines = ["{"]
    for key, value in data.items():
        if key != "steps":
            lines.append(f"    {literal(key)}: {literal(value, 4, len(repr(key)) + 2)},")
            continue
        lines.append('    "steps": [')
        for number, step in enumerate(value, 1):
            lines += [f"        # {number}. {_line(sentence(spec.steps[number - 1], spec))}", f"        {literal(step, 8)},"]
        lines.append("    ],")
    return "\n".join([*lines, "}"])


def literal(value: Any, indent: int = 0, used: int = 0) -> str:
    """Plain data as a Python expression: on one line where it fits, else each item on its own.

    `indent` is the depth of its first line in spaces, `used` are the characters before it on that line. A text of several lines stands
    on as many. Numbers keep their kind.
    """
    short = _short(value)
    inner = " " * (indent + INSIDE)
    if isinstance(value, str) and "\n" in value.rstrip("\n"):
        return "(\n" + "".join(f"{inner}{_text(line)}\n" for line in re.findall(r"[^\n]*\n|[^\n]+", value)) + " " * indent + ")"
    if (len(short) + indent + used < WIDE and "\\n" not in short) or not isinstance(value, dict | list) or not value:
        return short
    if isinstance(value, dict):
        items = [f"{_short(key)}: {literal(each, indent + INSIDE, len(_short(key)) + 2)}" for key, each in value.items()]
        return "{\n" + "".join(f"{inner}{item},\n" for item in items) + " " * indent + "}"
    return "[\n" + "".join(f"{inner}{literal(each, indent + INSIDE)},\n" for each in value) + " " * indent + "]"


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_short(key)}: {_short(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_short, value)) + "]"
    return _text(value) if isinstance(value, str) else repr(value)


def _text(text: str) -> str:
    """A text in double quotes, as people write it, where that is as simple; signs that hide or turn the line are written out."""
    said = repr(text)
    if said[0] == "'" and '"' not in text and "\\'" not in said:
        said = f'"{said[1:-1]}"'
    return said
