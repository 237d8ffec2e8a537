"""A pipeline as a Python file: export."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flows.cli.common import put_file, shared

if TYPE_CHECKING:
    from flows.service import Penstock


@click.command()
@click.argument("target", metavar="FILE|PIPELINE|TEMPLATE")
@click.option("--out", metavar="FILE", default="-", type=click.Path(dir_okay=False), help="Where it is written (default: stdout).")
@shared
def export(door: Penstock, target: str, out: str) -> int:
    """Write a pipeline as a Python file that runs it with Prefect outside of the app. A file that is there is never overwritten."""
    text = door.python(target)
    put_file(text, out, source=target, then=f"Run it: python {out} --date 2025-11-15")
    return 0
