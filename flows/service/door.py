"""What every part of the service stands on: a tenant's settings, catalogue and control store, and how a spec is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import compare_digest
from threading import Lock
from typing import TYPE_CHECKING, Any, Self

from flows.access import KEY, LOCAL, ROOT, Identity, needs
from flows.errors import InputError, MissingError, SpecError, UnauthorizedError
from flows.scrub import Scrubber, learn
from flows.settings import Settings
from flows.spec.model import FlowSpec
from flows.spec.suggest import did_you_mean

if TYPE_CHECKING:
    from flows.checks import Describe
    from flows.insight.catalog import Catalog
    from flows.planner.answer import PlanResult
    from flows.spec.loader import Lines
    from flows.store import Store
    from flows.store.audit import Note

    Given = FlowSpec | PlanResult | Mapping[str, Any] | str | Path
    """A spec in any form: see `Door.source`."""


@dataclass(frozen=True)
class Source:
    """A spec and where it came from: a file, stored text, a planner's answer or plain data."""

    spec: FlowSpec
    lines: Lines | None = None
    text: str = ""
    where: str = ""
    version: int | None = None
    folder: Path | None = None
    planner: str = ""  # who drafted it


class Door:
    """One tenant, its data and its control store; what it is made from stands at `Penstock`."""

    def __init__(self, *, home: str | Path | None = None, tenant: str | None = None, catalog: Catalog | str | Path | None = None,
                 settings: Settings | None = None, key: str = "", identity: Identity | Callable[[], Identity] | None = None,
                 via: str = "python") -> None:
        self.settings = settings or Settings.load(home=home, tenant_id=tenant)
        self._given = catalog
        self._store: Store | None = None
        self._opening = Lock()
        self._away = False  # whoever asks is not at this machine
        self._key, self._identity, self.via = (key or self.settings.api_key).strip(), identity, via
        learn(self._key, self.settings.root_key)
        if isinstance(identity, Identity):
            self.settings = replace(self.settings, tenant_id=identity.tenant_id)
        elif identity is None and self._key:
            self.settings = replace(self.settings, tenant_id=self._of_key(tenant).tenant_id)

    @property
    def tenant(self) -> str:
        return self.settings.tenant_id

    # ---- who asks

    @property
    def identity(self) -> Identity:
        """Who asks. A key is looked up each time, so that one that is revoked opens nothing from then on.

        Without a key it is the person at this machine, an admin, unless Penstock was ever served with a root key. Raises
        UnauthorizedError.
        """
        if callable(self._identity):
            return self._identity()
        if self._identity is not None:
            return self._identity
        if self._key:
            return self._of_key(self.tenant)
        guarded = self._guarded()
        if self.settings.root_key and (not guarded or self.is_root(self.settings.root_key)):
            return Identity(self.tenant, "admin", "root", ROOT)
        if guarded:
            raise UnauthorizedError("this Penstock asks for a key", fix="Give one that opens it: --key, or PENSTOCK_API_KEY")
        return Identity(self.tenant, "admin", "local")

    def is_root(self, key: str) -> bool:
        """Whether this is the root key: the one that Penstock was served with last, or before that the one of this process."""
        root = self.settings.root_key
        return self.store.keys.is_root(key) or (
            bool(root) and compare_digest(key.encode(), root.encode()) and not self.store.keys.guarded())

    def _of_key(self, tenant: str | None) -> Identity:
        """Raises UnauthorizedError, with the same words for a key that is wrong, revoked, over, or another tenant's."""
        found = self.store.keys.whose(self._key)
        if found is None and self.is_root(self._key):
            return Identity(tenant or self.settings.tenant_id, "admin", "root", ROOT)
        if found is None or tenant not in (None, found.tenant_id):
            raise UnauthorizedError("the key opens nothing here", fix="Ask an admin for one: penstock keys create")
        return Identity(found.tenant_id, found.role, f"key:{found.name}", KEY, found.key_id)

    def _guarded(self) -> bool:
        """Whether a root key was ever in use. It is asked at every call, and never by a command alone that needs no store."""
        from flows.store.guard import guarded

        if self._store is not None:
            return self._store.keys.guarded()
        return guarded(self.settings.control_url)

    def acting(self, identity: Identity | Callable[[], Identity], *, via: str = "") -> Self:
        """The same Penstock for somebody else: their tenant and role, on the same control store.

        One that is asked for its identity at each call (a callable, always of the same tenant) loses what it may the moment that is taken
        away; it raises UnauthorizedError then. Who is not the person at this machine has the files of their tenant only, and names none
        by its path.
        """
        who = identity() if callable(identity) else identity
        settings = replace(self.settings, tenant_id=who.tenant_id)
        other = type(self)(settings=settings if who.kind == LOCAL else settings.apart(), catalog=self._given, identity=identity,
                           via=via or self.via)
        other._away = who.kind != LOCAL
        other._store = self.store
        return other

    @contextmanager
    def _change(self, action: str, target: str = "", *, before: Any = None, after: Any = None, planner: str = "") -> Iterator[Note]:
        """One transaction for all that is written in it and its row in the audit log; the work completes the note, whose words lose
        their secrets."""
        from flows.store.audit import Note

        asked, scrub = self.identity, Scrubber()
        with self.store.change(self.tenant, Note(action, target, before, after, planner), who=asked.who, role=asked.role,
                               via=self.via) as note:
            yield note
            note.target, note.before, note.after = scrub(note.target), scrub.data(note.before), scrub.data(note.after)

    def _may(self, environment: str, what: str) -> None:
        """In production what changes something is for operators; asked before anything is read. Raises ForbiddenError."""
        if environment == "production":
            self.identity.must("operator", f"{what} in production")

    # ---- what all others stand on

    @property
    def catalog(self) -> Catalog:
        """What data there is for this tenant, as its files say now; a file that has not changed is not read again."""
        from flows.insight.catalog import default_catalog, load_catalog

        if self._given is None:
            return default_catalog(self.settings)
        return load_catalog(self._given) if isinstance(self._given, str | Path) else self._given

    @property
    def store(self) -> Store:
        """The control store, opened and migrated; the same one for all threads."""
        from flows.store import open_store

        with self._opening:
            if self._store is None:
                self.settings.make_home()
                self._store = open_store(self.settings.control_url)
            return self._store

    def _has_store(self) -> bool:
        """Is there a control store? What only looks never makes one."""
        file = self.settings.control_url.removeprefix("sqlite:///")
        return self._store is not None or file == self.settings.control_url or Path(file).is_file()

    def close(self) -> None:
        """Give the control store's connections back."""
        with self._opening:
            if self._store is not None:
                self._store.dispose()
            self._store = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- specs

    @needs("viewer")
    def source(self, given: Given) -> Source:
        """Find a spec: a FlowSpec, a plan's draft, plain data, a file's path, YAML text, a template's name, or a stored pipeline's id.

        A file that is there goes first. A template's name has a '/' in it and no ending, a pipeline's id has none: they are never mixed up.
        Raises SpecError for a spec that does not parse, MissingError when there is no such file, template or pipeline.
        """
        from flows.insight.templates import name_of, placed, plain_name, templates
        from flows.spec.loader import from_data, load_file, parse

        if isinstance(given, FlowSpec):
            return Source(given)
        if isinstance(given, Mapping):
            return Source(from_data(dict(given)))
        if not isinstance(given, str | Path):
            return self._draft(given)
        if isinstance(given, str) and "\n" in given:
            return Source(parse(given), text=given)
        path = Path(given)
        if not self._away and path.is_file():
            spec, lines = load_file(path)
            return Source(placed(spec, name_of(path)), lines=lines, text=path.read_text(encoding="utf-8"), where=str(given),
                          folder=path.resolve().parent)
        if plain_name(str(given)):
            return self._template(str(given))
        if path.suffix in (".yml", ".yaml", ".json") or "/" in str(given):
            near = did_you_mean(str(given), [template.name for template in templates(self.settings)]) if not path.suffix else ""
            raise MissingError(f"there is no {'template' if self._away else 'file'} {str(given)!r}",
                               fix=near or "Give the path of a spec file, the name of a template, or the id of a stored pipeline")
        return self.stored(str(given))

    def _template(self, name: str) -> Source:
        from flows.insight.templates import find

        found = find(name, self.settings)
        return Source(found.spec, lines=found.lines, text=found.text, where=found.name)

    def _draft(self, result: PlanResult) -> Source:
        from flows.spec.loader import from_data

        if result.status != "ready" or not result.spec:
            blocking = [q.message for q in result.questions if q.severity == "block"]
            raise InputError("the plan is not ready: " + ("; ".join(blocking) or result.status), fix="Answer its questions first")
        return Source(from_data(result.spec), planner=result.planner)

    @needs("viewer")
    def stored(self, pipeline_id: str) -> Source:
        """The newest version of a stored pipeline; never a file. Raises MissingError, with the near misses."""
        try:
            stored = self.store.specs.get(self.tenant, pipeline_id)
        except MissingError:
            known = [s.pipeline_id for s in self.store.specs.list(self.tenant)]
            hint = did_you_mean(str(pipeline_id), known) or "Name a pipeline that ran or was saved before, or the file of a spec"
            raise MissingError(f"there is no pipeline {pipeline_id!r}", fix=hint) from None
        return Source(FlowSpec.model_validate(stored.spec), where=pipeline_id, version=stored.version)

    def _reach(self, source: Source) -> Settings:
        return self.settings.with_folder(source.folder) if source.folder else self.settings

    def _valid(self, source: Source) -> None:
        from flows.checks import validate

        report = validate(source.spec, level="semantic", catalog=self.catalog, settings=self._reach(source), lines=source.lines,
                          describe=self._describe())
        if not report.ok:
            raise SpecError(report.problems, where=source.where)

    def _describe(self) -> Describe:
        """Columns of tables outside of the catalogue: those of the lake, and those that a stored pipeline will write."""
        from flows.checks.produced import describer

        return describer(store=self.store, catalog=self.catalog, settings=self.settings)

    def _sample(self) -> None:
        """The demo tenant's shop is there from the first use on; no other tenant gets sample rows."""
        from flows.insight.sample import TENANT, ensure_sample

        if self.tenant == TENANT and self._given is None:
            ensure_sample(self.settings, self.store)
