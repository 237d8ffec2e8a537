"""The app as one of the processes of `penstock up`: how it is started and how it says that it is there. Nothing of it is imported."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

HOST = "127.0.0.1"
PLACE = Path(__file__).resolve().parents[2] / "app" / "asgi.py"  # beside `flows`, in a checkout and where it is installed
TAKEN = "is not available"  # what Streamlit says of a port that somebody else has


def command(port: int) -> list[str]:
    """One process for app, `/healthz` and the API, on this machine only; nothing is opened, sent home or watched."""
    return [sys.executable, "-m", "streamlit", "run", str(PLACE), "--server.address", HOST, "--server.port", str(port),
            "--server.headless", "true", "--server.fileWatcherType", "none", "--browser.gatherUsageStats", "false",
            "--logger.enableRich", "false"]  # what rich prints of an error goes past every log and its scrubbing


def env(own: Mapping[str, str]) -> dict[str, str]:
    """Our settings, without a person's settings of Streamlit and without looking for packages in the folder they stand in."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("STREAMLIT_", "PREFECT_"))}
    return {**kept, **own, "PYTHONSAFEPATH": "1"}


def answers(port: int) -> bool:
    """Whether it serves. A control store that does not answer (503) is shown by the app, and not mended by another start of it."""
    try:
        seen = httpx.get(f"http://{HOST}:{port}/healthz", timeout=2)
    except httpx.HTTPError:
        return False
    return seen.status_code in (200, 503) and "words" in seen.text
