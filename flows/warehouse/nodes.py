"""A script of BigQuery's procedural language as plain data: what each statement is, and on which line it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Piece:
    """SQL inside a script: an expression, a query or a statement, with its place in the script's text."""

    text: str
    line: int
    column: int

    @property
    def placed(self) -> str:
        """The text after so many empty lines that every error names the line of the script."""
        return "\n" * (self.line - 1) + " " * (self.column - 1) + self.text


@dataclass(frozen=True)
class Node:
    line: int


@dataclass(frozen=True)
class Plain(Node):
    """One SQL statement."""

    sql: Piece


@dataclass(frozen=True)
class Declare(Node):
    names: tuple[str, ...]
    kind: str
    default: Piece | None


@dataclass(frozen=True)
class SetTo(Node):
    names: tuple[str, ...]
    value: Piece
    together: bool  # SET (a, b) = ...


@dataclass(frozen=True)
class Choice(Node):
    """IF and CASE: the first arm whose condition holds; with `of` the arm that equals it."""

    arms: tuple[tuple[Piece, tuple[Node, ...]], ...]
    otherwise: tuple[Node, ...]
    of: Piece | None = None


@dataclass(frozen=True)
class Loop(Node):
    """LOOP, WHILE (`before`), REPEAT (`until`) and FOR (`name` takes each row of `rows`)."""

    body: tuple[Node, ...]
    before: Piece | None = None
    until: Piece | None = None
    name: str = ""
    rows: Piece | None = None


@dataclass(frozen=True)
class Block(Node):
    body: tuple[Node, ...]
    handler: tuple[Node, ...] | None = None


@dataclass(frozen=True)
class Word(Node):
    """BEGIN TRANSACTION, COMMIT, ROLLBACK, LEAVE, ITERATE, RETURN."""

    word: str


@dataclass(frozen=True)
class Raise(Node):
    message: Piece | None


@dataclass(frozen=True)
class Assert(Node):
    condition: Piece
    message: str


@dataclass(frozen=True)
class Call(Node):
    path: tuple[str, ...]
    args: tuple[Piece, ...]


@dataclass(frozen=True)
class Execute(Node):
    """EXECUTE IMMEDIATE."""

    text: Piece
    into: tuple[str, ...]
    using: tuple[tuple[Piece, str], ...]


@dataclass(frozen=True)
class Argument:
    name: str
    kind: str
    mode: str = "IN"  # IN | OUT | INOUT


@dataclass(frozen=True)
class Routine(Node):
    """CREATE PROCEDURE; `text` is the whole statement, `offset` the lines before it."""

    path: tuple[str, ...]
    arguments: tuple[Argument, ...]
    body: Block
    text: str
    replace: bool = False
    lenient: bool = False  # IF NOT EXISTS
    options: str = ""


@dataclass(frozen=True)
class Drop(Node):
    """DROP PROCEDURE."""

    path: tuple[str, ...]
    lenient: bool


def walk(nodes: tuple[Node, ...]) -> Iterator[Node]:
    """Every node, outer ones first; not into the bodies of procedures."""
    for node in nodes:
        yield node
        if isinstance(node, Choice):
            for _, body in node.arms:
                yield from walk(body)
            yield from walk(node.otherwise)
        elif isinstance(node, Loop):
            yield from walk(node.body)
        elif isinstance(node, Block):
            yield from walk(node.body)
            yield from walk(node.handler or ())
