"""Stored pipelines and every version of their specs: list, compare, go back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from difflib import unified_diff
from typing import TYPE_CHECKING, Any

from flows.access import needs
from flows.errors import MissingError
from flows.service.door import Door

if TYPE_CHECKING:
    from flows.store import SpecVersion


@dataclass(frozen=True)
class Stored:
    """A pipeline that is kept. `version` is in force: it is what its id means; `newest` is a later one after somebody went back."""

    pipeline_id: str
    name: str
    description: str
    version: int
    newest: int
    updated_at: datetime
    author: str

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "updated_at": self.updated_at.isoformat()}


class Versions(Door):
    """A version is never changed; which one is in force is."""

    @needs("viewer", "see pipelines")
    def pipelines(self) -> list[Stored]:
        """All pipelines of the tenant, by id, each with the version that is in force."""
        newest = self.store.specs.newest(self.tenant)
        return [Stored(each.pipeline_id, str(each.spec.get("name") or each.pipeline_id), str(each.spec.get("description") or ""),
                       each.version, newest[each.pipeline_id], each.created_at, each.author) for each in self.store.specs.list(self.tenant)]

    @needs("viewer", "see versions")
    def versions(self, pipeline_id: str) -> list[SpecVersion]:
        """All versions of a pipeline, newest first. Raises MissingError, with the near misses."""
        self.stored(pipeline_id)
        return self.store.specs.versions(self.tenant, pipeline_id)

    @needs("viewer", "compare versions")
    def diff(self, pipeline_id: str, old: int, new: int) -> str:
        """What version `new` has otherwise than `old`, as a unified diff of both as YAML; "" when they are the same.

        Raises MissingError for a pipeline or a version that is not there.
        """
        self.stored(pipeline_id)
        before, after = (self._yaml_of(pipeline_id, version) for version in (old, new))
        return "".join(unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True),
                                    f"{pipeline_id} version {old}", f"{pipeline_id} version {new}"))

    def _yaml_of(self, pipeline_id: str, version: int) -> str:
        from flows.spec.loader import dump, from_data

        return dump(from_data(self.store.specs.get(self.tenant, pipeline_id, version).spec))

    def _earlier(self, pipeline_id: str, version: int, among: set[int]) -> int:
        """The newest version before this one, of those that were deployed when there are such. Raises MissingError."""
        known = [each.version for each in self.store.specs.versions(self.tenant, pipeline_id) if each.version < version]
        found = [each for each in known if each in among] or known
        if not found:
            raise MissingError(f"{pipeline_id!r} has no version before {version}", fix=f"See: penstock versions {pipeline_id}")
        return found[0]
