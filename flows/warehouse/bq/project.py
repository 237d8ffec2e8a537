"""The BigQuery project of an environment: where it is, what opens it, which datasets are a tenant's, and what a byte costs."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from flows.errors import InputError, SqlError
from flows.settings import Settings

FILE = "environments.yml"
STAGING = "penstock_stage"
"""The dataset of a tenant that holds rows between steps; its tables expire."""
STAGED_DAYS = 7  # a run that is resumed later than that makes its rows anew
DATASET = re.compile(r"^[A-Za-z0-9_]{1,1024}\Z")  # source: BigQuery, "Naming datasets"
PROJECT = re.compile(r"^([a-z0-9.-]{1,80}:)?[A-Za-z0-9_-]{1,63}\Z")
HASHED = re.compile(r"_[0-9a-f]{12}\Z")
FROM_ENV = {"project": "GOOGLE_CLOUD_PROJECT", "location": "PENSTOCK_BIGQUERY_LOCATION", "endpoint": "PENSTOCK_BIGQUERY_ENDPOINT",
            "storage_endpoint": "PENSTOCK_BIGQUERY_STORAGE_ENDPOINT", "credentials": "PENSTOCK_BIGQUERY_CREDENTIALS",
            "datasets": "PENSTOCK_BIGQUERY_DATASETS", "usd_per_tib": "PENSTOCK_BIGQUERY_USD_PER_TIB",
            "max_bytes": "PENSTOCK_BIGQUERY_MAX_BYTES"}


class Project(BaseModel):
    """One project. `datasets` says how a tenant's dataset is named there: it must hold {dataset}, and {tenant} wherever more than one
    tenant uses the project. `shared` are datasets that are read (never written) by their own name, and by whom ("*": everybody)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    project: str
    location: str = "US"
    endpoint: str = ""  # REST address of an emulator, http://127.0.0.1:9050; empty: Google
    storage_endpoint: str = ""  # host:port of its Storage API
    credentials: str = ""  # a GcpCredentials block of Prefect by name; empty: the machine's application default credentials
    datasets: str = "{tenant}__{dataset}"
    shared: dict[str, list[str]] = Field(default_factory=dict)
    usd_per_tib: Annotated[float, Field(ge=0)] | None = None  # of scanned bytes; empty: the price list of configs/system/prices
    max_bytes: Annotated[int, Field(gt=0)] = 1024**4  # most that one statement may bill when its pipeline has no budget

    @field_validator("project")
    @classmethod
    def names_a_project(cls, value: str) -> str:
        if not PROJECT.match(value):
            raise ValueError("is not the id of a project: letters, digits and '-', with a domain and ':' in front at most")
        return value

    @field_validator("endpoint")
    @classmethod
    def is_an_address(cls, value: str) -> str:
        if value and not re.match(r"https?://[^/\s]+", value):
            raise ValueError("must be an address like http://127.0.0.1:9050, or be left out for Google's own")
        return value

    @field_validator("datasets")
    @classmethod
    def holds_dataset(cls, value: str) -> str:
        if "{dataset}" not in value or not DATASET.match(value.replace("{dataset}", "d").replace("{tenant}", "t")):
            raise ValueError("must hold {dataset} and otherwise letters, digits, '_' and {tenant}")
        return value

    def dataset(self, tenant_id: str, name: str) -> str:
        """The dataset's name in the project. Raises SqlError for a name that no dataset could have."""
        if not DATASET.match(name):
            raise SqlError(f"{name[:80]!r} is not the name of a dataset", code="not_found", fix="Use letters, digits and '_'")
        return self.datasets.replace("{tenant}", slug(tenant_id)).replace("{dataset}", name)

    def may_read(self, tenant_id: str, dataset: str) -> bool:
        """Is it a shared dataset that this tenant may read by its own name?"""
        allowed = self.shared.get(dataset, ())
        return tenant_id in allowed or "*" in allowed


def slug(tenant_id: str) -> str:
    """A tenant id as a part of a dataset's name: two tenants never get the same one, nor one that starts with another's and '__'."""
    plain = re.sub(r"[^A-Za-z0-9_]", "_", tenant_id)
    clear = "__" not in plain and not plain.startswith("_") and not plain.endswith("_") and not HASHED.search(plain)
    if plain == tenant_id and clear:
        return plain
    return f"{re.sub('_+', '_', plain).strip('_')}_{hashlib.sha256(tenant_id.encode()).hexdigest()[:12]}"


def load_project(settings: Settings, environment: str = "production", env: Mapping[str, str] | None = None) -> Project | None:
    """The project of `$PENSTOCK_HOME/environments.yml` under the environment's name, with the PENSTOCK_BIGQUERY_* variables and
    GOOGLE_CLOUD_PROJECT over it; None when neither names a project. Raises InputError that names file and field."""
    env = os.environ if env is None else env
    file = settings.home / FILE
    data = _read(file, settings.limits.spec_bytes, environment) if file.exists() else {}
    data |= {name: env[variable] for name, variable in FROM_ENV.items() if env.get(variable)}
    if not data.get("project"):
        _known(file, environment, data)
        return None
    try:
        return Project.model_validate(data)
    except ValidationError as error:
        raise _wrong(error, data, env, f"{file}, {environment}.") from None


def _wrong(error: ValidationError, data: Mapping[str, Any], env: Mapping[str, str], place: str) -> InputError:
    """The first thing that is wrong, at the variable or the line of the file that says it; its value is not repeated."""
    from flows.spec.problems import problems_of

    first = problems_of(error, Project, data)[0]
    name = first.path.partition(".")[0]
    where = FROM_ENV[name] if env.get(FROM_ENV.get(name, "")) else f"{place}{first.path}"
    return InputError(first.message, where=where, fix=first.hint)


def _known(file: Path, environment: str, data: Mapping[str, Any]) -> None:
    """Raises InputError for a field that no environment has: it may be the project that is missing."""
    from flows.spec.suggest import did_you_mean

    unknown = next((name for name in data if name not in Project.model_fields), "")
    if unknown:
        raise InputError(f"unknown field {unknown!r}", where=f"{file}, {environment}.{unknown}",
                         fix=did_you_mean(unknown, Project.model_fields) or f"Known here: {', '.join(Project.model_fields)}")


def _read(file: Path, limit: int, environment: str) -> dict[str, Any]:
    from flows.spec.loader import plain, read_text
    from flows.spec.suggest import suggest

    data, _ = plain(read_text(file, size=limit), where=str(file), size=limit)
    said = data.get(environment) or {}
    near = suggest(environment, list(data)) if not said else []
    if near:
        raise InputError(f"there is no environment {near[0]!r}", where=str(file), fix=f"Did you mean {environment!r}?")
    if not isinstance(said, dict):
        raise InputError("an environment must be a mapping", where=f"{file}, {environment}", fix=f"Write `{environment}: {{project: ...}}`")
    return dict(said)
