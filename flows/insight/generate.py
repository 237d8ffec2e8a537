"""Made-up rows of tables that are not there: plausible by name and type, with keys that meet, the same each time."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

from flows.errors import InputError
from flows.insight.wishes import Ask, Wishes
from flows.warehouse.base import Column

if TYPE_CHECKING:
    from flows.insight.catalog import Catalog

ROWS = 200
MEANT = 60
"""So many of the first rows meet what the spec asks of their columns; the others are as they come."""
PARENTS = 12
"""Those rows belong to so few rows of the tables that they refer to, so that groups of them have several rows."""
DAYS = 45
FIRST = ("Anna", "Ben", "Carla", "David", "Elena", "Felix", "Grace", "Hugo", "Ines", "Jonas", "Kira", "Liam", "Mia", "Noah", "Olga", "Paul")
LAST = ("Smith", "Weber", "Martin", "Garcia", "Rossi", "Novak", "Jensen", "Kowalski", "Dubois", "Silva", "Meyer", "Brown", "Lopez")
CITIES = ("Berlin", "Paris", "Madrid", "London", "New York", "Rome", "Vienna", "Lisbon", "Dublin", "Oslo")
COUNTRIES = ("Germany", "France", "US", "UK", "Spain", "Italy")
CURRENCIES = ("USD", "EUR", "GBP")
WORTH = re.compile(r"(?:^|_)to_([a-z]{3})$")
Table = tuple[tuple[Column, ...], tuple[str, ...]]
"""Columns and primary key."""

TEXTS: tuple[tuple[str, Sequence[str] | Callable[[int, Random], str]], ...] = (
    (r"e?mail", lambda i, r: f"{FIRST[i % len(FIRST)]}.{LAST[i % len(LAST)]}{i + 1}@example.com".lower()),
    (r"first_?name", FIRST),
    (r"last_?name|surname", LAST),
    (r"company|organi[sz]ation|vendor|supplier", lambda i, r: f"{LAST[i % len(LAST)]} {('GmbH', 'Ltd', 'Inc', 'SA')[i % 4]}"),
    (r"(user|host|file|domain|table)_?name", lambda i, r: f"{FIRST[i % len(FIRST)].lower()}{i + 1}"),
    (r"product|item|article", lambda i, r: f"Product {i % 40 + 1}"),
    (r"name|customer|contact|owner|author", lambda i, r: f"{FIRST[i % len(FIRST)]} {LAST[(i * 7 + i // 16) % len(LAST)]}"),
    (r"country_?code|iso_?2?", ("DE", "FR", "US", "GB", "ES")),
    (r"country|nation", COUNTRIES),
    (r"city|town", CITIES),
    (r"region|state|area", ("north", "south", "east", "west")),
    (r"zip|postal", lambda i, r: f"{r.randrange(10_000, 99_999)}"),
    (r"street|address", lambda i, r: f"{r.randrange(1, 200)} Main Street"),
    (r"phone|mobile|tel", lambda i, r: f"+49 30 {555_0000 + i}"),
    (r"url|link|website", lambda i, r: f"https://example.com/{i + 1}"),
    (r"domain|host", lambda i, r: f"host{i % 20 + 1}.example.com"),
    (r"ip|ip_addr.*", lambda i, r: f"192.0.2.{i % 254 + 1}"),
    (r"uuid|guid", lambda i, r: _uuid(r)),
    (r"sku", lambda i, r: f"SKU-{i % 60 + 1:04d}"),
    (r"status|stage", ("active", "pending", "closed")),
    (r"channel", ("web", "mobile", "partner")),
    (r"device", ("desktop", "phone", "tablet")),
    (r"language|locale", ("en", "de", "fr", "es")),
    (r"priority|severity", ("low", "medium", "high")),
    (r"gender|sex", ("f", "m", "x")),
    (r"plan|tier", ("free", "pro", "team")),
    (r"description|comment|note|text|message|body|title|subject", lambda i, r: f"Sample text {i + 1}"),
)
"""Columns of text by a word of their name, and what stands in them."""
NUMBERS: tuple[tuple[str, Callable[[Random], float]], ...] = (
    (r"discount|credits", lambda r: round(r.uniform(0, 5), 2)),
    (r"age", lambda r: r.randrange(18, 80)),
    (r"month", lambda r: r.randrange(1, 13)),
    (r"lat", lambda r: r.uniform(36, 60)),
    (r"lon|lng", lambda r: r.uniform(-10, 30)),
    (r"percent|pct|share|ratio|rate|probability|margin", lambda r: round(r.random(), 4)),
    (r"quantity|qty|count|units?|items|stock|sessions|clicks|orders|visits|seats|rank|position|rating|score", lambda r: r.randrange(1, 20)),
    (r"amount|price|cost|revenue|total|value|balance|spend|sales|fee|tax|salary|budget", lambda r: round(r.uniform(5, 500), 2)),
    (r"seconds|minutes|hours|duration|ms|latency", lambda r: r.randrange(1, 3600)),
    (r"bytes|size|tokens", lambda r: r.randrange(1_000, 900_000)),
)


class Generator:
    """Rows of the tables of a catalogue, and of those that are added. Equal arguments give equal rows."""

    def __init__(self, catalog: Catalog, *, seed: str, day: date, wishes: Wishes | None = None, rows: int = ROWS) -> None:
        self.seed, self.day, self.count, self.wishes = seed, day, rows, wishes or Wishes()
        self.tables: dict[str, Table] = {}
        self.values: dict[str, tuple[str, ...]] = {}
        for name, table in catalog.tables.items():
            self.add(name, {column: about.type for column, about in table.columns.items()}, table.primary_key)
            self.values |= {column.lower(): about.values for column, about in table.columns.items() if about.values}
        self.known = {(name, column): about.values for name, table in catalog.tables.items() for column, about in table.columns.items()}
        self.links = {(key.table, key.column): (key.references.table, key.references.column) for key in catalog.foreign_keys}
        self.places = {table.location: name for name, table in catalog.tables.items() if table.location}
        self.codes = tuple(dict.fromkeys([*CURRENCIES, *self.wishes.currencies]))
        self._made: dict[tuple[str, str], list[Any]] = {}
        self._open: set[tuple[str, str]] = set()

    def add(self, table: str, types: Mapping[str, str], key: tuple[str, ...] = ()) -> None:
        """A table by its columns and their BigQuery types."""
        self.tables[table] = (tuple(Column(name, _plain_type(type_)) for name, type_ in types.items()), key)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The rows of one table; no two have the same primary key. Raises KeyError for a table that is not known."""
        columns, key = self.tables[table]
        cells = {column.name: self.column(table, column.name) for column in columns}
        rows = [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]
        return list({tuple(str(row[name]) for name in key): row for row in rows}.values()) if key else rows

    def column(self, table: str, name: str) -> list[Any]:
        """The values of a column, row by row."""
        place = (table, name)
        if place not in self._made:
            self._open.add(place)
            try:
                self._made[place] = self._column(table, name)
            finally:
                self._open.discard(place)
        return self._made[place]

    def _column(self, table: str, name: str) -> list[Any]:
        columns, key = self.tables[table]
        type_ = next(column.type for column in columns if column.name == name)
        random = Random(hashlib.sha256(f"{self.seed}|{table}|{name}".encode()).digest())  # noqa: S311  the same each time, nothing secret
        if self._rates(table) and (made := self._of_rates(table, name, type_, random)) is not None:
            return made
        above = self._above(table, name, unique=key == (name,))
        if above is not None:
            return self._chosen(self.column(*above), type_, name, table, random, unique=key == (name,))
        return self._met(self._plain(table, name, type_, random), type_, name, table, unique=self._is_key(table, name, type_))

    def _name(self, table: str) -> str:
        """The name under which a table is known here, of its own or its place with or without a project; '' for none."""
        place = ".".join(table.split(".")[-2:])
        return table if table in self.tables else self.places.get(place) or (place if place in self.tables else "")

    def _first(self, tables: Sequence[str], column: str) -> str:
        """The first of several tables that has a column."""
        known = [self._name(table) for table in tables]
        return next((name for name in known if name and any(c.name.lower() == column.lower() for c in self.tables[name][0])), "")

    # ---- keys
    def _above(self, table: str, name: str, *, unique: bool) -> tuple[str, str] | None:
        """The column of another table whose values this one takes: by a foreign key, by a join of the spec, or by its name."""
        found = [self.links.get((table, name)), *((right, column) for left, right, column in self.wishes.joins if left == name.lower()),
                 *((other, key[0]) for other, (_, key) in self.tables.items() if len(key) == 1 and key[0].lower() == name.lower())]
        for place in found:
            if place is None or place in self._open:
                continue
            other = self._name(place[0])
            column = next((c for c in self.tables.get(other, ((), ()))[0] if c.name.lower() == place[1].lower()), None)
            own_key = unique and self.tables[other][1] != (column.name,) if column else False
            if column and other != table and not own_key and (other, column.name) not in self._open and self._fits(table, name, column):
                return other, column.name
        return None

    def _fits(self, table: str, name: str, above: Column) -> bool:
        own = next(column for column in self.tables[table][0] if column.name == name)
        return own.type == above.type

    def _chosen(self, values: list[Any], type_: str, name: str, table: str, random: Random, *, unique: bool) -> list[Any]:
        """Values of another column: all of them once for a key, else the first ones more often."""
        if unique:
            return list(values)
        there = [value for value in values if value is not None]
        picked = [there[i % min(PARENTS, len(there))] if i < MEANT else there[int(random.random() ** 2 * len(there))]
                  for i in range(self.count)]
        return self._met(picked, type_, name, table, unique=False, among=there)

    def _is_key(self, table: str, name: str, type_: str) -> bool:
        columns, key = self.tables[table]
        if key:
            return key == (name,)
        stem = re.sub(r"s$", "", table.rpartition(".")[2].lower())
        return type_ in ("INT64", "STRING") and name.lower() in ("id", f"{stem}_id") and any(c.name == name for c in columns)

    # ---- what the spec asks
    def _met(self, values: list[Any], type_: str, name: str, table: str, *, unique: bool, among: Sequence[Any] | None = None) -> list[Any]:
        """The first rows meet what is asked of this column; of a key the values that do stand first."""
        groups = self._groups(name, table, type_, list(among if among is not None else values), fixed=among is not None)
        if not groups:
            return values
        if unique:
            first = list(dict.fromkeys(value for group in groups for value in group))
            return [*first, *(value for value in values if value not in first)][: len(values)]
        lists = [group for group in groups if group]
        return [lists[i % len(lists)][(i // len(lists)) % len(lists[i % len(lists)])] if i < MEANT else value
                for i, value in enumerate(values)] if lists else values

    def _groups(self, name: str, table: str, type_: str, pool: list[Any], *, fixed: bool) -> list[list[Any]]:
        """For each thing that is asked the values that meet it: all at once where that can be, else one after the other."""
        asked = self.wishes.of(name, table, self._first)
        if not asked:
            return []
        together = [ask for group in asked for ask in group]
        for way in ([together], asked, [(ask,) for ask in together]):
            met = [self._meeting(group, type_, pool, fixed=fixed) for group in way]
            if all(met):
                return met
        return [group for group in met if group]

    def _meeting(self, asks: Sequence[Ask], type_: str, pool: list[Any], *, fixed: bool) -> list[Any]:
        own = [] if fixed else [value for ask in asks for value in ask.candidates(type_, self.day)]
        found = [v for v in dict.fromkeys([*own, *map(_hashable, pool)]) if all(ask.holds(v, type_, self.day) for ask in asks)]
        return found[:PARENTS] if own else found[:MEANT]

    # ---- what columns are like
    def _plain(self, table: str, name: str, type_: str, random: Random) -> list[Any]:
        listed = self.known.get((table, name)) or self.values.get(name.lower(), ())
        if type_ == "STRING" and listed:
            return [listed[i] if i < len(listed) else random.choice(listed) for i in range(self.count)]
        if self._is_key(table, name, type_) and type_ in ("INT64", "STRING", "DATE"):
            return [_key(name, type_, i, self.day) for i in range(self.count)]
        return [self._cell(name, type_, i, random) for i in range(self.count)]

    def _cell(self, name: str, type_: str, i: int, random: Random) -> Any:
        if type_ == "STRING":
            return self._text(name.lower(), i, random)
        if type_ in ("INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC"):
            return self._number(name.lower(), type_, random)
        if type_ == "BOOL":
            return random.random() < 0.5
        if type_ in ("DATE", "DATETIME", "TIMESTAMP"):
            day = self.day - timedelta(days=random.randrange(DAYS))
            return day if type_ == "DATE" else datetime.combine(day, time(random.randrange(24), random.randrange(60), random.randrange(60)))
        if type_ == "TIME":
            return time(random.randrange(24), random.randrange(60))
        if type_ == "BYTES":
            return f"sample {i + 1}".encode()
        return self._nested(name, type_, i, random)

    def _text(self, name: str, i: int, random: Random) -> str:
        if "currency" in name:
            return random.choice(self.codes)
        if name == "id" or (name.endswith(("_id", "_key", "_code", "_number", "_no")) and not name.startswith("country")):
            return str(_key(name, "STRING", random.randrange(50), self.day))
        if re.search(r"(^|_)(date|day)$|_at$", name):
            return (self.day - timedelta(days=random.randrange(DAYS))).isoformat()
        for words, made in TEXTS:
            if re.search(rf"(^|_)({words})s?($|_)", name):
                return made(i, random) if callable(made) else random.choice(made)
        return f"{name.replace('_', ' ')} {random.randrange(1, 9)}"

    def _number(self, name: str, type_: str, random: Random) -> Any:
        made = next((make(random) for words, make in NUMBERS if re.search(rf"(^|_)({words})s?($|_)", name)), None)
        if made is None:
            made = random.randrange(1, 51) if type_ == "INT64" else round(random.uniform(1, 100), 2)
        if re.search(r"(^|_)year($|_)", name):
            made = self.day.year - random.randrange(2)
        return int(made) if type_ == "INT64" else float(made) if type_ == "FLOAT64" else Decimal(str(round(made, 4)))

    def _nested(self, name: str, type_: str, i: int, random: Random) -> Any:
        """A list of two, a struct of its fields, an object for JSON; NULL for a type that has no plain values."""
        if type_ == "JSON":
            return {"id": i + 1, "name": f"sample {i + 1}"}
        if not type_.startswith(("ARRAY<", "STRUCT<")):
            return None
        from flows.warehouse.bqtypes import inner_types

        inner = inner_types(type_)
        if type_.startswith("ARRAY<"):
            return [self._cell(name, inner[0][1], i * 2 + n, random) for n in range(2)]
        return {field: self._cell(field, kind, i, random) for field, kind in inner}

    # ---- rates of currencies
    def _rates(self, table: str) -> bool:
        """Is it a table of exchange rates: a day, a currency, and what one unit is worth?"""
        kinds = [(column.name.lower(), column.type) for column in self.tables[table][0]]
        return sum(type_ == "DATE" for _, type_ in kinds) == 1 and any(WORTH.search(name) for name, type_ in kinds if type_ != "STRING") \
            and any("currency" in name for name, type_ in kinds if type_ == "STRING")

    def _of_rates(self, table: str, name: str, type_: str, random: Random) -> list[Any] | None:
        """A rate for each currency and day, and one before all days."""
        codes, whole = self.codes, range(self.count)
        if type_ == "DATE":
            last = (self.count - 1) // len(codes)
            return [date(2000, 1, 1) if i // len(codes) in (last, last - 1) else self.day - timedelta(days=i // len(codes)) for i in whole]
        if type_ == "STRING" and "currency" in name.lower():
            return [codes[i % len(codes)] for i in whole]
        worth = WORTH.search(name.lower())
        if worth and type_ in ("FLOAT64", "NUMERIC", "BIGNUMERIC"):
            near = [round(1.08 + i % len(codes) * 0.1 + random.random() / 50, 4) for i in whole]
            rates = [1.0 if codes[i % len(codes)] == worth[1].upper() else rate for i, rate in enumerate(near)]
            return rates if type_ == "FLOAT64" else [Decimal(str(rate)) for rate in rates]
        return None


def _key(name: str, type_: str, i: int, day: date) -> Any:
    """The i-th value of a key."""
    if type_ == "INT64":
        return i + 1
    if type_ == "DATE":
        return day - timedelta(days=i)
    stem = re.sub(r"_?(id|key|code|number|no)$", "", name.lower()) or "id"
    return f"{re.sub('[^a-z0-9]', '', stem)[:12] or 'id'}-{i + 1:05d}"


def _plain_type(name: str) -> str:
    """INT64 for integer; a type that cannot be kept here stays, and its cells are empty."""
    from flows.warehouse.bqtypes import normal

    try:
        return normal(name)
    except InputError:
        return name


def _uuid(random: Random) -> str:
    text = f"{random.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def _hashable(value: Any) -> Any:
    return value if not isinstance(value, (dict, list)) else str(value)
