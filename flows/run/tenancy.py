"""What a pipeline may do for its own tenant: make its datasets and the run book's tables, and set limits that it could not outgrow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows.errors import LimitError
from flows.run.session import keeper
from flows.warehouse import append, runbook

if TYPE_CHECKING:
    from flows.settings import Settings
    from flows.store import Store


@dataclass(frozen=True)
class OwnTenancy:
    """The door of `flows.engines.base.Tenancy` for the tenant of `settings`, on the warehouse of an environment."""

    settings: Settings
    store: Store
    environment: str

    @property
    def tenant_id(self) -> str:
        return self.settings.tenant_id

    def make(self, datasets: tuple[str, ...]) -> Mapping[str, bool]:
        """Make datasets and the run book's tables: name -> whether it was made now. Raises SqlError for a name that none can have."""
        return self._production(datasets) if self.environment == "production" else self._local(datasets)

    def _local(self, datasets: tuple[str, ...]) -> dict[str, bool]:
        from flows.warehouse.lake import Lake, split

        lake, made = Lake(self.settings.home, self.store.manifest, self.tenant_id), {}
        for name in datasets:
            folder = lake.folder / split(f"{name}.x")[0]
            made[name] = not folder.is_dir()
            folder.mkdir(parents=True, exist_ok=True)
        for spec in runbook.TABLES:
            made[spec.name] = not lake.pin(spec.name).spec.columns
        append.ensure(lake, runbook.TABLES)
        return made

    def _production(self, datasets: tuple[str, ...]) -> dict[str, bool]:
        with keeper(self.settings)() as warehouse:
            made = {name: warehouse.datasets.make(name) for name in datasets}
            return made | {spec.name: warehouse.datasets.ensure(spec).created for spec in runbook.TABLES}

    def limits(self) -> Mapping[str, int | None]:
        return vars(self.store.limits.get(self.tenant_id))

    def set_limits(self, changes: Mapping[str, int | None]) -> Mapping[str, int | None]:
        """Set limits where there are none, or lower ones. Raises LimitError for one that would be raised or taken away: what a tenant's
        own pipeline could lift would limit nothing."""
        now = self.limits()
        for kind, wanted in changes.items():
            have = now[kind]
            if have is not None and (wanted is None or wanted > have):
                raise LimitError(f"{kind} of tenant {self.tenant_id!r} is {have:,}, and no pipeline raises it",
                                 where=f"config.limits.{kind}",
                                 fix="Leave it out here; who runs Penstock raises it: Penstock(tenant=...).set_limits(...)")
        different = {kind: wanted for kind, wanted in changes.items() if wanted != now[kind]}
        return vars(self.store.limits.set(self.tenant_id, different)) if different else now
