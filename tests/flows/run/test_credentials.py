"""What opens BigQuery: a block by name, the machine otherwise, and a clear line for everything that is missing."""

from __future__ import annotations

from typing import Any

import pytest

from flows.errors import UnreachableError
from flows.run.credentials import google_credentials

KEY = "-----BEGIN PRIVATE KEY-----not a key-----END PRIVATE KEY-----"


class Block:
    """A block whose key is broken."""

    def get_credentials_from_service_account(self) -> Any:
        raise ValueError(f"cannot parse {KEY}")


def loads(found: Any) -> classmethod[Any, Any, Any]:
    def load(cls: type, name: str, **_: Any) -> Any:
        if isinstance(found, Exception):
            raise found
        return found

    return classmethod(load)


def test_a_block_gives_its_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect_gcp import GcpCredentials

    class Good:
        def get_credentials_from_service_account(self) -> str:
            return "opened"

    monkeypatch.setattr(GcpCredentials, "load", loads(Good()))
    assert google_credentials("warehouse") == "opened"


@pytest.mark.parametrize(("found", "words"), [(ValueError("Unable to find block"), "there is no GcpCredentials block 'warehouse'"),
                                              (ConnectionError("refused"), "Prefect does not answer"),
                                              (Block(), "are not accepted")], ids=["missing", "silent", "broken"])
def test_a_block_that_does_not_open_is_one_line_without_the_key(monkeypatch: pytest.MonkeyPatch, found: Any, words: str) -> None:
    from prefect_gcp import GcpCredentials

    monkeypatch.setattr(GcpCredentials, "load", loads(found))
    with pytest.raises(UnreachableError, match=words) as caught:
        google_credentials("warehouse")
    assert KEY not in repr(caught.value)
    assert caught.value.__cause__ is None


def test_without_a_block_it_is_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    from google.auth.exceptions import DefaultCredentialsError

    monkeypatch.setattr("google.auth.default", lambda **_: ("machine", "project"))
    assert google_credentials("") == "machine"

    def none(**_: Any) -> None:
        raise DefaultCredentialsError("nothing")

    monkeypatch.setattr("google.auth.default", none)
    with pytest.raises(UnreachableError, match="gcloud auth application-default login"):
        google_credentials("")
