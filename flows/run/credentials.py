"""What opens BigQuery: a GcpCredentials block of Prefect by its name, or the machine's own credentials."""

from __future__ import annotations

from typing import Any

from flows.errors import UnreachableError
from flows.warehouse.bq.auth import machine, opened

MAKE = ("Make one on Prefect's page (Blocks, GCP Credentials), or leave `credentials` out and run "
        "`gcloud auth application-default login`")


def google_credentials(name: str) -> Any:
    """Google credentials of the block `name`; of the machine when it is empty. Raises UnreachableError, which never tells a secret."""
    if not name:
        return machine()
    block = _block(name)
    return opened(block.get_credentials_from_service_account, name)


def _block(name: str) -> Any:
    from httpx import HTTPError
    from prefect.exceptions import PrefectException
    from prefect_gcp import GcpCredentials

    try:
        return GcpCredentials.load(name, _sync=True)  # also where an event loop runs
    except ValueError:  # what prefect raises for a block that is not there, and pydantic for one that does not hold
        raise UnreachableError(f"there is no GcpCredentials block {name!r}", where="credentials", fix=MAKE) from None
    except (PrefectException, HTTPError, OSError, RuntimeError):
        raise UnreachableError(f"the block {name!r} cannot be read: Prefect does not answer", where="credentials",
                               fix="Start it with `penstock up`, or leave `credentials` out") from None
