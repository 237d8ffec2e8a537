"""What the readers found, before names are resolved against the catalogue: plain records with the words they came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flows.planner.lexicon import Meaning
from flows.planner.read.text import Found, Text

Span = tuple[int, int]


@dataclass(slots=True)
class Ref:
    """Words that name a column; `meanings` are the columns of the catalogue that they may be."""

    words: str
    span: Span
    meanings: tuple[Meaning, ...]


@dataclass(slots=True)
class Leaf:
    """One comparison. `ref` None: the date column of the driving table, or (`money`) its main column."""

    ref: Ref | None
    op: str
    value: Any
    span: Span
    about: str = ""  # what a ref of None stands for: date | money; for a value without a column: value
    table: str = ""


@dataclass(slots=True)
class Branch:
    """all | any | not over leaves and branches."""

    kind: str
    items: list[Any]
    span: Span


@dataclass(slots=True)
class Measure:
    fn: str
    ref: Ref | None
    span: Span
    table: str = ""  # count of this table's rows, or the main column of it
    alias: str = ""
    guessed: bool = False  # the function was not said


@dataclass(slots=True)
class Group:
    """`ref` a column, or `table`: by the key of that table."""

    ref: Ref | None
    span: Span
    table: str = ""


@dataclass(slots=True)
class Grain:
    unit: str
    span: Span
    ref: Ref | None = None
    adverb: bool = False


@dataclass(slots=True)
class Window:
    fn: str
    ref: Ref | None
    span: Span
    rows: int | None = None
    order: Ref | None = None
    unit: str = ""
    table: str = ""


@dataclass(slots=True)
class Top:
    n: int
    direction: str
    span: Span
    table: str = ""
    ref: Ref | None = None
    by: Measure | None = None
    per: list[Group] = field(default_factory=list)


@dataclass(slots=True)
class Dedup:
    keys: list[Group]
    keep: str
    order: Ref | None
    span: Span


@dataclass(slots=True)
class Derive:
    name: str
    parts: list[Any]  # Ref, or text of a sign or number
    span: Span


@dataclass(slots=True)
class Check:
    kind: str
    refs: list[Ref]
    args: dict[str, Any]
    span: Span


@dataclass(slots=True)
class Said:
    """One value that the words gave, for a slot that has one."""

    value: Any
    span: Span
    source: str = "text"


@dataclass
class Draft:
    """Everything that was read; lists keep the order of the text."""

    tables: list[tuple[str, Span, str]] = field(default_factory=list)
    connections: list[Said] = field(default_factory=list)
    cues: list[Said] = field(default_factory=list)  # words that join tables; value: inner, left, ... or union
    join_on: list[Ref] = field(default_factory=list)
    filters: list[Any] = field(default_factory=list)
    measures: list[Measure] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    grains: list[Grain] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    tops: list[Top] = field(default_factory=list)
    dedups: list[Dedup] = field(default_factory=list)
    derives: list[Derive] = field(default_factory=list)
    select: list[Ref] = field(default_factory=list)
    renames: list[tuple[Ref, str, Span]] = field(default_factory=list)
    fills: list[tuple[Ref, Any, Span]] = field(default_factory=list)
    sorts: list[tuple[Ref, str, Span]] = field(default_factory=list)
    limit: Said | None = None
    masks: list[tuple[Ref, str, Span]] = field(default_factory=list)
    fx: Said | None = None
    anomaly: tuple[Ref | None, Span, str] | None = None
    focus: Said | None = None
    checks: list[Check] = field(default_factory=list)
    dq: Said | None = None
    on_fail: Said | None = None
    engine: Said | None = None
    table: Said | None = None
    dataset: Said | None = None
    path: Said | None = None
    unsupported: Said | None = None
    mode: Said | None = None
    keys: list[Ref] = field(default_factory=list)
    partition: list[tuple[Ref | None, Span]] = field(default_factory=list)
    cluster: list[Ref] = field(default_factory=list)
    incremental: tuple[Ref, Said | None, Span] | None = None
    cron: Said | None = None
    zone: Said | None = None
    asks: list[tuple[str, str, Span | None, tuple[str, ...]]] = field(default_factory=list)  # slot, message, span, choices
    retry: Said | None = None
    backoff: Said | None = None
    timeout: Said | None = None
    waits: list[Said] = field(default_factory=list)
    budget: dict[str, Said] = field(default_factory=dict)
    notify: list[dict[str, Any]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)  # path, text of an assumption
    verbs: list[Span] = field(default_factory=list)


def ref(found: Found, name: str | int) -> Ref:
    """The column that a group of a match names."""
    return ref_of(found.text, found[name])


def ref_of(text: Text, norm: str) -> Ref:
    m = text.mention(norm)
    return Ref(m.words, (m.start, m.end), tuple(m.of("c")))


def tables_of(text: Text, norm: str) -> list[str]:
    return [m.table for m in text.mention(norm).of("t")]


def widen(*spans: Span) -> Span:
    """The smallest span that holds all."""
    return min(s[0] for s in spans), max(s[1] for s in spans)
