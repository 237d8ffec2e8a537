"""The app as one of the processes of `penstock up`: how it is started and how it says that it is there. Nothing of it is imported."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from flows.errors import InputError
from flows.settings import LOOPBACK, Settings

HOST = "127.0.0.1"
PLACE = Path(__file__).resolve().parents[2] / "app" / "asgi.py"  # beside `flows`, in a checkout and where it is installed
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  (not where it listens: how such an address is asked)
TAKEN = "is not available"  # what Streamlit says of a port that somebody else has


def command(port: int, host: str = HOST, public_url: str = "") -> list[str]:
    """One process for app, `/healthz` and the API, on this machine only unless `host` is another; nothing is opened, sent home or watched.
    Pages of `public_url` may speak to it too."""
    origin = ["--server.corsAllowedOrigins", "{0.scheme}://{0.netloc}".format(urlsplit(public_url))] if public_url else []
    return [sys.executable, "-m", "streamlit", "run", str(PLACE), "--server.address", host, "--server.port", str(port), *origin,
            "--server.headless", "true", "--server.fileWatcherType", "none", "--browser.gatherUsageStats", "false",
            "--logger.enableRich", "false"]  # what rich prints of an error goes past every log and its scrubbing


def check_host(settings: Settings, *, guarded: bool) -> None:
    """Other machines are answered only where people have to sign in: `guarded` says that keys are asked for. Raises InputError."""
    if settings.app_host in LOOPBACK or guarded or settings.root_key or settings.oidc is not None:
        return
    raise InputError("the app would answer other machines, and nobody would have to sign in", where="PENSTOCK_APP_HOST",
                     fix="Set PENSTOCK_ROOT_KEY, or an identity provider (PENSTOCK_OIDC_ISSUER), or unset PENSTOCK_APP_HOST")


def env(own: Mapping[str, str]) -> dict[str, str]:
    """Our settings, without a person's settings of Streamlit and without looking for packages in the folder they stand in."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("STREAMLIT_", "PREFECT_"))
            and name != "PENSTOCK_API_KEY"}  # whoever started it is not who uses it
    return {**kept, **own, "PYTHONSAFEPATH": "1"}


def answers(port: int, host: str = HOST) -> bool:
    """Whether it serves. A control store that does not answer (503) is shown by the app, and not mended by another start of it."""
    try:
        seen = httpx.get(f"http://{HOST if host in EVERYWHERE else host}:{port}/healthz", timeout=2)
    except httpx.HTTPError:
        return False
    return seen.status_code in (200, 503) and "words" in seen.text
