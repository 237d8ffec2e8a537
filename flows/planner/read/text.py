"""The text under reading: what it says in normal form, what of it was understood, and where everything stands."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from flows.planner.lexicon import Lexicon, Meaning
from flows.planner.read.tokens import tokenize

BLANK = "¦"
KNOWN: set[str] = set()  # every literal word of a pattern: never taken for a typo, and what command words are corrected to
MACROS = {
    "{T}": r"<t..:\d+>",
    "{C}": r"<.c.:\d+>",
    "{V}": r"<..v:\d+>",
    "{M}": r"<[t-][c-][v-]:\d+>",
    "{D}": r"<d:\d+>",
    "{E}": r"<e:\d+>",
    "{H}": r"<h:\d+>",
    "{F}": r"<f:\d+>",
    "{Q}": r"<q:\d+>",
    "{Z}": r"<z:\d+>",
    "{K}": r"<k:\d+>",
    "{PIPE}": r"<p:\d+>",
    "{N}": r"\d+(?:\.\d+)?",
    "{W}": r"[^\s<>¦,;.:()]+",
}
SHAPES = {"name": "d", "mail": "e", "channel": "h", "file": "f", "url": "f", "quote": "q", "zone": "z"}
LITERAL = re.compile(r"(?<![\\<\w])[a-z]{3,}(?![\w>]*>)")


class P:
    """A pattern over the normal form: words one space apart, {T} a table, {C} a column, {V} a value, {N} a number ...

    It matches whole tokens only. It is compiled when first used; its words count as known from the start, so that the reading of
    a text never depends on the texts before. `need`: words of which one must stand in the text, to skip the search cheaply.
    """

    __slots__ = ("compiled", "need", "source")

    def __init__(self, source: str, need: str = "") -> None:
        self.source, self.need = source, tuple(need.split("|")) if need else ()
        self.compiled: re.Pattern[str] | None = None
        plain = re.sub(r"\(\?P<\w+>|\(\?P=\w+\)|\{[A-Z]+\}", "(", source)
        plain = f"{plain.replace('[sz]', 's')} {plain.replace('[sz]', 'z')}" if "[sz]" in plain else plain
        for word in LITERAL.finditer(plain):
            KNOWN.add(word.group())
            if plain[word.end() : word.end() + 1] == "?":
                KNOWN.add(word.group()[:-1])

    def search(self, norm: str, at: int) -> re.Match[str] | None:
        """The first match from `at` on."""
        if self.need and not any(n in norm for n in self.need):
            return None
        return self.ready().search(norm, at)

    def here(self, norm: str, at: int) -> re.Match[str] | None:
        """A match that starts exactly at `at`."""
        return self.ready().match(norm, at)

    def ready(self) -> re.Pattern[str]:
        if self.compiled is None:
            source = self.source
            for macro, regex in MACROS.items():
                source = source.replace(macro, regex)
            source = source.replace(")*", "){0,9}").replace(")+", "){1,9}")  # bounded: no text makes a search take long
            self.compiled = re.compile(rf"(?<= )(?:{source})(?= )")
        return self.compiled


@dataclass(slots=True)
class Unit:
    """One token or one phrase of the catalogue; `at` is its place in the normal form, `start`..`end` in the raw text."""

    start: int
    end: int
    norm: str
    at: int = 0
    taken: bool = False
    words: str = ""


@dataclass(slots=True)
class Mention:
    """A phrase of the catalogue in the text and all it can mean."""

    number: int
    start: int
    end: int
    words: str
    meanings: tuple[Meaning, ...]

    def of(self, kind: str) -> list[Meaning]:
        return [m for m in self.meanings if m.kind == kind]


@dataclass(slots=True)
class Found:
    """A match: groups by name, span in the raw text, place in the normal form."""

    match: re.Match[str]
    text: Text
    skip: int = 0  # where the part that counts starts, when it is not the whole match

    def __getitem__(self, name: str | int) -> str:
        return self.match[name] or ""

    @property
    def span(self) -> tuple[int, int]:
        return self.text.span(*self.match.span())

    def part(self, name: str | int) -> tuple[int, int]:
        """The raw span of a group; the whole match if the group is not there."""
        return self.text.span(*self.match.span(name)) if self.match[name] else self.span

    def raw(self, name: str | int) -> str:
        start, end = self.part(name)
        return self.text.raw[start:end]


@dataclass
class Text:
    """The raw text, its units and mentions. `norm` is the normal form with what was consumed blanked out, same length."""

    raw: str
    lexicon: Lexicon
    units: list[Unit] = field(default_factory=list)
    mentions: list[Mention] = field(default_factory=list)
    norm: str = " "
    literals: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    extra: list[tuple[int, int, Any]] = field(default_factory=list)
    typos: list[tuple[str, str, tuple[int, int]]] = field(default_factory=list)

    def find(self, wanted: P) -> Iterator[Found]:
        """Matches from left to right in what is not consumed yet; consuming while iterating is safe."""
        at = 0
        while m := wanted.search(self.norm, at):
            yield Found(m, self)
            at = max(m.end(), at + 1)

    def first(self, wanted: P) -> Found | None:
        return next(self.find(wanted), None)

    def span(self, a: int, b: int) -> tuple[int, int]:
        """Raw start and end of a stretch of the normal form."""
        first, last = self._between(a, b)
        inside = self.units[first:last]
        if not inside:
            return (0, 0)
        return min(u.start for u in inside), max(u.end for u in inside)

    def _between(self, a: int, b: int) -> tuple[int, int]:
        """Which units touch a stretch of the normal form."""
        first = bisect.bisect_right(self.places, a) - 1
        if first < 0 or self.places[first] + len(self.units[first].norm) <= a:
            first += 1
        return first, bisect.bisect_left(self.places, b)

    def take(self, found: Found | tuple[int, int]) -> None:
        """Consume: the words of this match have become a fact."""
        a, b = found.match.span() if isinstance(found, Found) else found
        first, last = self._between(a, b)
        for unit in self.units[first:last]:
            if not unit.taken:
                unit.taken = True
                self.norm = self.norm[: unit.at] + BLANK * len(unit.norm) + self.norm[unit.at + len(unit.norm) :]

    def seen(self, a: int, b: int) -> bool:
        """Is a stretch of the normal form really there, not blanked out?"""
        return BLANK not in self.norm[a:b]

    def take_between(self, a: int, b: int) -> None:
        """Consume what is left of a stretch."""
        if self.norm[a:b].strip():
            self.take((a, b))

    def mention(self, norm: str) -> Mention:
        """The mention that a `<tcv:7>` names."""
        return self.mentions[number(norm)]

    def literal(self, norm: str) -> str:
        """What a `<q:3>`, `<d:3>` ... holds; a mention gives its words as written; anything else is itself."""
        if not norm.startswith("<"):
            return norm
        if norm[2:3] != ":":
            m = self.mention(norm)
            return self.raw[m.start : m.end]
        return self.literals[number(norm)]

    def promote(self, word: str) -> None:
        """A name that the text itself makes (net_amount = ...) is a column from here on."""
        low = word.lower()
        for unit in self.units:
            if not unit.taken and unit.words == low and not unit.norm.startswith("<"):
                self.mentions.append(Mention(len(self.mentions), unit.start, unit.end, low, (Meaning("c", "", low),)))
                unit.norm = f"<-c-:{len(self.mentions) - 1}>"
        self.render()

    def render(self) -> None:
        """Write the normal form from the units."""
        at = 1
        for unit in self.units:
            unit.at = at
            at += len(unit.norm) + 1
        self.places = [u.at for u in self.units]
        self.norm = " " + "".join((BLANK * len(u.norm) if u.taken else u.norm) + " " for u in self.units)

    def left(self) -> list[Unit]:
        """Units that nobody consumed."""
        return [u for u in self.units if not u.taken]


def keep_table(text: Text, hit: Found) -> None:
    """Consume a match, but not the table inside (group `t`): it is read as a source."""
    if (hit.match.groupdict().get("t") or "").startswith("<t"):
        a, b = hit.match.span("t")
        text.take((hit.match.start(), a))
        text.take((b, hit.match.end()))
    else:
        text.take(hit)


def number(norm: str) -> int:
    return int(norm[norm.index(":") + 1 : norm.rindex(">")])


def make(raw: str, lexicon: Lexicon, *, names: bool = True) -> Text:
    """Tokenize a text and mark the phrases that the catalogue knows (`names=False`: pipelines only)."""
    from flows.planner.read.link import link  # it builds on Unit and Mention

    text = Text(raw, lexicon)
    link(text, tokenize(raw), names=names)
    text.render()
    return text
