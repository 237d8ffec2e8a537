"""What commands share: the options --tenant, --home and --json, and the way things are printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from flows.errors import InputError
from flows.show.states import state

F = Callable[..., Any]


def shared(command: F, *, known: bool = True) -> F:
    """Add --tenant, --home and --key and hand the command an opened Penstock as its first argument.

    `known`: it is asked who calls before the command begins, so that it has read nothing when nobody is let in. Raises UnauthorizedError.
    """
    import functools

    @click.option("--tenant", metavar="ID", help="Whose data and runs (default: $PENSTOCK_TENANT, else demo).")
    @click.option("--home", metavar="DIR", type=click.Path(file_okay=False),
                  help="Where state and data live (default: $PENSTOCK_HOME, else .penstock).")
    @click.option("--key", metavar="KEY", default="", help="An API key (better: $PENSTOCK_API_KEY, which no list of processes shows).")
    @functools.wraps(command)
    def wrapped(*args: Any, tenant: str | None, home: str | None, key: str, **options: Any) -> Any:
        from flows.service import Penstock
        from flows.service.log import keep_log

        with Penstock(home=home, tenant=tenant, catalog=options.pop("catalog_file", None), key=key, via="cli") as door:
            if known:
                door.identity.must("viewer", "look")
            keep_log(door.settings)
            return command(door, *args, **options)

    return wrapped


as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")


def put_json(document: Any) -> None:
    """One JSON document on stdout; equal content gives equal bytes."""
    print(json.dumps(document, ensure_ascii=False, separators=(", ", ": "), default=str))


def say(text: str = "") -> None:
    print(text, flush=True)


def hint(text: str) -> None:
    """Progress and advice: stderr, so that stdout stays usable in a pipe."""
    print(text, file=sys.stderr)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, right: Sequence[int] = ()) -> None:
    """Rows with a heading. On a terminal drawn and cut to its width, in a pipe whole lines."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 10_000)
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for position, name in enumerate(columns):
        drawn.add_column(Text(name), justify="right" if position in right else "left", overflow="ellipsis", no_wrap=True)
    for row in rows:
        drawn.add_row(*(Text("null", style="dim") if value is None else Text(plain(value)) for value in row))
    with console.capture() as text:
        console.print(drawn)
    for line in text.get().splitlines():
        say(f"  {line.rstrip()}")


def plain(value: Any, width: int | None = 120) -> str:
    """A cell as text: no control characters, cut at `width` characters."""
    text = f"{value:g}" if isinstance(value, float) and abs(value) >= 1e15 else str(value)
    clean = "".join(c if c.isprintable() else " " for c in text)
    return clean if width is None or len(clean) <= width else clean[: width - 1] + "…"


def numeric(types: Sequence[str]) -> list[int]:
    """Positions of columns that are printed to the right."""
    return [n for n, t in enumerate(types) if t.split("(")[0] in ("INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC")]


def print_step(step: dict[str, Any]) -> str:
    """One line about a step of a run."""
    from datetime import datetime

    look = state(step["status"], of="step")
    parts = [f"  {look.mark} {step['step_id']:<28} {look.word:<10}"]
    if step["started_at"] and step["ended_at"] and step["status"] != "SKIPPED":
        took = datetime.fromisoformat(step["ended_at"]) - datetime.fromisoformat(step["started_at"])
        parts.append(f"{took.total_seconds():7.2f} s")
    if step["rows_processed"] is not None:
        parts.append(f"{step['rows_processed']:>10,} {'row' if step['rows_processed'] == 1 else 'rows'}")
    if step.get("rejected"):
        parts.append(f"({step['rejected']:,} rejected" + (f" into {step['quarantine']}" if step.get("quarantine") else "") + ")")
    if (step["attempts"] or 0) > 1:
        parts.append(f"({step['attempts']} tries)")
    if step.get("progress"):
        parts.append(f"   {step['progress']['words']}")
    if step["error"]:
        parts.append(f" {plain(step['error'])}")
    return " ".join(parts).rstrip()


def put_file(text: str, out: str, *, source: str, then: str) -> None:
    """Write a new file that was made from `source`, and hint what to do `then`; "-" is stdout. Raises InputError, also for a file that is
    there already: nothing is overwritten."""
    if out == "-":
        say(text.rstrip("\n"))
        return
    try:
        with Path(out).open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InputError(f"{out!r} is there already", where="--out", fix="Choose another name; nothing is overwritten") from None
    except OSError as error:
        raise InputError(f"{out!r} cannot be written: {(error.strerror or type(error).__name__).lower()}", where="--out",
                         fix="Choose a place that is there") from None
    say(f"{out}: made from {source}")
    hint(then)
