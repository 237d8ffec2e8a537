"""Stored procedures of the local warehouse: kept per tenant in the control store, and synced from files by the hash of their text."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.errors import InputError, PenstockError, SqlError
from flows.spec.suggest import did_you_mean
from flows.warehouse import runbook
from flows.warehouse.bqtypes import normal
from flows.warehouse.lexer import normal as plain_text
from flows.warehouse.nodes import Declare, Drop, Loop, Routine, walk
from flows.warehouse.procedure import parse

if TYPE_CHECKING:
    from flows.store.procedures import Procedures
    from flows.warehouse.duckdb import DuckDBWarehouse

SHIPPED = Path(__file__).resolve().parents[2] / "configs" / "system" / "procedures"
SYSTEM = "system"
"""The dataset of the procedures that come with Penstock."""


def digest(text: str) -> str:
    """SHA-256 of a procedure's text without its comments and needless space."""
    return hashlib.sha256(plain_text(text).encode()).hexdigest()


def read(text: str) -> Routine:
    """The one CREATE PROCEDURE of a text. Raises SqlError."""
    nodes = parse(text)
    if len(nodes) != 1 or not isinstance(nodes[0], Routine):
        raise SqlError("a procedure's text is one CREATE PROCEDURE", line=nodes[0].line if nodes else 1)
    return nodes[0]


def read_file(path: Path) -> Routine:
    """A procedure of configs/system/procedures. Raises InputError that names the file and the line: not portable, or names that a
    column could take from a variable."""
    try:
        routine = read(path.read_text(encoding="utf-8"))
        if len(routine.path) != 2:
            raise SqlError("a procedure file names its procedure dataset.name", line=routine.line)
        runbook.refuse(".".join(routine.path))
        _prefixes(routine)
        judge(routine)
    except SqlError as error:
        raise SqlError(error.what, where=f"{path.name}, line {error.line or 1}", fix=error.fix, verdict=error.verdict, code=error.code,
                       line=error.line) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the procedure cannot be read ({type(error).__name__})", where=path.name) from None
    return routine


def _prefixes(routine: Routine) -> None:
    """On BigQuery a column wins over a variable of its name: names that no column has keep a procedure safe from new columns."""
    for argument in routine.arguments:
        if not argument.name.startswith("p_"):
            raise SqlError(f"the argument {argument.name!r} must start with p_", line=routine.line, fix=f"Call it p_{argument.name}")
    for node in walk((routine.body,)):
        names = node.names if isinstance(node, Declare) else (node.name,) if isinstance(node, Loop) and node.name else ()
        for name in names:
            if not name.startswith("v_"):
                raise SqlError(f"the variable {name!r} must start with v_", line=node.line, fix=f"Call it v_{name}")


def judge(routine: Routine) -> None:
    """Types and statements of a procedure, as far as they can be judged before it runs. Raises SqlError."""
    from flows.warehouse.interpret import judge as judge_body

    for argument in routine.arguments:
        try:
            normal(argument.kind)
        except InputError as error:
            raise SqlError(error.what, line=routine.line, fix=error.fix) from None
    judge_body((routine.body,))


class Routines:
    """The procedures of one session; what a script makes or drops is kept when the script is."""

    def __init__(self, warehouse: DuckDBWarehouse) -> None:
        self.warehouse = warehouse
        self.store, self.tenant = warehouse.lake.manifest.procedures, warehouse.tenant_id
        self._changed: dict[str, Routine | None] = {}
        self._known: dict[str, Routine] = {}
        self._synced = False

    def name(self, path: Sequence[str], line: int = 0) -> str:
        """dataset.name. Raises SqlError."""
        if len(path) == 1:
            raise SqlError(f"procedure {path[0]!r} needs its dataset", line=line, where=f"line {line}" if line else "",
                           fix=f"Write dataset.{path[0]}")
        return self.warehouse.tables.table_name(path)

    def find(self, path: Sequence[str], line: int = 0) -> Routine:
        """Raises SqlError with near misses."""
        name = self.name(path, line)
        if name in self._changed:
            made = self._changed[name]
            if made is not None:
                return made
        elif name in self._known or self._load(name):
            return self._known[name]
        known = [procedure.name for procedure in self.store.list(self.tenant)]
        fix = did_you_mean(name, known) or (f"There are: {', '.join(known[:12])}" if known else "Make it with CREATE PROCEDURE")
        raise SqlError(f"there is no procedure {name!r}", code="not_found", line=line, where=f"line {line}" if line else "", fix=fix)

    def _load(self, name: str) -> bool:
        if not self._synced and SHIPPED.is_dir():
            self._synced = True
            sync(self.store, self.tenant, SHIPPED)
        kept = self.store.get(self.tenant, name)
        if kept is not None:
            self._known[name] = read(kept.text)
        return kept is not None

    def there(self, name: str) -> bool:
        return self._changed[name] is not None if name in self._changed else self.store.get(self.tenant, name) is not None

    def create(self, node: Routine) -> None:
        name = self.name(node.path, node.line)
        runbook.refuse(name)
        if name.startswith(f"{SYSTEM}."):
            raise SqlError(f"procedures of dataset {SYSTEM!r} come with Penstock", verdict="refused", code="not_allowed", line=node.line,
                           where=f"line {node.line}", fix="Make it in a dataset of your own")
        if self.there(name):
            if node.lenient:
                return
            if not node.replace:
                raise SqlError(f"procedure {name} is already there", code="duplicate", line=node.line, where=f"line {node.line}",
                               fix="Use CREATE OR REPLACE PROCEDURE")
        judge(node)
        self._changed[name] = read(node.text)

    def drop(self, node: Drop) -> None:
        name = self.name(node.path, node.line)
        if not self.there(name):
            if node.lenient:
                return
            self.find(node.path, node.line)
        self._changed[name] = None

    def commit(self) -> None:
        """Keep what the script made and dropped."""
        if self._changed:
            self.store.change(self.tenant, [row(name, made) for name, made in self._changed.items() if made is not None],
                              [name for name, made in self._changed.items() if made is None])


def row(name: str, routine: Routine) -> dict[str, Any]:
    """What the control store keeps of a procedure."""
    return {"name": name, "sha256": digest(routine.text), "text": routine.text,
            "arguments": [{"name": a.name, "type": normal(a.kind), "mode": a.mode} for a in routine.arguments]}


def sync(store: Procedures, tenant: str, folder: Path = SHIPPED) -> dict[str, str]:
    """Keep every procedure of a folder: name -> created | updated | unchanged. A file that did not change is not even judged.

    Raises InputError that names the file and the line; nothing is kept then.
    """
    kept = {procedure.name: procedure.sha256 for procedure in store.list(tenant)}
    done: dict[str, str] = {}
    put: list[Mapping[str, Any]] = []
    for path, text in files(folder):
        routine = read_named(path, text)
        name = ".".join(routine.path)
        if name in done:
            raise InputError(f"procedure {name} is in two files", where=path.name)
        if kept.get(name) == digest(routine.text):
            done[name] = "unchanged"
            continue
        put.append(row(name, read_file(path)))
        done[name] = "updated" if name in kept else "created"
    if put:
        store.change(tenant, put)
    return done


def sync_told(store: Procedures, tenant: str, say: Callable[[str], None]) -> None:
    """Sync what comes with Penstock at its start; what is wrong with a file is said and stops nothing."""
    try:
        sync(store, tenant)
    except PenstockError as error:
        say(str(error))


def files(folder: Path) -> list[tuple[Path, str]]:
    """The procedure files of a folder with their texts, by name. Raises InputError."""
    if not folder.is_dir():
        raise InputError(f"there is no folder {str(folder)!r}", where="procedures")
    try:
        return [(path, path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.sql"))]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"a procedure cannot be read ({type(error).__name__})", where=str(folder)) from None


def read_named(path: Path, text: str) -> Routine:
    """The procedure of a file, not judged yet. Raises SqlError that names the file and the line."""
    try:
        return read(text)
    except PenstockError as error:
        line = error.line if isinstance(error, SqlError) else 0
        raise SqlError(error.what, where=f"{path.name}, line {line or 1}", fix=error.fix, line=line) from None

