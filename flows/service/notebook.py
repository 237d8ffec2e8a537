"""How Penstock shows itself in a notebook: its home, and the graph of a pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flows.access import needs
from flows.service.author import Author
from flows.spec.model import FlowSpec

if TYPE_CHECKING:
    from flows.service.door import Given


@dataclass(frozen=True)
class Graph:
    """A drawn pipeline; a notebook shows it as SVG without script or address."""

    spec: FlowSpec | Mapping[str, Any]

    @property
    def svg(self) -> str:
        """The drawing as SVG text."""
        from flows.show.draw import graph_svg

        return graph_svg(self.spec)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        from flows.show.page import graph_bundle

        return graph_bundle(self.spec)


class Notebook(Author):
    """What is only shown."""

    @needs("viewer")
    def graph(self, given: Given) -> Graph:
        """The graph of a spec in any form, or of a draft that still has questions. Raises SpecError and MissingError like `source`."""
        draft = self._open_draft(given)
        return Graph(draft if draft is not None else self.source(given).spec)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """Whose door this is, where its state lies and which tables there are. A home that is not there yet is not made for it."""
        from flows.show.page import home_bundle
        from flows.show.units import several

        home = self.settings.home
        state = several(len(self.store.specs.list(self.tenant)), "pipeline") if self._has_store() else "nothing has run here yet"
        tables = [(name, table.connection, ", ".join(table.columns)) for name, table in self.catalog.tables.items()]
        return home_bundle(self.tenant, str(home), [("State", state)], tables)
