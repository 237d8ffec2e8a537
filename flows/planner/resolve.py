"""Which tables and columns the words mean: scopes, key paths, ambiguity; what stays open becomes a question."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import Any

from flows.planner.holes import Ask, Asks, Hole
from flows.planner.lexicon import Lexicon
from flows.planner.read.draft import Branch, Draft, Leaf, Ref, Span
from flows.planner.read.text import Text


@dataclass
class Joint:
    """One join: the new table, what it hangs on, the key pair (column there, column of the new table)."""

    table: str
    left: str
    pair: tuple[str, str]


@dataclass
class Scope:
    """The tables of a text and how they hang together."""

    text: Text
    draft: Draft
    asks: Asks
    tables: list[str] = field(default_factory=list)
    origins: dict[str, tuple[Span | None, str]] = field(default_factory=dict)
    joints: list[Joint] = field(default_factory=list)
    spread: bool = False  # columns of several tables are used
    files: dict[str, dict[str, Any]] = field(default_factory=dict)  # tables that are files, with the `source` that reads them

    @property
    def lexicon(self) -> Lexicon:
        return self.text.lexicon

    def add(self, table: str, span: Span | None, source: str) -> None:
        if table not in self.tables:
            self.tables.append(table)
            self.origins[table] = (span, source)

    # ---- columns
    def pick(self, ref: Ref) -> tuple[str, str] | Hole:
        """(table, column) that a phrase means here; asks when two tables have it."""
        made = [m for m in ref.meanings if not m.table]
        if made:
            return "", made[0].column
        here = [m for m in ref.meanings if m.table in self.tables]
        best = [m for m in here if not m.synonym] or here
        if len({m.table for m in best}) < len({m.table for m in here}) and not _exact(ref, best[0].column):
            best = here
        near = self._qualified(ref, {m.table for m in best})
        best = [m for m in best if m.table == near] or best
        found = list(dict.fromkeys((m.table, m.column) for m in best))
        if len(found) > 1:
            keyed = [f for f in found if self._is_key(*f)]
            if keyed and len(keyed) == len(found):
                return keyed[0]
            if len({t for t, _ in found}) == 1:
                found = [f for f in found if f[1] == ref.words.replace(" ", "_")] or found
        if len(found) == 1:
            return found[0]
        if not found:
            return self._nowhere(ref)
        return self._ask(ref, found)

    def _nowhere(self, ref: Ref) -> Hole:
        owners = sorted({m.table for m in ref.meanings})
        where = f"it is in {', '.join(owners)}" if owners else "no table has it"
        slot = f"column:{ref.meanings[0].column if ref.meanings else ref.words}"
        return Hole(
            self.asks.add(
                Ask(slot, f"The column {ref.words!r} is not in {', '.join(self.tables) or 'a table that is read'}: {where}.", ref.span)
            ),
            "column",
        )

    def _ask(self, ref: Ref, found: list[tuple[str, str]]) -> Hole:
        names = {c for _, c in found}
        name = names.pop() if len(names) == 1 else ref.words
        ask = Ask(
            f"column:{name}",
            f"{ref.words!r} is in {' and in '.join(t for t, _ in found)}. Which one is meant?",
            ref.span,
            [(f"{t}.{c}", {"column": self.name_of(t, c)}) for t, c in found],
        )
        return Hole(self.asks.add(ask), "column")

    def _qualified(self, ref: Ref, tables: set[str]) -> str:
        """`refunds amount`, `amount of the refunds`: a table that stands beside the column."""
        before = self.text.raw[max(0, ref.span[0] - 40) : ref.span[0]]
        after = self.text.raw[ref.span[1] : ref.span[1] + 60].lower()
        for mention in self.text.mentions:
            apart = mention.start - ref.span[1] > 20 or ref.span[0] - mention.end > 3
            mine = [] if apart else [m.table for m in mention.of("t") if m.table in tables]
            if not mine:
                continue
            gap = self.text.raw[mention.end : ref.span[0]] if mention.end <= ref.span[0] else "x"
            behind = self.text.raw[ref.span[1] : mention.start].lower() if mention.start >= ref.span[1] else "x"
            if (gap.strip() in ("", "'s", "s'", ".") and before and len(gap) < 4) or (
                behind.strip() in ("of", "of the", "of all", "of our", "of all the") and after
            ):
                return mine[0]
        return ""

    def _is_key(self, table: str, column: str) -> bool:
        catalog = self.lexicon.catalog
        return column in catalog.tables[table].primary_key or any(
            (k.table, k.column) == (table, column) or (k.references.table, k.references.column) == (table, column)
            for k in catalog.foreign_keys
        )

    def name_of(self, table: str, column: str) -> str:
        """The column's name in the joined relation: the right side's doubles carry their table's name."""
        order = [self.tables[0], *(j.table for j in self.joints)] if self.joints else [table]
        for other in order:
            if other == table:
                return column
            if column in self.lexicon.catalog.tables[other].columns:
                return f"{table}_{column}"
        return column

    def key_name(self, table: str, column: str) -> str:
        """The name of a key: the one that it was joined on when its own table's is a double of it."""
        for joint in self.joints:
            if joint.table == table and joint.pair[1] == column:
                return self.key_name(joint.left, joint.pair[0])
        return self.name_of(table, column)

    def columns(self) -> list[str]:
        """All column names of the joined relation."""
        order = [self.tables[0], *(j.table for j in self.joints)] if self.tables else []
        return [self.name_of(t, c) for t in order for c in self.lexicon.catalog.tables[t].columns]

    def name(self, ref: Ref) -> Any:
        """The name to write for a phrase, or a hole."""
        found = self.pick(ref)
        if isinstance(found, Hole):
            return found
        return self.name_of(*found) if found[0] else found[1]

    def date(self, ref: Ref | None) -> Any:
        """The date column that a period or grain means: the one named, else that of the first table which has one."""
        if ref is not None:
            return self.name(ref)
        for table in self.tables:
            if dates := self.lexicon.dates(table):
                return self.name_of(table, dates[0])
        return None


def _exact(ref: Ref, column: str) -> bool:
    return ref.words.replace(" ", "_") == column


# ---- tables
def refs_of(node: Any) -> list[Ref]:
    """Every column phrase of a condition tree."""
    if isinstance(node, Leaf):
        return [node.ref] if node.ref else []
    return [r for item in node.items for r in refs_of(item)] if isinstance(node, Branch) else []


def all_refs(draft: Draft, conditions: list[Any]) -> list[Ref]:
    """Every column phrase of the draft that says something about its tables, measures first."""
    out = [m.ref for m in draft.measures if m.ref] + [w.ref for w in draft.windows if w.ref]
    out += [t.by.ref for t in draft.tops if t.by and t.by.ref] + [t.ref for t in draft.tops if t.ref]
    out += [draft.anomaly[0]] if draft.anomaly and draft.anomaly[0] else []
    out += [p for d in draft.derives for p in d.parts if isinstance(p, Ref)]
    out += [w.order for w in draft.windows if w.order]
    out += [g.ref for g in draft.groups if g.ref] + [g.ref for t in draft.tops for g in t.per if g.ref]
    out += [g.ref for g in draft.grains if g.ref]
    out += [r for c in conditions for r in refs_of(c)]
    out += [g.ref for d in draft.dedups for g in d.keys if g.ref] + [d.order for d in draft.dedups if d.order]
    out += (
        draft.select
        + [r for r, _, _ in draft.masks]
        + [r for r, _, _ in draft.fills]
        + [r for r, _, _ in draft.sorts]
        + [r for r, _, _ in draft.renames]
    )
    out += [r for c in draft.checks for r in c.refs] + draft.join_on
    return [r for r in out if r.meanings and all(m.table for m in r.meanings)]


def find_tables(scope: Scope, conditions: list[Any]) -> None:
    """Named tables first; then the one that has the columns; then those that the columns need, along foreign keys."""
    draft = scope.draft
    known = [(t.table, t.span, "text") for t in draft.tops if t.table]
    if not draft.tables and (between := _between(scope)):
        scope.add(between, None, "inferred")
    known += [
        (m.table, m.span, "text")
        for m in [*(m for m in draft.measures if not scope.tables or m.fn != "count_distinct"), *(t.by for t in draft.tops if t.by)]
        if m.table
    ]
    known += [(draft.anomaly[2], draft.anomaly[1], "text")] if draft.anomaly and draft.anomaly[2] else []
    for table, span, source in sorted([*draft.tables, *known], key=lambda t: t[1]):
        scope.add(table, span, source)
    refs = all_refs(draft, conditions)
    if not scope.tables:
        _infer(scope, refs)
    for ref in refs:
        if not any(m.table in scope.tables for m in ref.meanings):
            _reach(scope, ref)
    for group in [*draft.groups, *(g for t in draft.tops for g in t.per), *(g for d in draft.dedups for g in d.keys)]:
        if group.table and scope.tables and not key_column(scope, group.table):
            _join_table(scope, group.table, group.span)


def _between(scope: Scope) -> str:
    """`unique customers per store`: the one table that holds the keys of all the tables that are counted and grouped by."""
    counted = {m.table for m in scope.draft.measures if m.fn == "count_distinct" and m.table}
    wanted = counted | {g.table for g in scope.draft.groups if g.table}
    if not counted or len(wanted) < 2 or any(m.fn != "count_distinct" for m in scope.draft.measures):
        return ""
    keys = scope.lexicon.catalog.foreign_keys
    found = [t for t in scope.lexicon.catalog.tables if wanted <= {k.references.table for k in keys if k.table == t}]
    return found[0] if len(found) == 1 else ""


def _infer(scope: Scope, refs: list[Ref]) -> None:
    """No table is named: the one whose columns are, if there is only one that fits best."""
    entities = [g.table for g in scope.draft.groups if g.table]
    score: dict[str, float] = {}
    for n, ref in enumerate(refs):
        for table in {m.table for m in ref.meanings}:
            score[table] = score.get(table, 0) + (1.5 if n == 0 else 1)
    for table in score:
        score[table] += sum(0.9 for e in entities if e == table or scope.lexicon.links(table, e))
    best = sorted(t for t, s in score.items() if s == max(score.values()))
    if len(best) == 1:
        ref = next(r for r in refs if any(m.table == best[0] for m in r.meanings))
        scope.add(best[0], ref.span, "inferred")
    elif best:
        scope.draft.asks.append(("source", f"These columns are in {', '.join(best)}. Which table is meant?", refs[0].span, tuple(best)))
    elif len(set(entities)) == 1:
        scope.add(entities[0], scope.draft.groups[0].span, "text")


def _reach(scope: Scope, ref: Ref) -> None:
    """A column of a table that nobody named: the nearest table along foreign keys that has it."""
    found: dict[str, list[str]] = {}
    for meaning in ref.meanings:
        if (way := path_to(scope, meaning.table)) is not None:
            found[meaning.table] = way
    if not found:
        return
    short = min(len(w) for w in found.values())
    best = [t for t, w in found.items() if len(w) == short]
    if len(best) == 1:
        for table in found[best[0]]:
            scope.add(table, ref.span, "inferred")


def _join_table(scope: Scope, table: str, span: Span) -> None:
    for step in path_to(scope, table) or []:
        scope.add(step, span, "inferred")


def path_to(scope: Scope, target: str) -> list[str] | None:
    """The tables to add, in order, to reach `target` from what is there; None when no keys lead to it."""
    if target in scope.tables:
        return []
    keys = scope.lexicon.catalog.foreign_keys
    ways: list[list[str]] = [[t] for t in scope.tables]
    seen = set(scope.tables)
    while ways:
        following = []
        for way in ways:
            for k in keys:
                other = k.references.table if k.table == way[-1] else k.table if k.references.table == way[-1] else ""
                if other == target:
                    return [*way[1:], target]
                if other and other not in seen:
                    seen.add(other)
                    following.append([*way, other])
        ways = following
    return None


def key_column(scope: Scope, entity: str) -> tuple[str, str] | None:
    """Where the key of a table stands among the tables that are read: `per customer` is orders.customer_id."""
    if entity in scope.tables and len(scope.lexicon.catalog.tables[entity].primary_key) == 1:
        return entity, scope.lexicon.catalog.tables[entity].primary_key[0]
    for table in scope.tables:
        if links := scope.lexicon.links(table, entity):
            return table, links[0][0]
    return None


# ---- joins
def join_tables(scope: Scope) -> None:
    """Every table behind the first hangs on one before it, by the only key that links them; else `join` is asked."""
    rest = scope.tables[1:]
    done = scope.tables[:1]
    while rest:
        found = next(((t, left) for t in rest for left in done if scope.lexicon.links(left, t)), None)
        if found is None:
            between = _bridge(scope, done, rest)
            if between is None:
                _ask_join(scope, f"No key leads from {', '.join(done)} to {', '.join(rest)}. How do they belong together?")
                return
            rest.insert(0, between)
            scope.add(between, None, "inferred")
            continue
        table, left = found
        pairs = scope.lexicon.links(left, table)
        said = [p for p in pairs if any(m.column in p for r in scope.draft.join_on for m in r.meanings)]
        pairs = said or pairs
        if len(pairs) > 1:
            _ask_join(scope, f"{left} and {table} hang together by {' or by '.join(a for a, _ in pairs)}. Which key is meant?", pairs)
        scope.joints.append(Joint(table, left, pairs[0]))
        rest.remove(table)
        done.append(table)
    scope.tables = done


def _bridge(scope: Scope, done: list[str], rest: list[str]) -> str | None:
    small = Scope(scope.text, scope.draft, scope.asks, tables=list(done))
    ways = [w for t in rest if (w := path_to(small, t))]
    return min(ways, key=len)[0] if ways else None


def _ask_join(scope: Scope, message: str, pairs: list[tuple[str, str]] | None = None) -> None:
    scope.asks.add(Ask("join", message, None, [(f"{a} = {b}", {"on": [[a, b]]}) for a, b in pairs or []]))


def suggest_tables(text: Text, words: str) -> list[str]:
    """Catalogued tables whose names come near to what was said, then the first ones."""
    names = list(text.lexicon.catalog.tables)
    found: list[str] = []
    for word in words.lower().split():
        found += [t for t in difflib.get_close_matches(word, names, 3, 0.5) if t not in found]
    return (found + [n for n in names if n not in found])[:6]
