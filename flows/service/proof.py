"""Proof that a spec gives the same wherever it runs: a trial on both warehouses, and the certificate that a version keeps of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flows.access import needs
from flows.service.submit import Submit

if TYPE_CHECKING:
    from flows.run.agreement import Parity
    from flows.service.door import Given


class Proof(Submit):
    """Both warehouses, side by side. Nothing of the tenant's own is written on either."""

    @needs("editor")
    def parity(self, given: Given, *, rows: int = 1000, params: Mapping[str, Any] | None = None, sample: str = "",
               keep: bool = False) -> Parity:
        """Try a spec on DuckDB and on the BigQuery project of production, every step on the same rows, and compare what they give.

        Of each source at most `rows` rows are read (100,000 at most), as a preview reads them; `sample="production"` takes samples of the
        tables there first. A stored pipeline keeps the certificate with its version; `keep` makes any other spec a version, as a run does,
        so that it has one, too. Raises SpecError, UnreachableError when production is not set up or does not answer.
        """
        from flows.run.parity import parity
        from flows.run.session import production

        source = self.source(given)
        self._valid(source)
        production(self.settings)
        self._sample()
        seen = parity(source.spec, settings=self._reach(source), store=self.store, catalog=self.catalog, rows=rows,
                      params=dict(params or {}), sample=sample)
        version = source.version
        if keep or version is not None:
            pipeline_id = source.where if source.version else seen.pipeline_id
            with self._change("certificate", pipeline_id) as note:
                if version is None:
                    _, version = self._kept(source, pipeline_id, "parity")
                self.store.specs.certify(self.tenant, pipeline_id, version, seen.certificate())
                note.after = {"version": version, "ok": seen.ok}
        return replace(seen, version=version)

    @needs("viewer")
    def certificate(self, pipeline_id: str, version: int | None = None) -> dict[str, Any] | None:
        """What a version (default: the newest) of a stored pipeline gave on both warehouses, with that version; None when it was not
        tried. Raises MissingError with the near misses."""
        number = self.stored(pipeline_id).version if version is None else version
        found = self.store.specs.get(self.tenant, pipeline_id, number)
        return {"pipeline_id": pipeline_id, "version": found.version, **found.certificate} if found.certificate else None
