"""SQL with placeholders: a value becomes a bound parameter or a literal, a name is checked, anything else is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from flows.errors import SqlError
from flows.spec.placeholder import TOKEN, Values, as_text, missing
from flows.spec.problems import clip

PATH_PART = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
NAME_PART = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*\Z")
ISO_DATE = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")

LEX = re.compile(
    r"""(?P<comment>--[^\n]*|\#[^\n]*|/\*.*?\*/)
    |(?:(?P<kind>\b(?:date|timestamp|datetime|time)\s+))?(?P<text>\b[rRbB]{1,2}(?=['"])|)(?P<body>'''(?:\\.|[^\\])*?'''
    |\"\"\"(?:\\.|[^\\])*?\"\"\"|'(?:\\.|[^\\'\n])*'|"(?:\\.|[^\\"\n])*")
    |(?P<quoted>`[^`\n]*`)
    |(?P<slot>\{[A-Za-z_][A-Za-z0-9_]*\})
    |(?P<brace>[{}])""", re.VERBOSE | re.DOTALL | re.IGNORECASE)


def bind_sql(sql: str, values: Values) -> tuple[str, dict[str, Any]]:
    """BigQuery SQL whose placeholders are @parameters where a value stands and checked names where a name stands, and the parameters.

    Inside quotes (`'{run_date}'`, `DATE '{run_date}'`, `'gs://{bucket}/x'`) the whole text is bound as one value; inside backquotes each
    value must be a plain name. A bare ISO date is bound as a DATE. Values never become part of the statement otherwise.
    Raises SpecError for missing names and SqlError (refused) where neither a value nor a name may stand.
    """
    return _Binder(sql, values).bound()


def inline_sql(sql: str, values: Values, *, where: str = "") -> str:
    """A scalar expression whose placeholders are literals made by sqlglot, or checked names inside backquotes. Raises like `bind_sql`."""
    from sqlglot import exp

    text, params = _Binder(sql, values, where).bound()
    trees = {name: exp.cast(exp.Literal.string(value.isoformat()), "date") if isinstance(value, date) else exp.convert(value)
             for name, value in params.items()}
    made = {name: tree.sql("bigquery") for name, tree in trees.items()}
    return re.sub(r"@(\w+)", lambda m: made.get(m[1], m[0]), text)  # one pass: a value that holds an @name stays a value


class _Binder:
    """One statement on its way: its text in pieces, its parameters, and the slots whose role only the syntax tree knows."""

    def __init__(self, sql: str, values: Values, where: str = "") -> None:
        self.sql, self.values, self.where = sql, values, where
        self.params: dict[str, Any] = {}
        self.slots: list[str] = []

    def bound(self) -> tuple[str, dict[str, Any]]:
        absent = [(self.where, m[1]) for m in TOKEN.finditer(self.sql) if m[1] and m[1] not in self.values]
        if absent:
            raise missing(absent, self.values)
        if not any(m[1] for m in TOKEN.finditer(self.sql)):
            return self.sql, {}
        self.mark = "slot_"
        while self.mark in self.sql.lower():
            self.mark += "x_"
        text = LEX.sub(self._piece, self.sql)
        if self.slots:
            roles = self._roles(text)
            text = re.sub(rf"{self.mark}([0-9]+)_", lambda m: self._placed(int(m[1]), roles), text)
        return text, self.params

    def _piece(self, found: re.Match[str]) -> str:
        if found["comment"]:
            return "" if any(m[1] for m in TOKEN.finditer(found[0])) else found[0]
        if found["slot"]:
            self.slots.append(found["slot"][1:-1])
            return f"{self.mark}{len(self.slots) - 1}_"
        if found["quoted"] and self._has(found[0]):
            return TOKEN.sub(lambda m: self._name(m[1], PATH_PART) if m[1] else m[0][0], found[0])
        if found["body"] and self._has(found["body"]):
            return self._literal(found)
        if found["brace"]:
            raise self._refuse("a brace stands outside of quotes", "Write a placeholder like {name}")
        return found[0]

    def _has(self, text: str) -> bool:
        return any(m[1] for m in TOKEN.finditer(text))

    def _literal(self, found: re.Match[str]) -> str:
        """A quoted text with placeholders is one value; its own text must be plain, since it leaves the statement."""
        body = found["body"]
        width = 3 if body[:3] in ("'''", '"""') else 1
        inner = body[width:-width]
        if found["text"] or "\\" in inner:
            raise self._refuse(f"a placeholder inside {clip(found[0])} cannot be bound", "Use a plain quoted text without \\ and prefix")
        value = TOKEN.sub(lambda m: as_text(self.values[m[1]]) if m[1] else m[0][0], inner)
        name = self._param("text", value)
        kind = (found["kind"] or "").strip().upper()
        return f"CAST(@{name} AS {kind})" if kind else f"@{name}"

    def _param(self, base: str, value: Any) -> str:
        taken = {m.lower() for m in re.findall(r"@(\w+)", self.sql)}
        name, n = base, 1
        while name.lower() in taken or (name in self.params and (type(self.params[name]), self.params[name]) != (type(value), value)):
            n += 1
            name = f"{base}_{n}"
        self.params[name] = value
        return name

    def _roles(self, text: str) -> Mapping[int, str]:
        """What each bare slot is: a value or a name, by the place of its marker in the syntax tree."""
        import sqlglot
        from sqlglot import exp
        from sqlglot.errors import SqlglotError

        try:
            trees = [tree for tree in sqlglot.parse(text, read="bigquery") if tree is not None]
        except (SqlglotError, RecursionError):
            try:
                trees = [sqlglot.parse_one(f"SELECT {text}", read="bigquery")]
            except (SqlglotError, RecursionError):
                raise SqlError("the SQL cannot be read with these placeholders in it", where=self.where,
                               fix="A placeholder may stand for a value or for a name") from None
        roles: dict[int, str] = {}
        for tree in trees:
            for node in tree.find_all(exp.Identifier):
                found = re.fullmatch(rf"{self.mark}([0-9]+)_", node.name, re.IGNORECASE)
                if found:
                    parent = node.parent
                    alone = isinstance(parent, exp.Column) and not parent.args.get("table") and not node.args.get("quoted")
                    roles[int(found[1])] = "value" if alone else "name"
        return roles

    def _placed(self, number: int, roles: Mapping[int, str]) -> str:
        name = self.slots[number]
        if number not in roles:
            raise self._refuse(f"{{{name}}} stands where neither a value nor a name may stand",
                               "Put it in quotes (a value) or backquotes (a name)")
        if roles[number] == "name":
            return self._name(name, NAME_PART)
        value = self.values[name]
        if isinstance(value, str) and ISO_DATE.match(value):
            value = self._day(value)
        return f"@{self._param(name, value)}"

    @staticmethod
    def _day(value: str) -> Any:
        try:
            return date.fromisoformat(value)
        except ValueError:
            return value

    def _name(self, name: str, form: re.Pattern[str]) -> str:
        value = as_text(self.values[name])
        if not form.match(value):
            raise self._refuse(f"{{{name}}} stands for a name, and {clip(value)!r} is none", "Use letters, digits and '_'")
        return value

    def _refuse(self, what: str, fix: str) -> SqlError:
        return SqlError(what, where=self.where, fix=fix, verdict="refused", code="unsafe_placeholder")
