"""Files that came to the sample shop: deliveries of a day, with broken lines on purpose, and the sales targets of its countries."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from flows.insight.shop import COUNTRIES

FOLDER = "inbox"
DAY = "2025-11-15"
DELIVERIES = 120
BROKEN = {17: "n/a", 58: "12 pcs", 93: "?"}
"""Lines of the deliveries, counted from 1 after the header, whose pieces are no number."""
MONTHS = 11


def files() -> Iterator[tuple[str, str]]:
    """Name and text of each file; the same on every machine."""
    deliveries = [_delivery(number) for number in range(1, DELIVERIES + 1)]
    yield f"deliveries_{DAY}.csv", "\n".join(["delivery_id,store_id,product_id,pieces,delivered_on", *deliveries, ""])
    targets = [f"{country},2025-{month:02}-01,{_target(number, month)}" for number, country in enumerate(COUNTRIES)
               for month in range(1, MONTHS + 1)]
    yield "sales_targets.csv", "\n".join(["country,month,target", *targets, ""])


def _delivery(number: int) -> str:
    pieces = BROKEN.get(number, str(5 + number * 37 % 90))
    return f"{number},{1 + number * 7 % 5},{1 + number * 11 % 20},{pieces},{DAY}"


def _target(number: int, month: int) -> int:
    """What a country shall sell in a month: more in each month, less in smaller countries."""
    return (500_000 - number * 60_000) * (20 + month) // 20


def missing(home: Path, own: Path | None = None) -> list[tuple[Path, str]]:
    """Those files that are not in the inbox of this home, or of the folder `own` instead, and what belongs into them."""
    folder = (own or home / "files") / FOLDER
    return [(folder / name, text) for name, text in files() if not (folder / name).exists()]


def deliver(home: Path, own: Path | None = None) -> list[str]:
    """Put the files that are missing into the inbox, each as a whole, and name them. What is there is left as it is."""
    made = missing(home, own)
    for place, text in made:
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = place.with_name(f".{place.name}.{os.getpid()}")
        draft.write_text(text, encoding="utf-8")
        with suppress(FileExistsError):
            os.link(draft, place)  # never over a file that came meanwhile
        draft.unlink()
    return [place.name for place, _ in made]
