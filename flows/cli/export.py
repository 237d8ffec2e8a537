"""A pipeline as a Python file: export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from flows.cli.common import hint, say, shared
from flows.errors import InputError

if TYPE_CHECKING:
    from flows.service import Penstock


@click.command()
@click.argument("target", metavar="FILE|PIPELINE|TEMPLATE")
@click.option("--out", metavar="FILE", default="-", type=click.Path(dir_okay=False), help="Where it is written (default: stdout).")
@shared
def export(door: Penstock, target: str, out: str) -> int:
    """Write a pipeline as a Python file that runs it with Prefect outside of the app. A file that is there is never overwritten."""
    text = door.python(target)
    if out == "-":
        say(text.rstrip("\n"))
        return 0
    try:
        with Path(out).open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InputError(f"{out!r} is there already", where="--out", fix="Choose another name; nothing is overwritten") from None
    except OSError as error:
        raise InputError(f"{out!r} cannot be written: {(error.strerror or type(error).__name__).lower()}", where="--out",
                         fix="Choose a place that is there") from None
    say(f"{out}: made from {target}")
    hint(f"Run it: python {out} --date 2025-11-15")
    return 0
