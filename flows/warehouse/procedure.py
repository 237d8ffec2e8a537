"""BigQuery's procedural language, read into the tree of `nodes`; sqlglot reads only the expressions and statements inside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from flows.errors import LimitError, SqlError
from flows.warehouse.lexer import Token, tokens
from flows.warehouse.nodes import (
    Argument,
    Assert,
    Block,
    Call,
    Choice,
    Declare,
    Drop,
    Execute,
    Loop,
    Node,
    Piece,
    Plain,
    Raise,
    Routine,
    SetTo,
    Word,
)

DEPTH = 50  # BigQuery's bound for blocks in blocks and for calls in calls
SAME = {"BREAK": "LEAVE", "CONTINUE": "ITERATE"}
STATEMENTS = frozenset({"DECLARE", "SET", "IF", "CASE", "BEGIN", "COMMIT", "ROLLBACK", "LEAVE", "ITERATE", "RETURN",
                        "RAISE", "ASSERT", "CALL", "EXECUTE", "LOOP", "WHILE", "REPEAT", "FOR"})


def parse(text: str) -> tuple[Node, ...]:
    """The statements of a script. Raises SqlError with the line: invalid, or refused for what only BigQuery runs."""
    from flows.warehouse.guard import MAX_CHARS

    if len(text) > MAX_CHARS:
        raise LimitError(f"the statement has {len(text):,} characters, {MAX_CHARS:,} are allowed", fix="Load long lists as a table")
    return _Parser(text).script()


@dataclass
class _Around:
    """What a statement stands in."""

    loops: int = 0
    handlers: int = 0
    depth: int = 0


@dataclass
class _Parser:
    text: str
    at: int = 0
    around: _Around = field(default_factory=_Around)

    def __post_init__(self) -> None:
        self.found = tokens(self.text)

    # ---------------------------------------------------------------- tokens
    def peek(self, ahead: int = 0) -> Token:
        place = self.at + ahead
        if place < len(self.found):
            return self.found[place]
        return Token("end", "", len(self.text), len(self.text), self.found[-1].line if self.found else 1)

    def next(self) -> Token:
        token = self.peek()
        self.at += 1
        return token

    def take(self, *words: str) -> bool:
        """Step over these words if they are next."""
        if all(self._is(n, word) for n, word in enumerate(words)):
            self.at += len(words)
            return True
        return False

    def _is(self, ahead: int, word: str) -> bool:
        token = self.peek(ahead)
        return token.word == word or (token.kind == "sign" and token.text == word)

    def need(self, *words: str) -> None:
        if not self.take(*words):
            raise self.wrong(f"{' '.join(words)} is expected")

    def wrong(self, what: str) -> SqlError:
        token = self.peek()
        here = f"here is {token.text[:40]!r}" if token.kind != "end" else "here the text ends"
        return SqlError(f"this is not a statement: {what}, {here}", line=token.line, column=self._column(token))

    def _column(self, token: Token) -> int:
        return token.start - self.text.rfind("\n", 0, token.start)

    def identifier(self, what: str) -> str:
        token = self.next()
        if token.kind not in ("word", "name"):
            self.at -= 1
            raise self.wrong(f"{what} is expected")
        return token.name

    def path(self) -> tuple[str, ...]:
        """A name with dots, bare (its first part may have dashes) or in backticks, whole or in parts."""
        token = self.peek()
        parts = self.identifier("a name").split(".")
        while token.kind == "word" and self._is(0, "-") and self.peek(1).kind in ("word", "number"):
            self.at += 1
            parts[-1] += "-" + self.next().text
        while self.take("."):
            parts += self.identifier("a name").split(".")
        return tuple(parts)

    def piece(self, start: int, end: int) -> Piece:
        """The text from one token up to before another."""
        if start >= end:
            raise self.wrong("an expression is expected")
        first, last = self.found[start], self.found[end - 1]
        return Piece(self.text[first.start:last.end], first.line, self._column(first))

    def until(self, *stops: str) -> Piece:
        """Up to the first of these words outside brackets and CASE ... END; the stop is not taken."""
        start, depth, cases = self.at, 0, 0
        while (token := self.peek()).kind != "end":
            sign = token.text if token.kind == "sign" else ""
            if depth == 0 and cases == 0 and (token.word or sign) in stops and not (token.word and self._after_dot()):
                break
            if sign == ";":
                break
            depth += (sign in ("(", "[")) - (sign in (")", "]"))
            if depth < 0:
                break
            cases += (token.word == "CASE") - (token.word == "END" and cases > 0)
            self.at += 1
        return self.piece(start, self.at)

    def _after_dot(self) -> bool:
        return self.at > 0 and self.found[self.at - 1].text == "."

    # ---------------------------------------------------------------- statements
    def script(self) -> tuple[Node, ...]:
        body = self.body()
        if self.peek().kind != "end":
            raise self.wrong("a statement is expected")
        return body

    def body(self, *stops: str, declares: bool = True) -> tuple[Node, ...]:
        """Statements up to one of these words, which is not taken."""
        made: list[Node] = []
        while True:
            while self.take(";"):
                pass
            token = self.peek()
            if token.kind == "end" or token.word in stops:
                return tuple(made)
            node = self.statement()
            if isinstance(node, Declare) and (not declares or any(not isinstance(before, Declare) for before in made)):
                raise SqlError("DECLARE stands before every other statement of a script or block", line=node.line,
                               fix="Move it to the start")
            made.append(node)
            if self.peek().kind != "end" and not self.take(";"):
                raise self.wrong("; is expected")

    def statement(self) -> Node:
        token = self.peek()
        if token.kind in ("word", "name") and self._is(1, ":"):
            raise self.refused("a label")
        word = SAME.get(token.word, token.word)
        make: Callable[[int], Node] | None = getattr(self, f"_{word.lower()}", None) if word in STATEMENTS else None
        if token.word == "CREATE" and self._creates("PROCEDURE"):
            make = self._procedure
        if token.word == "DROP" and self.peek(1).word == "PROCEDURE":
            make = self._drop
        if make is None:
            return Plain(token.line, self.until())
        self.around.depth += 1
        if self.around.depth > DEPTH + 1:
            raise SqlError(f"blocks stand more than {DEPTH} deep", line=token.line, code="limit", fix="Move a part into a procedure")
        self.at += 1
        node = make(token.line)
        self.around.depth -= 1
        return node

    def refused(self, what: str) -> SqlError:
        line = self.peek().line
        return SqlError(f"{what} is not offered by the local warehouse", verdict="refused", code="bigquery_only", line=line,
                        where=f"line {line}", fix="Write it another way, or run it on BigQuery")

    def _creates(self, what: str) -> bool:
        """Whether CREATE [OR REPLACE] is followed by this word."""
        return self.peek(3 if self._is(1, "OR") and self._is(2, "REPLACE") else 1).word == what

    def _declare(self, line: int) -> Node:
        names = [self.identifier("the name of a variable")]
        while self.take(","):
            names.append(self.identifier("the name of a variable"))
        if self.peek().word == "CURSOR":
            raise self.refused("a cursor")
        kind = "" if self.peek().word == "DEFAULT" else self.until("DEFAULT").text
        default = self.until() if self.take("DEFAULT") else None
        return Declare(line, tuple(names), kind, default)

    def _set(self, line: int) -> Node:
        if self.peek().kind == "system":
            raise self.refused(f"SET {self.peek().text}")
        together = self.take("(")
        names = [self.identifier("the name of a variable")]
        while together and self.take(","):
            names.append(self.identifier("the name of a variable"))
        if together:
            self.need(")")
        self.need("=")
        return SetTo(line, tuple(names), self.until(), together)

    def _if(self, line: int) -> Node:
        arms, otherwise = [self._arm("ELSEIF", "ELSE", "END")], tuple[Node, ...]()
        while self.take("ELSEIF"):
            arms.append(self._arm("ELSEIF", "ELSE", "END"))
        if self.take("ELSE"):
            otherwise = self.body("END", declares=False)
        self.need("END", "IF")
        return Choice(line, tuple(arms), otherwise)

    def _arm(self, *stops: str) -> tuple[Piece, tuple[Node, ...]]:
        condition = self.until("THEN")
        self.need("THEN")
        return condition, self.body(*stops, declares=False)

    def _case(self, line: int) -> Node:
        of = None if self.peek().word == "WHEN" else self.until("WHEN")
        arms, otherwise = [], tuple[Node, ...]()
        while self.take("WHEN"):
            arms.append(self._arm("WHEN", "ELSE", "END"))
        if not arms:
            raise self.wrong("WHEN is expected")
        if self.take("ELSE"):
            otherwise = self.body("END", declares=False)
        self.need("END", "CASE")
        return Choice(line, tuple(arms), otherwise, of)

    def _inside(self, *stops: str) -> tuple[Node, ...]:
        self.around.loops += 1
        body = self.body(*stops, declares=False)
        self.around.loops -= 1
        return body

    def _loop(self, line: int) -> Node:
        body = self._inside("END")
        self.need("END", "LOOP")
        return Loop(line, body)

    def _while(self, line: int) -> Node:
        before = self.until("DO")
        self.need("DO")
        body = self._inside("END")
        self.need("END", "WHILE")
        return Loop(line, body, before=before)

    def _repeat(self, line: int) -> Node:
        body = self._inside("UNTIL")
        self.need("UNTIL")
        until = self.until("END")
        self.need("END", "REPEAT")
        return Loop(line, body, until=until)

    def _for(self, line: int) -> Node:
        name = self.identifier("the name of a variable")
        self.need("IN", "(")
        rows = self.until(")")
        self.need(")")
        self.need("DO")
        body = self._inside("END")
        self.need("END", "FOR")
        return Loop(line, body, name=name, rows=rows)

    def _begin(self, line: int) -> Node:
        if self.take("TRANSACTION") or self._is(0, ";") or self.peek().kind == "end":
            return Word(line, "BEGIN")
        body, handler = self.body("EXCEPTION", "END"), None
        if self.take("EXCEPTION"):
            self.need("WHEN", "ERROR", "THEN")
            self.around.handlers += 1
            handler = self.body("END", declares=False)
            self.around.handlers -= 1
        self.need("END")
        return Block(line, body, handler)

    def _commit(self, line: int) -> Node:
        self.take("TRANSACTION")
        return Word(line, "COMMIT")

    def _rollback(self, line: int) -> Node:
        self.take("TRANSACTION")
        return Word(line, "ROLLBACK")

    def _leave(self, line: int) -> Node:
        return self._jump(line, "LEAVE")

    def _iterate(self, line: int) -> Node:
        return self._jump(line, "ITERATE")

    def _jump(self, line: int, word: str) -> Node:
        if self.peek().kind in ("word", "name"):
            raise self.refused("a label")
        if not self.around.loops:
            raise SqlError(f"{word} stands outside of a loop", line=line)
        return Word(line, word)

    def _return(self, line: int) -> Node:
        return Word(line, "RETURN")

    def _raise(self, line: int) -> Node:
        if self.take("USING", "MESSAGE", "="):
            return Raise(line, self.until())
        if not self.around.handlers:
            raise SqlError("RAISE without a message stands only in EXCEPTION", line=line, fix="Write RAISE USING MESSAGE = '...'")
        return Raise(line, None)

    def _assert(self, line: int) -> Node:
        condition = self.until("AS")
        if not self.take("AS"):
            return Assert(line, condition, "")
        token = self.next()
        if token.kind != "string":
            raise self.wrong("the text of the assertion is expected")
        return Assert(line, condition, token.text)

    def _call(self, line: int) -> Node:
        path, args = self.path(), []
        self.need("(")
        while not self.take(")"):
            args.append(self.until(",", ")"))
            if not self.take(",") and not self._is(0, ")"):
                raise self.wrong(") is expected")
        return Call(line, path, tuple(args))

    def _execute(self, line: int) -> Node:
        self.need("IMMEDIATE")
        text = self.until("INTO", "USING")
        into: list[str] = []
        using: list[tuple[Piece, str]] = []
        while self.take("INTO" if not into else ","):
            into.append(self.identifier("the name of a variable"))
        while self.take("USING" if not using else ","):
            value = self.until("AS", ",")
            using.append((value, self.identifier("a name") if self.take("AS") else ""))
        return Execute(line, text, tuple(into), tuple(using))

    # ---------------------------------------------------------------- procedures
    def _procedure(self, line: int) -> Node:
        start = self.found[self.at - 1].start
        replace = self.take("OR", "REPLACE")
        self.need("PROCEDURE")
        lenient = self.take("IF", "NOT", "EXISTS")
        path, arguments = self.path(), self._arguments()
        options = ""
        if self.take("OPTIONS"):
            self.need("(")
            options = "" if self._is(0, ")") else self.until(")").text
            self.need(")")
        if self.peek().word != "BEGIN":
            raise self.refused("a procedure that is not written in SQL") if self.peek().word in ("WITH", "LANGUAGE", "EXTERNAL") \
                else self.wrong("BEGIN is expected")
        begin = self.next().line
        around, self.around = self.around, _Around(depth=self.around.depth)
        body = self._begin(begin)
        self.around = around
        if not isinstance(body, Block):
            raise SqlError("a procedure has a body: BEGIN ... END", line=begin)
        text = self.text[start:self.found[self.at - 1].end]
        return Routine(line, path, arguments, body, text, replace, lenient, options)

    def _arguments(self) -> tuple[Argument, ...]:
        self.need("(")
        made: list[Argument] = []
        while not self.take(")"):
            mode = self.next().word if self.peek().word in ("IN", "OUT", "INOUT") and self.peek(1).kind in ("word", "name") else "IN"
            name = self.identifier("the name of an argument")
            if self._is(0, "ANY"):
                raise self.refused("an argument of ANY TYPE")
            made.append(Argument(name, self._type(), mode))
            if not self.take(",") and not self._is(0, ")"):
                raise self.wrong(") is expected")
        return tuple(made)

    def _type(self) -> str:
        """A type, with the brackets of ARRAY<...>, STRUCT<...> and NUMERIC(...)."""
        start, depth = self.at, 0
        while (token := self.peek()).kind != "end" and not (depth == 0 and token.text in (",", ")")):
            depth += (token.text in ("<", "(")) - (token.text in (">", ")"))
            self.at += 1
        return self.piece(start, self.at).text

    def _drop(self, line: int) -> Node:
        self.need("PROCEDURE")
        lenient = self.take("IF", "EXISTS")
        return Drop(line, self.path(), lenient)
