"""Whose request it is: the key in `X-API-Key` says it, nothing else. A cookie opens nothing here."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Path, Request, Security
from fastapi.security import APIKeyHeader

from app.door import base
from flows.errors import MissingError
from flows.service import Penstock

KEY = APIKeyHeader(name="X-API-Key", scheme_name="ApiKey", auto_error=False,
                   description="A key of your organisation, made with `penstock keys create`, on the Settings page or with POST /v1/keys.")
HEADER = "For the root key only: the organisation that the request is for, where the path names none."


def caller(request: Request, key: Annotated[str | None, Security(KEY)],
           tenant: Annotated[str | None, Header(alias="X-Penstock-Tenant", description=HEADER, max_length=63)] = None) -> Penstock:
    """Penstock for the holder of the key. UnauthorizedError, MissingError for an organisation that is not the key's."""
    org = request.path_params.get("org")
    mine = base().caller(key or "", tenant=org or tenant or None)
    if tenant and tenant != mine.tenant:
        raise MissingError(f"there is no organisation {tenant!r}", fix="Use the one that your key belongs to")
    return mine


Me = Annotated[Penstock, Depends(caller)]
Org = Annotated[str, Path(description="The organisation that the key belongs to", examples=["demo"], max_length=63)]
