"""Forms that say a value in words and hear it back: one declaration, both directions."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'")
BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*")
NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?(?![A-Za-z0-9_])")
LEADING = ("op", "check", "fn", "connection", "engine", "column", "with")
ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*")
SPACE = re.compile(r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|\s+""")
RESERVED = frozenset({"all", "and", "any", "false", "is", "not", "nothing", "null", "on", "or", "today", "true", "where", "with"})


class Unfit(Exception):
    """This form cannot say that value, or does not hear it at this place."""


class Form(Protocol):
    """`hear(say(value)) == value` for every value it says."""

    def say(self, value: Any) -> str: ...
    def hear(self, at: Cursor) -> Any: ...


class Cursor:
    """A text and how far it has been heard."""

    def __init__(self, text: str) -> None:
        self.text, self.pos = text, 0

    def take(self, words: str) -> bool:
        found = self.text.startswith(words, self.pos)
        self.pos += len(words) if found else 0
        return found

    def need(self, words: str) -> None:
        if not self.take(words):
            raise Unfit

    def match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.pos)
        if not found:
            raise Unfit
        self.pos = found.end()
        return found[0]


def squeeze(text: str) -> str:
    """One space wherever there is white space outside of quotes."""
    return SPACE.sub(lambda m: m[1] or " ", text.strip())


def quote(text: str) -> str:
    """A text in single quotes, on one line, with everything invisible spelled out."""
    return "'" + "".join(_escape(c) for c in text) + "'"


def _escape(char: str) -> str:
    if char in "'\\":
        return "\\" + char
    if char == "\n":
        return "\\n"
    if char.isprintable():
        return char
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def unquote(text: str) -> str:
    """The text inside quotes made by `quote`."""
    return re.sub(r"\\(?:n|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))", _plain, text[1:-1], flags=re.DOTALL)


def _plain(found: re.Match[str]) -> str:
    if found[1] or found[2]:
        return chr(int(found[1] or found[2], 16))
    return found[3] or "\n"


class Text:
    """A text in quotes."""

    def say(self, value: Any) -> str:
        if not isinstance(value, str):
            raise Unfit
        return quote(value)

    def hear(self, at: Cursor) -> str:
        return unquote(at.match(QUOTED))


class Name(Text):
    """A name: bare when it is plain, else in quotes."""

    def say(self, value: Any) -> str:
        if isinstance(value, str) and BARE.fullmatch(value) and value.lower() not in RESERVED:
            return value
        return super().say(value)

    def hear(self, at: Cursor) -> str:
        if at.text.startswith("'", at.pos):
            return super().hear(at)
        word = at.match(BARE)
        if word.lower() in RESERVED:
            raise Unfit
        return word


class Zone(Text):
    """A time zone: bare when it looks like one."""

    def say(self, value: Any) -> str:
        return value if isinstance(value, str) and ZONE.fullmatch(value) else super().say(value)

    def hear(self, at: Cursor) -> str:
        return super().hear(at) if at.text.startswith("'", at.pos) else at.match(ZONE)


class Number:
    """A number, as YAML writes it."""

    def say(self, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Unfit
        return json.dumps(value)

    def hear(self, at: Cursor) -> Any:
        return json.loads(at.match(NUMBER))


class Scalar:
    """A text in quotes, a number, true, false or null."""

    def say(self, value: Any) -> str:
        if value is None or isinstance(value, bool):
            return {None: "null", True: "true", False: "false"}[value]
        return quote(value) if isinstance(value, str) else Number().say(value)

    def hear(self, at: Cursor) -> Any:
        for word, value in (("null", None), ("true", True), ("false", False)):
            if at.take(word):
                return value
        return Text().hear(at) if at.text.startswith("'", at.pos) else Number().hear(at)


class Json:
    """Anything, as JSON on one line."""

    def say(self, value: Any) -> str:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)

    def hear(self, at: Cursor) -> Any:
        try:
            value, at.pos = json.JSONDecoder().raw_decode(at.text, at.pos)
        except (ValueError, RecursionError):
            raise Unfit from None
        return value


@dataclass(frozen=True)
class Choice:
    """One of a few values, each with its words; no words may start with those of another that stands later."""

    words: Mapping[Any, str]

    def say(self, value: Any) -> str:
        if isinstance(value, dict | list) or value not in self.words or type(value) not in {type(k) for k in self.words}:
            raise Unfit
        return self.words[value]

    def hear(self, at: Cursor) -> Any:
        for value, words in self.words.items():
            if at.take(words):
                return value
        raise Unfit


@dataclass(frozen=True)
class Series:
    """A list: `a, b and c`; an empty one is `nothing`."""

    item: Form
    comma: str = ", "
    last: str = " and "

    def say(self, value: Any) -> str:
        if not isinstance(value, list):
            raise Unfit
        said = [self.item.say(v) for v in value]
        return self.comma.join(said[:-1]) + self.last + said[-1] if len(said) > 1 else said[0] if said else "nothing"

    def hear(self, at: Cursor) -> list[Any]:
        if at.take("nothing"):
            return []
        found = [self.item.hear(at)]
        for link in (self.comma, self.last):
            while True:
                mark = at.pos
                try:
                    at.need(link)
                    found.append(self.item.hear(at))
                except Unfit:
                    at.pos = mark
                    break
        return found


@dataclass(frozen=True)
class Pairs:
    """A mapping as a series: `a to b and c to d`."""

    key: Form
    between: str
    value: Form

    def say(self, value: Any) -> str:
        if not isinstance(value, dict):
            raise Unfit
        return Series(_Pair(self)).say(list(value.items()))

    def hear(self, at: Cursor) -> dict[str, Any]:
        found = Series(_Pair(self)).hear(at)
        if len({key for key, _ in found}) != len(found):
            raise Unfit
        return dict(found)


@dataclass(frozen=True)
class _Pair:
    pairs: Pairs

    def say(self, value: Any) -> str:
        key, inner = value
        return self.pairs.key.say(key) + self.pairs.between + self.pairs.value.say(inner)

    def hear(self, at: Cursor) -> tuple[Any, Any]:
        key = self.pairs.key.hear(at)
        at.need(self.pairs.between)
        return key, self.pairs.value.hear(at)


@dataclass(frozen=True)
class Either:
    """The first form that fits."""

    forms: Sequence[Form]

    def say(self, value: Any) -> str:
        for form in self.forms:
            try:
                return form.say(value)
            except Unfit:
                continue
        raise Unfit

    def hear(self, at: Cursor) -> Any:
        mark = at.pos
        for form in self.forms:
            try:
                return form.hear(at)
            except Unfit:
                at.pos = mark
        raise Unfit


SLOT = re.compile(r"<([\w.]+):(\w+)>")


class Record:
    """A mapping as a row of phrases, in a fixed order. A phrase is text with slots `<field:form>`; one that starts with `?` is left out
    when its field is. `comma` stands between phrases that are there."""

    def __init__(self, *phrases: str, forms: Mapping[str, Form], comma: str = "") -> None:
        self.comma = comma
        self.phrases = [(p.startswith("?"), _parts(p.removeprefix("?"), forms)) for p in phrases]

    def say(self, value: Any) -> str:
        if not isinstance(value, Mapping):
            raise Unfit
        used: set[str] = set()
        said: list[str] = []
        for optional, parts in self.phrases:
            keys = [part[0] for part in parts if isinstance(part, tuple)]
            if optional and not any(key in value for key in keys):
                continue
            if not all(key in value for key in keys):
                raise Unfit
            used.update(keys)
            said.append("".join(p if isinstance(p, str) else p[1].say(value[p[0]]) for p in parts))
        if used != set(value):
            raise Unfit
        return self.comma.join(said)

    def hear(self, at: Cursor) -> dict[str, Any]:
        found: dict[str, Any] = {}
        first = True
        for optional, parts in self.phrases:
            mark = at.pos
            try:
                if not first:
                    at.need(self.comma)
                got = _hear(parts, at)
            except Unfit:
                if not optional:
                    raise
                at.pos = mark
                continue
            first = False
            found |= got
        return dict(sorted(found.items(), key=lambda item: _rank(item[0])))


def _rank(field: str) -> int:
    """The contract writes these first; a sentence may say them later."""
    name = field.rpartition(".")[2]
    return LEADING.index(name) if name in LEADING else len(LEADING)


Part = str | tuple[str, Form]


def _parts(phrase: str, forms: Mapping[str, Form]) -> list[Part]:
    parts: list[Part] = []
    end = 0
    for found in SLOT.finditer(phrase):
        parts += [phrase[end:found.start()], (found[1], forms[found[2]])]
        end = found.end()
    return [p for p in [*parts, phrase[end:]] if p]


def _hear(parts: Sequence[Part], at: Cursor) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in parts:
        if isinstance(part, str):
            at.need(part.replace("\n", " "))
        else:
            found[part[0]] = part[1].hear(at)
    return found


ATOMS: dict[str, Form] = {"text": Text(), "name": Name(), "number": Number(), "scalar": Scalar(), "json": Json(), "names": Series(Name())}
