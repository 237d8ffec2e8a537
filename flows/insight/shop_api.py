"""The interface of the sample shop: a small paged JSON API over its rows, answered inside the process, without a network.

    GET /orders?updated_since=2025-11-14&page=2&per_page=500   ->   {"data": [...], "page": 2, "pages": 6, "total": 2731}

It has orders (updated_since: by updated_at), customers (by created_at) and products. It stands in for the connection `shop_api` of the
demo tenant as long as that has no address of its own; the reader in front of it is the one that reads any other REST connection.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx
    import pyarrow as pa

NAME = "shop_api"
ADDRESS = "http://shop-api.invalid/v1"
"""No such host can exist (RFC 2606): nobody is asked by mistake."""
MOMENTS = {"orders": "updated_at", "customers": "created_at", "products": ""}
MOST = 1000  # rows of a page
USUAL = 100


def transport() -> httpx.BaseTransport:
    """What a client of httpx sends its requests to, in the place of a network."""
    import httpx

    return httpx.MockTransport(_answer)


def _answer(request: httpx.Request) -> httpx.Response:
    import httpx

    name = request.url.path.removeprefix("/v1").strip("/")
    if name not in MOMENTS:
        return httpx.Response(404, json={"error": f"there is no {name or 'such resource'}; there are {', '.join(MOMENTS)}"})
    try:
        asked = request.url.params
        page, size = int(asked.get("page", "1")), int(asked.get("per_page", str(USUAL)))
        if page < 1 or not 1 <= size <= MOST:
            raise ValueError(f"page counts from 1, per_page is 1 to {MOST}")
        rows = _since(_rows(name), MOMENTS[name], asked.get("updated_since", ""))
    except ValueError as error:
        return httpx.Response(400, json={"error": str(error)})
    shown = rows.slice((page - 1) * size, size).to_pylist()
    body = {"data": shown, "page": page, "pages": -(-rows.num_rows // size), "total": rows.num_rows}
    return httpx.Response(200, content=json.dumps(body, default=_plain), headers={"Content-Type": "application/json"})


@lru_cache(maxsize=3)
def _rows(name: str) -> pa.Table:
    from flows.insight.shop import Shop

    return getattr(Shop(), name)()


def _since(rows: pa.Table, column: str, text: str) -> pa.Table:
    """The rows that changed on that day or later. Raises ValueError for no date, and where rows have no moment."""
    if not text:
        return rows
    if not column:
        raise ValueError("these rows do not say when they changed")
    import pyarrow as pa
    import pyarrow.compute as pc

    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return rows.filter(pc.greater_equal(rows[column], pa.scalar(moment, rows[column].type)))


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(type(value).__name__)
