"""BigQuery SQL as tokens with their places: strings, comments and quoted names whole, so that a keyword in them is none."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flows.errors import SqlError

_TOKEN = re.compile(r"""
    (?P<space>\s+|\#[^\n]*|--[^\n]*|/\*.*?\*/)
  | (?P<string>(?:(?P<raw>[rR][bB]?|[bB][rR])|[bB])?(?P<quote>\"\"\"|'''|"|'))
  | (?P<name>`(?:[^`\\]|\\.)+`)
  | (?P<system>@@[A-Za-z_][\w.]*)
  | (?P<param>@[A-Za-z_]\w*)
  | (?P<word>[^\W\d]\w*)
  | (?P<number>\.?\d[\w.]*)
  | (?P<sign>.)
""", re.VERBOSE | re.DOTALL)


@dataclass(frozen=True)
class Token:
    """A word, name (in backticks), string, number, sign, param (@x) or system (@@x); `start` and `end` are offsets in the text."""

    kind: str
    text: str
    start: int
    end: int
    line: int

    @property
    def word(self) -> str:
        """The keyword it may be, in capitals; '' for everything but a bare word."""
        return self.text.upper() if self.kind == "word" else ""

    @property
    def name(self) -> str:
        """What an identifier names, without its backticks."""
        return self.text[1:-1] if self.kind == "name" else self.text


def tokens(text: str) -> list[Token]:
    """All tokens; comments and space are left out. Raises SqlError for a string or comment without an end."""
    found, at, line = [], 0, 1
    while at < len(text):
        match = _TOKEN.match(text, at)
        assert match is not None  # `sign` takes any character
        kind, end = str(match.lastgroup), match.end()
        if match["string"]:
            kind, end = "string", _closed(text, match, line)
        elif match[0] == "`" or (match[0] == "/" and text.startswith("/*", at)):
            raise SqlError("a quoted name has no end" if match[0] == "`" else "a comment has no end", line=line, column=_column(text, at))
        if kind != "space":
            found.append(Token(kind, text[at:end], at, end, line))
        line += text.count("\n", at, end)
        at = end
    return found


def _closed(text: str, match: re.Match[str], line: int) -> int:
    """Where a string ends."""
    quote = match["quote"]
    at = match.end()
    while not text.startswith(quote, at):
        if at >= len(text) or (len(quote) == 1 and text[at] == "\n"):
            raise SqlError("a string has no end", line=line, column=_column(text, match.start()))
        at += 2 if text[at] == "\\" else 1
    return at + len(quote)


def _column(text: str, at: int) -> int:
    return at - text.rfind("\n", 0, at)


def normal(text: str) -> str:
    """The text without comments, and every space the same: what stays the same when only its looks change."""
    return " ".join(token.text for token in tokens(text))
