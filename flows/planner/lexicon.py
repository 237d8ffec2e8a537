"""A catalogue snapshot as a vocabulary: which words name which table, column, value, connection or pipeline."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from flows.insight.catalog import Catalog
from flows.planner.read.words import ADJECTIVES

NUMERIC = {"INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC", "INTEGER", "FLOAT"}
REAL = {"FLOAT64", "NUMERIC", "BIGNUMERIC", "FLOAT"}
MAIN_NAMES = ("amount", "revenue", "cost", "spend", "total", "value", "price")
MEMORY: OrderedDict[str, Lexicon] = OrderedDict()


@dataclass(frozen=True, slots=True)
class Meaning:
    """One reading of a phrase: kind t (table), c (column), v (value)."""

    kind: str
    table: str
    column: str = ""
    value: str = ""
    synonym: bool = False


@dataclass
class Lexicon:
    """The compiled vocabulary of one catalogue version."""

    catalog: Catalog
    phrases: dict[str, tuple[Meaning, ...]] = field(default_factory=dict)
    longest: int = 1
    single: tuple[str, ...] = ()
    connections: dict[str, str] = field(default_factory=dict)
    pipelines: dict[str, str] = field(default_factory=dict)

    def flows(self) -> list[str]:
        """The ids of all pipelines."""
        return list(dict.fromkeys(self.pipelines.values()))

    def owners(self, column: str) -> list[str]:
        return [t for t, about in self.catalog.tables.items() if column in about.columns]

    def type_of(self, table: str, column: str) -> str:
        found = self.catalog.tables[table].columns.get(column) if table in self.catalog.tables else None
        return found.type.upper() if found else ""

    def dates(self, table: str) -> list[str]:
        """Date columns, the one that a period means first: the first DATE, else the first TIMESTAMP that is no update mark."""
        columns = self.catalog.tables[table].columns if table in self.catalog.tables else {}
        days = [c for c, about in columns.items() if about.type.upper() == "DATE"]
        marks = [c for c, about in columns.items() if about.type.upper() in ("TIMESTAMP", "DATETIME")]
        return days + [c for c in marks if c != "updated_at"] + [c for c in marks if c == "updated_at"]

    def main(self, table: str) -> str:
        """The column that a bare "total" or "over 100" means: the money column of a table; empty if there is none."""
        columns = self.catalog.tables[table].columns if table in self.catalog.tables else {}
        for name, about in columns.items():
            words = {name.lower(), *(s.lower() for s in about.synonyms)}
            if about.type.upper() in REAL and words & set(MAIN_NAMES):
                return name
        ends = tuple(f"_{word}" for word in MAIN_NAMES)
        return next((n for n, about in columns.items() if about.type.upper() in REAL and n.lower().endswith(ends)), "")

    def links(self, left: str, right: str) -> list[tuple[str, str]]:
        """Every key pair (column of left, column of right) by which the two tables hang together."""
        out = []
        for key in self.catalog.foreign_keys:
            if (key.table, key.references.table) == (left, right):
                out.append((key.column, key.references.column))
            if (key.references.table, key.table) == (left, right) and left != right:
                out.append((key.references.column, key.column))
        return out


def lexicon(catalog: Catalog) -> Lexicon:
    """The vocabulary of a catalogue, compiled once for each version."""
    version = catalog.version
    if version not in MEMORY:
        MEMORY[version] = _compile(catalog)
        while len(MEMORY) > 8:
            MEMORY.popitem(last=False)
    return MEMORY[version]


def knowing(words: Lexicon, pipelines: Mapping[str, str]) -> Lexicon:
    """The vocabulary with more pipelines (id to name) in it; the compiled part is shared."""
    if not pipelines:
        return words
    known = {**words.pipelines, **{key(name): p for p, name in pipelines.items() if key(name)}, **{key(p): p for p in pipelines if key(p)}}
    return replace(words, pipelines=known, longest=min(8, max([words.longest, *(len(k.split()) for k in known)])))


def key(phrase: str) -> str:
    """Order_Date, order-date and "order date" are one phrase."""
    return " ".join(re.findall(r"[^\W_]+", phrase.lower()))


def forms(phrase: str) -> list[str]:
    """The phrase in singular and plural of its last word."""
    *front, last = key(phrase).split() or [""]
    if not last:
        return []
    out = [last]
    if last.endswith("ies") and len(last) > 4:
        out.append(last[:-3] + "y")
    elif last.endswith(("sses", "xes", "ches", "shes", "uses")):
        out.append(last[:-2])
    elif last.endswith("s") and not last.endswith(("ss", "us", "is", "ics")):
        out.append(last[:-1])
    elif last.endswith("y") and last[-2:-1] not in "aeiou":
        out.append(last[:-1] + "ies")
    elif last.endswith(("s", "x", "ch", "sh")):
        out.append(last + "es")
    elif last.isalpha():
        out.append(last + "s")
    return [" ".join([*front, w]) for w in out]


def _compile(catalog: Catalog) -> Lexicon:
    found: dict[str, list[Meaning]] = {}

    def add(phrase: str, meaning: Meaning) -> None:
        same = found.setdefault(phrase, [])
        if phrase and not any(
            (m.kind, m.table, m.column, m.value) == (meaning.kind, meaning.table, meaning.column, meaning.value) for m in same
        ):
            same.append(meaning)

    for table, about in catalog.tables.items():
        for n, name in enumerate((table, *about.synonyms)):
            for form in forms(name):
                add(form, Meaning("t", table, synonym=n > 0))
        for column, detail in about.columns.items():
            for n, name in enumerate((column, *detail.synonyms)):
                for form in forms(name):
                    add(form, Meaning("c", table, column, synonym=n > 0))
            for value in detail.values:
                for form in _value_forms(value):
                    add(form, Meaning("v", table, column, value))
    found.pop("", None)
    single = sorted(p for p in found if " " not in p and len(p) >= 4 and p.isalpha())
    connections = {key(s): name for name, c in catalog.connections.items() for s in (*c.synonyms, name, c.kind)}
    pipelines = {key(p): p for p in catalog.pipelines}
    longest = max([len(p.split()) for p in (*found, *connections, *pipelines)] or [1])
    return Lexicon(catalog, {p: tuple(m) for p, m in found.items()}, min(longest, 8), tuple(single), connections, pipelines)


def _value_forms(value: str) -> list[str]:
    out = forms(value)
    low = key(value)
    out += [w.replace("_", " ").replace(".", " ").strip() for w in ADJECTIVES.get(low, "").split()]
    if low.endswith("lled"):
        out.append(low[:-3] + "ed")
    return out
