"""What a request may be: at most 1 MiB of JSON, read one way only. Two keys of one name, NaN and deep nesting are refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import unquote_to_bytes

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from app.rest.problem import Problem

BODY_BYTES = 1024 * 1024
DEPTH = 50
DIGITS = 300  # of one number
JSON = ("application/json", "application/x-www-form-urlencoded", "")
CLOSED = "The body is no JSON that this API takes: "


class SaidTooLarge:
    """ASGI middleware: a request that says it is too large is refused before its body is read, as a problem."""

    def __init__(self, app: ASGIApp, *, most: int = BODY_BYTES) -> None:
        self.app, self.most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        length = Headers(scope=scope).get("content-length", "") if scope["type"] == "http" else ""
        if length.isascii() and length.isdigit() and int(length[:12]) > self.most:
            answer = Problem(413, "the body is larger than 1 MiB", code="too_large", headers={"Connection": "close"})
            await answer(scope, receive, send)
            return
        await self.app(scope, receive, send)


class StrictRequest(Request):
    """A request whose JSON is read strictly."""

    async def json(self) -> Any:
        if not hasattr(self, "_strict"):
            self._strict = strict(await self.body())
        return self._strict


class StrictRoute(APIRoute):
    """A route of such requests. What `curl -d` calls a form is read as JSON: a page of another site gets nowhere without the key."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()

        async def handler(request: Request) -> Response:
            if b"\0" in unquote_to_bytes(request.scope["path"]) or b"\0" in unquote_to_bytes(request.scope["query_string"]):
                raise HTTPException(400, "a NUL stands in the address")
            told = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if self.body_field and told not in JSON and await request.body():
                raise HTTPException(415, "the body must be JSON: send Content-Type: application/json")
            return await inner(StrictRequest(request.scope, request.receive) if not self.body_field else await _read(request))

        return handler


async def _read(request: Request) -> StrictRequest:
    """The same request with its body at hand, however much of it was read."""
    headers = [pair for pair in request.scope["headers"] if pair[0] != b"content-type"]
    made = StrictRequest({**request.scope, "headers": [*headers, (b"content-type", b"application/json")]}, request.receive)
    made._body = await request.body() or b"{}"  # nothing at all leaves all out
    return made


def strict(body: bytes) -> Any:
    """JSON of one meaning. Raises HTTPException 400."""
    try:
        found = json.loads(body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_none, parse_int=_int, parse_float=_float)
    except UnicodeDecodeError:
        raise HTTPException(400, CLOSED + "it is not UTF-8") from None
    except RecursionError:
        raise HTTPException(400, CLOSED + f"it is nested deeper than {DEPTH} levels") from None
    except json.JSONDecodeError as error:
        raise HTTPException(400, CLOSED + f"line {error.lineno}, column {error.colno}: {error.msg}") from None
    _judge(found)
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise HTTPException(400, CLOSED + "an object has two keys of the same name")
    return found


def _none(word: str) -> Any:
    raise HTTPException(400, CLOSED + f"{word} is no number")


def _int(text: str) -> int:
    if len(text) > DIGITS:
        raise HTTPException(400, CLOSED + f"a number has more than {DIGITS} digits")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise HTTPException(400, CLOSED + "a number is too large")
    return value


def _judge(value: Any) -> None:
    """Not too deep, and each text can be stored: no NUL, no half of a surrogate pair."""
    level = [value]
    for _ in range(DEPTH + 1):
        below: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                below += [*each, *each.values()]
            elif isinstance(each, list):
                below += each
            elif isinstance(each, str):
                _text(each)
        if not below:
            return
        level = below
    raise HTTPException(400, CLOSED + f"it is nested deeper than {DEPTH} levels")


def _text(text: str) -> None:
    if "\0" in text:
        raise HTTPException(400, CLOSED + "a text holds a NUL")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise HTTPException(400, CLOSED + "a text holds half of a surrogate pair") from None
