"""Conditions in words: `status is 'paid' and (amount is greater than 100 or country is one of ('DE', 'FR'))`."""

from __future__ import annotations

import re
from typing import Any

from flows.spec.words.form import Choice, Cursor, Either, Form, Name, Number, Scalar, Series, Unfit

DAYS_BACK = re.compile(r"[0-9]+ days ago")
DAYS_ON = re.compile(r"[0-9]+ days from today")
UNITS = Choice({unit: unit for unit in ("day", "week", "month", "quarter", "year")})

# the words of an operator and what follows them; longer words stand before their own beginnings
OPERATORS = (
    ("is_not_null", "is not empty", ""), ("is_null", "is empty", ""), ("not_in", "is none of ", "list"), ("in", "is one of ", "list"),
    ("between", "is between ", "two"), ("in_period", "is in the ", "period"), (">", "is greater than ", "value"),
    (">=", "is at least ", "value"), ("<", "is less than ", "value"), ("<=", "is at most ", "value"), ("like", "is like ", "value"),
    ("!=", "is not ", "value"), ("=", "is ", "value"), ("starts_with", "starts with ", "value"), ("contains", "contains ", "value"),
)


class Day:
    """`{today: -30}`: 30 days ago."""

    def say(self, value: Any) -> str:
        if not isinstance(value, dict) or set(value) != {"today"} or type(value["today"]) is not int:
            raise Unfit
        days = value["today"]
        return "today" if days == 0 else f"{-days} days ago" if days < 0 else f"{days} days from today"

    def hear(self, at: Cursor) -> dict[str, int]:
        if at.take("today"):
            return {"today": 0}
        mark = at.pos
        try:
            return {"today": -int(at.match(DAYS_BACK).split()[0])}
        except Unfit:
            at.pos = mark
            return {"today": int(at.match(DAYS_ON).split()[0])}


class Other:
    """`{column: other}`: column other."""

    def say(self, value: Any) -> str:
        if not isinstance(value, dict) or set(value) != {"column"}:
            raise Unfit
        return f"column {Name().say(value['column'])}"

    def hear(self, at: Cursor) -> dict[str, str]:
        at.need("column ")
        return {"column": Name().hear(at)}


VALUE = Either((Day(), Other(), Scalar()))


class Listed:
    """`('a', 'b')`."""

    def say(self, value: Any) -> str:
        if not isinstance(value, list) or not value:
            raise Unfit
        return f"({Series(VALUE, last=', ').say(value)})"

    def hear(self, at: Cursor) -> list[Any]:
        at.need("(")
        found = Series(VALUE, last=", ").hear(at)
        at.need(")")
        return found


class Two:
    """`1 and 5`."""

    def say(self, value: Any) -> str:
        if not isinstance(value, list) or len(value) != 2:
            raise Unfit
        return f"{VALUE.say(value[0])} and {VALUE.say(value[1])}"

    def hear(self, at: Cursor) -> list[Any]:
        first = VALUE.hear(at)
        at.need(" and ")
        return [first, VALUE.hear(at)]


class Period:
    """`{unit: month, offset: -1}`: the month 1 back."""

    def say(self, value: Any) -> str:
        if not isinstance(value, dict) or not {"unit"} <= set(value) <= {"unit", "offset"}:
            raise Unfit
        unit, offset = UNITS.say(value["unit"]), value.get("offset")
        if "offset" not in value:
            return f"current {unit}"
        if type(offset) is not int:
            raise Unfit
        return f"{unit} {-offset} back" if offset <= 0 else f"{unit} {offset} ahead"

    def hear(self, at: Cursor) -> dict[str, Any]:
        if at.take("current "):
            return {"unit": UNITS.hear(at)}
        unit = UNITS.hear(at)
        at.need(" ")
        number = Number().hear(at)
        if at.take(" back"):
            return {"unit": unit, "offset": -number}
        at.need(" ahead")
        return {"unit": unit, "offset": number}


ARGUMENTS: dict[str, Form] = {"list": Listed(), "two": Two(), "period": Period(), "value": VALUE}


class Condition:
    """A whole tree. `all` is joined by and, `any` by or; a branch inside stands in brackets."""

    def say(self, value: Any) -> str:
        if not isinstance(value, dict):
            raise Unfit
        for word, link in (("all", " and "), ("any", " or ")):
            if set(value) == {word} and isinstance(value[word], list) and value[word]:
                parts = value[word]
                inner = link.join(self._branch(part) for part in parts)
                return inner if len(parts) > 1 else f"{word} of ({self.say(parts[0])})"
        if set(value) == {"not"}:
            return f"not ({self.say(value['not'])})"
        return self._compare(value)

    def _branch(self, value: Any) -> str:
        said = self.say(value)
        many = isinstance(value, dict) and any(isinstance(value.get(w), list) and len(value[w]) > 1 for w in ("all", "any"))
        return f"({said})" if many else said

    def _compare(self, value: dict[str, Any]) -> str:
        for operator, words, argument in OPERATORS:
            if value.get("is") == operator and set(value) == {"column", "is", *(["value"] if argument else [])}:
                said = ARGUMENTS[argument].say(value["value"]) if argument else ""
                return f"{Name().say(value['column'])} {words}{said}"
        raise Unfit

    def hear(self, at: Cursor) -> Any:
        first = self._part(at)
        for word, link in (("all", " and "), ("any", " or ")):
            parts, mark = [first], at.pos
            while at.take(link):
                try:
                    parts.append(self._part(at))
                    mark = at.pos
                except Unfit:
                    break
            at.pos = mark
            if len(parts) > 1:
                return {word: parts}
        return first

    def _part(self, at: Cursor) -> Any:
        for lead, word in (("(", ""), ("all of (", "all"), ("any of (", "any"), ("not (", "not")):
            if at.take(lead):
                inner = self.hear(at)
                at.need(")")
                return inner if not word else {word: inner} if word == "not" else {word: [inner]}
        column = Name().hear(at)
        at.need(" ")
        for operator, words, argument in OPERATORS:
            mark = at.pos
            try:
                if at.take(words):
                    return {"column": column, "is": operator, **({"value": ARGUMENTS[argument].hear(at)} if argument else {})}
            except Unfit:
                at.pos = mark
        raise Unfit


