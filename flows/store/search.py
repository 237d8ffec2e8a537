"""How runs are found among a million: which way into the table each question takes.

Every branch of a question is the newest few runs of one tenant by one index, the order included; what a page shows is the newest of all
branches. Left to itself SQLite reads each run of a tenant to find the few of a rare state, and both databases read the wide rows, spec
and all, to look for a text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, union_all
from sqlalchemy.dialects.sqlite import Insert

from flows.store.schema import run_names, runs

OF_AN_ID = re.compile(r"[0-9a-frun-]+")
"""What can stand in a run's id: run-20251115-120000-4f3a9c."""
FEW = 3
"""So many pipelines are looked at one by one when the state is asked for too; more are met often enough among the runs of a state."""
MANY = 100
"""More pipelines than these are not looked at one by one: SQLite takes 500 branches at most."""


@dataclass(frozen=True)
class Question:
    """What `Runs.find` was asked; an empty filter filters nothing."""

    tenant: str
    pipeline_id: str = ""
    status: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""
    backfill_id: str = ""
    before: str = ""
    limit: int = 50


def newest(connection: Connection, asked: Question, columns: Sequence[Any]) -> Select[Any]:
    """The SELECT of a page, newest first; a text is first looked up among the names of the tenant's pipelines."""
    base = _base(asked)
    mine = [runs.c.pipeline_id == asked.pipeline_id] if asked.pipeline_id else []
    if not asked.text:
        ways = _ways(asked, base, mine or None)
    else:
        ways = _ways(asked, base, _named(connection, asked))
        if OF_AN_ID.fullmatch(asked.text.lower()):
            ways.append([*base, *mine, *_state(asked), func.lower(runs.c.run_id).contains(asked.text.lower(), autoescape=True)])
    page = select(*columns).order_by(runs.c.seq.desc()).limit(asked.limit)
    if len(ways) == 1 and not asked.text:
        return page.where(*ways[0])
    parts = [select(select(runs.c.seq).where(*way).order_by(runs.c.seq.desc()).limit(asked.limit).subquery().c.seq) for way in ways]
    if not parts:
        return page.where(runs.c.seq < 0)
    found = union_all(*parts).subquery()  # numbers alone, which stand in the indexes: the wide rows are for the page only
    return page.where(runs.c.seq.in_(select(found.c.seq).distinct().order_by(found.c.seq.desc()).limit(asked.limit)))


def newest_of_each(tenant: str, pipeline_ids: Sequence[str], limit: int, columns: Sequence[Any]) -> Select[Any]:
    """The SELECT of the newest few runs of each of at most MANY pipelines, newest first."""
    ways = [select(runs.c.seq).where(runs.c.tenant_id == tenant, runs.c.pipeline_id == each).order_by(runs.c.seq.desc()).limit(limit)
            for each in pipeline_ids]
    found = union_all(*(select(way.subquery().c.seq) for way in ways)).subquery()
    return select(*columns).where(runs.c.seq.in_(select(found.c.seq))).order_by(runs.c.seq.desc())


def _base(asked: Question) -> list[ColumnElement[bool]]:
    found = [runs.c.tenant_id == asked.tenant]
    if asked.since:
        found.append(runs.c.created_at >= asked.since)
    if asked.until:
        found.append(runs.c.created_at < asked.until)
    if asked.backfill_id:
        found += [runs.c.backfill_id == asked.backfill_id, runs.c.backfill_id != ""]  # the second names the index
    if asked.before:
        last = select(runs.c.seq).where(runs.c.tenant_id == asked.tenant, runs.c.run_id == asked.before)
        found.append(runs.c.seq < last.scalar_subquery())
    return found


def _state(asked: Question) -> list[ColumnElement[bool]]:
    """As a filter of what another index finds: not in the words of the state's own index."""
    return [runs.c.status.concat("").in_(asked.status)] if asked.status else []


def _ways(asked: Question, base: list[ColumnElement[bool]], pipelines: list[ColumnElement[bool]] | None) -> list[list[ColumnElement[bool]]]:
    """The branches: by pipeline, by state, or just the newest. `pipelines`: the conditions for each that fits, None for any."""
    if pipelines is not None and len(pipelines) <= (FEW if asked.status else MANY):
        return [[*base, each, *_state(asked)] for each in pipelines]
    wide = [] if pipelines is None else [or_(*pipelines)]
    if asked.status and not asked.backfill_id:
        return [[*base, runs.c.status == status, *wide] for status in asked.status]
    return [[*base, *wide, *_state(asked)]]


def _named(connection: Connection, asked: Question) -> list[ColumnElement[bool]]:
    """The pipelines of the tenant in whose id or name the text stands, in any case of letters."""
    mine = [run_names.c.tenant_id == asked.tenant, *([run_names.c.pipeline_id == asked.pipeline_id] if asked.pipeline_id else [])]
    text = asked.text.lower()
    known: dict[str, list[str]] = {}
    for pipeline_id, name in connection.execute(select(run_names.c.pipeline_id, run_names.c.name).where(*mine)):
        known.setdefault(pipeline_id, []).append(name)
    found = []
    for pipeline_id, names in known.items():
        fit = names if text in pipeline_id.lower() else [name for name in names if text in name.lower()]
        if fit:
            this = runs.c.pipeline_id == pipeline_id
            found.append(this if len(fit) == len(names) else and_(this, runs.c.name.in_(fit)))
    return found


def note_name(connection: Connection, insert: Insert, tenant: str, pipeline_id: str, name: str) -> None:
    """In the transaction of a new run: what its pipeline is called is found without its runs. `insert` is one into `run_names`."""
    mark = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()
    connection.execute(insert.values(tenant_id=tenant, pipeline_id=pipeline_id, digest=mark, name=name).on_conflict_do_nothing())
