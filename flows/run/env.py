"""The environments of the processes of `penstock up`: what each is told, and what it must not see."""

from __future__ import annotations

import os
from pathlib import Path

from flows.settings import Settings

OWN_KEYS, SIGN_IN = ("PENSTOCK_ROOT_KEY", "PENSTOCK_API_KEY"), "PENSTOCK_OIDC_"


def keyless() -> dict[str, str]:
    """The environment without keys of Penstock and without what signs people in: no step of a pipeline can read one."""
    return {name: value for name, value in os.environ.items() if name not in OWN_KEYS and not name.startswith(SIGN_IN)}


def bare_env() -> dict[str, str]:
    """The environment without a person's own Prefect settings, as their profile must not steer this server, and without keys."""
    return {name: value for name, value in keyless().items() if not name.startswith("PREFECT_")}


def one_authority(folder: Path) -> Path:
    """A certificate file that is read quickly. Prefect's client reads one for each connection, five times a run, also where there
    is no TLS at all; with the whole bundle that is 0.15 s of a run's start."""
    import certifi

    place = folder / "authority.pem"
    if not place.exists():
        folder.mkdir(parents=True, exist_ok=True)
        end = "-----END CERTIFICATE-----"
        bundle = Path(certifi.where()).read_text(encoding="ascii", errors="ignore")
        place.write_text(bundle[bundle.index("-----BEGIN"):bundle.index(end)] + end + "\n", encoding="ascii")
    return place


def env_of(settings: Settings) -> dict[str, str]:
    """The settings as another process reads them."""
    return {"PENSTOCK_HOME": str(settings.home), "PENSTOCK_TENANT": settings.tenant_id, "PENSTOCK_CONTROL_URL": settings.control_url,
            "PENSTOCK_PREFECT_URL": settings.prefect_url, "PENSTOCK_PREFECT_PORT": str(settings.prefect_port),
            "PENSTOCK_APP_PORT": str(settings.app_port), "PENSTOCK_MAX_RUNS": str(settings.max_runs or ""),
            "PENSTOCK_PATHS": os.pathsep.join(str(folder) for folder in settings.folders)}
