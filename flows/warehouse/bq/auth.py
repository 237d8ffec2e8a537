"""Google credentials: of this machine, or of whatever gives them; every way they fail is one clear error without a secret."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flows.errors import UnreachableError

SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def machine() -> Any:
    """The machine's application default credentials. Raises UnreachableError without any."""
    import google.auth
    from google.auth.exceptions import GoogleAuthError

    try:
        credentials, _ = google.auth.default(scopes=[SCOPE])
    except GoogleAuthError:
        raise UnreachableError("this machine has no credentials for Google", where="credentials",
                               fix="Run `gcloud auth application-default login`, or name a GcpCredentials block of Prefect") from None
    return credentials


def opened(give: Callable[[], Any], name: str) -> Any:
    """What a block gives. Raises UnreachableError; the cause does not go along, its text may hold a part of a key."""
    from google.auth.exceptions import GoogleAuthError

    try:
        return give()
    except (GoogleAuthError, ValueError, OSError):
        raise UnreachableError(f"the credentials of the block {name!r} are not accepted", where="credentials",
                               fix="Put the service account's key into it once more") from None
