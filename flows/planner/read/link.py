"""Links words to the catalogue: longest phrase first, then near spellings, and never a verb that only looks like a table."""

from __future__ import annotations

import re

from flows.planner.lexicon import Meaning, key
from flows.planner.read.text import KNOWN, SHAPES, Mention, Text, Unit
from flows.planner.read.tokens import Token
from flows.planner.read.words import (
    CURRENCIES,
    DAYS,
    FUNCTION,
    GLUE,
    MONTHS,
    MOVING,
    NUMBERS,
    ORDINALS,
    POLARITY,
    QUANTITY,
    TENS,
    UNITS,
    VESSELS,
)

# a word of the catalogue that is a command here: (word, what must stand before it, what must stand after it)
COMMANDS = [
    (re.compile(w), re.compile(b), re.compile(a))
    for w, b, a in (
        (
            r"store|stores|stock|ship|shop",
            r"^$|[,;.:)]$|\b(?:and|then|to|please|you|we|it|also|result|results|them)$",
            r"^(?:it|them|this|that|the|these|those|everything|all|in|into|to|as|at|under|inside|result|results|data)\b",
        ),
        (r"store|ship|stock", r"^$|[.;:]$|\b(?:and|then|to|please|,)$", r"^(?:<|[a-z]+ )"),
        (r"store", r"[a-z]$", r"^(?:it|them|this|that|everything|in|into|as) "),
        (r"email|e mail", r"", r"^(?:me|us|to )?\s*(?:the team )?<e>"),
        (r"email", r"\b(?:an|send|sends|via|by|per)$", r"^(?:to|if|when|on|at|alert|message|notification)\b|^<e>"),
        (r"email|page", r"^$|[,;.:]$|\b(?:and|then|please)$", r"^(?:me|us|the team|someone|ops|on call|oncall)\b"),
        (r"order", r"[a-z,;]$|^$", r"^(?:it |them |the (?:rows|result|results|output) )?by\b"),
        (r"cost|costs", r"\b(?:that|which|who|they)$", r"^(?:more|less|over|under|at least|at most|above|below|\d)"),
        (r"model|page|project|org|session|sessions", r"\b(?:to|will|data)$", r"^(?:it|this|the)\b"),
        (r"view|click", r"^$|[,;.:]$|\b(?:to|please|a)$", r"^(?:the|all|my|our|in|on)\b"),
        (r"total|totals", r"\b(?:running|cumulative|rolling|in|grand)$", r""),
        (r"total", r"", r"^(?:of|up|the|number|count|sum|amount|revenue|quantity|<)"),
        (r"open", r"\b(?:to|please)$", r""),
        (r"items", r"\b(?:following|these)$", r""),
        (r"date|dates", r"\b(?:up to|to|out of|due)$", r""),
        (r"rest", r"\bthe$", r"^(?!api|endpoint|service)"),
        (r"returns", r"\bthat$", r"^(?:the|all|a)\b"),
        (r"account", r"\b(?:into|take)$", r""),
        (r"us|american|british|swiss", r"", r"^(?:dollars?|pounds?|francs?|usd|gbp|chf)\b"),
        (r"user|users", r"\b(?:so|the|our|for)$", r"^(?:can|could|need|needs|want|wants|see)\b"),
    )
]


def link(text: Text, tokens: list[Token], *, names: bool = True) -> None:
    """Fill `text.units`, `text.mentions`, `text.literals` and `text.typos`; without `names` only pipelines are looked for."""
    n = 0
    while n < len(tokens):
        size = (_phrase(text, tokens, n) or _known(text, tokens, n)) if names else _flow(text, tokens, n)
        if not size:
            token = tokens[n]
            if token.kind in SHAPES:
                _special(text, token)
            else:
                text.units.append(Unit(token.start, token.end, _word(text, token), words=token.word))
            size = 1
        n += size


def _special(text: Text, token: Token) -> None:
    raw = token.word
    if token.kind == "quote":
        raw = raw[1:-1]
        if (found := text.lexicon.phrases.get(key(raw))) and not any(m.kind == "v" for m in found):
            _mention(text, token.start, token.end, key(raw), found)
            return
    elif token.kind == "name" and (meanings := _dotted(text, raw)):
        _mention(text, token.start, token.end, raw, meanings)
        return
    text.literals.append(raw)
    text.units.append(Unit(token.start, token.end, f"<{SHAPES[token.kind]}:{len(text.literals) - 1}>", words=token.word))


def _dotted(text: Text, raw: str) -> tuple[Meaning, ...]:
    """orders.amount is a column when the catalogue has it."""
    table, _, column = raw.rpartition(".")
    found = [m for m in text.lexicon.phrases.get(key(table), ()) if m.kind == "t"]
    return tuple(Meaning("c", m.table, column) for m in found if column in text.lexicon.catalog.tables[m.table].columns)


def _mention(text: Text, start: int, end: int, words: str, meanings: tuple[Meaning, ...]) -> None:
    kinds = {m.kind for m in meanings}
    tag = "".join(k if k in kinds else "-" for k in "tcv")
    text.mentions.append(Mention(len(text.mentions), start, end, words, meanings))
    text.units.append(Unit(start, end, f"<{tag}:{len(text.mentions) - 1}>", words=words))


def _joined(tokens: list[Token], n: int, size: int) -> str:
    """The words of some tokens as one phrase; empty when a sign other than a hyphen stands between them."""
    parts = []
    for at in range(n, n + size):
        token = tokens[at]
        if token.kind in ("word", "number", "rest"):
            parts.append(token.word)
        elif token.word in ("-", "/") and at > n and tokens[at - 1].end == token.start:
            continue
        else:
            return ""
    return "" if tokens[n].word == "-" or tokens[n + size - 1].word == "-" else key(" ".join(parts))


def _phrase(text: Text, tokens: list[Token], n: int) -> int:
    """Size of the longest phrase of the catalogue that starts here; it becomes a mention."""
    if tokens[n].kind not in ("word", "number", "rest"):
        return 0
    for size in range(min(text.lexicon.longest * 2, len(tokens) - n), 0, -1):
        phrase = _joined(tokens, n, size)
        if not phrase or phrase.isdigit():
            continue
        found = text.lexicon.phrases.get(phrase)
        kind = (
            "k"
            if phrase in text.lexicon.connections and not _command(tokens, n, size, phrase)
            else "p"
            if phrase in text.lexicon.pipelines and size > 1
            else ""
        )
        if kind and not (found and size == 1 and kind == "p"):
            name = (text.lexicon.connections if kind == "k" else text.lexicon.pipelines)[phrase]
            text.literals.append(name)
            text.units.append(Unit(tokens[n].start, tokens[n + size - 1].end, f"<{kind}:{len(text.literals) - 1}>", words=phrase))
            if found and kind == "p":
                _also(text, found, phrase)
            return size
        if found and not _command(tokens, n, size, phrase) and not _pronoun(text, tokens, n, phrase):
            more, words = _own_column(text, tokens, n + size, found)
            if more:
                _mention(text, tokens[n].start, tokens[n + size + more - 1].end, words, more_meanings(text, words, found))
                return size + more
            _mention(text, tokens[n].start, tokens[n + size - 1].end, phrase, found)
            return size
    return 0


PRONOUN_AFTER = frozenset(
    [
        "give",
        "show",
        "tell",
        "send",
        "let",
        "bring",
        "get",
        "build",
        "make",
        "provide",
        "email",
        "mail",
        "notify",
        "alert",
        "ping",
        "for",
        "to",
        "of",
        "by",
        "with",
        "help",
        "allow",
    ]
)


def _pronoun(text: Text, tokens: list[Token], n: int, phrase: str) -> bool:
    """`us` is a country only where it is written like one or stands before a table."""
    if phrase not in FUNCTION or text.raw[tokens[n].start : tokens[n].end].isupper():
        return False
    before = tokens[n - 1].word if n else ""
    after = text.lexicon.phrases.get(tokens[n + 1].word, ()) if n + 1 < len(tokens) else ()
    return before in PRONOUN_AFTER or not any(m.kind == "t" for m in after)


def _own_column(text: Text, tokens: list[Token], n: int, found: tuple[Meaning, ...]) -> tuple[int, str]:
    """`store region`, `customer country`: a table and, right behind it, a column of it are one name."""
    tables = {m.table for m in found if m.kind == "t"}
    if not tables or any(m.kind == "c" for m in found):
        return 0, ""
    for size in range(min(4, len(tokens) - n), 0, -1):
        phrase = _joined(tokens, n, size) if tokens[n].kind == "word" else ""
        here = text.lexicon.phrases.get(phrase, ())
        if here and any(m.kind == "c" and m.table in tables for m in here):
            return (0, "") if any(m.kind != "c" for m in here) or _command(tokens, n, size, phrase) else (size, phrase)
    return 0, ""


def more_meanings(text: Text, words: str, found: tuple[Meaning, ...]) -> tuple[Meaning, ...]:
    tables = {m.table for m in found if m.kind == "t"}
    return tuple(m for m in text.lexicon.phrases[words] if m.kind == "c" and m.table in tables)


def _flow(text: Text, tokens: list[Token], n: int) -> int:
    """Size of the name of a pipeline that starts here."""
    for size in range(min(text.lexicon.longest * 2, len(tokens) - n), 0, -1):
        phrase = _joined(tokens, n, size) if tokens[n].kind in ("word", "number", "rest") else ""
        if phrase in text.lexicon.pipelines:
            text.literals.append(text.lexicon.pipelines[phrase])
            text.units.append(Unit(tokens[n].start, tokens[n + size - 1].end, f"<p:{len(text.literals) - 1}>", words=phrase))
            return size
    return 0


def _also(text: Text, found: tuple[Meaning, ...], phrase: str) -> None:
    """A pipeline whose name is a table, too (openai usage): the readers of runs and of tables both find it."""
    unit = text.units[-1]
    text.units.pop()
    text.literals.pop()
    _mention(text, unit.start, unit.end, phrase, found)


def _command(tokens: list[Token], n: int, size: int, phrase: str) -> bool:
    if not any(w.fullmatch(phrase) for w, _, _ in COMMANDS):
        return False
    before = " ".join(t.word for t in tokens[max(0, n - 3) : n])
    shown = ["<e>" if t.kind == "mail" else "<" if t.kind == "name" else t.word for t in tokens[n + size : n + size + 4]]
    after = " ".join(shown)
    return any(w.fullmatch(phrase) and b.search(before) and a.search(after) for w, b, a in COMMANDS)


def _known(text: Text, tokens: list[Token], n: int) -> int:
    """A misspelled word of the catalogue becomes what it means, with a note; 1 if it was one."""
    token = tokens[n]
    if token.kind != "word" or len(token.word) < 4 or plain(token.word) or not token.word.isalpha():
        return 0
    near = _near(token.word, text.lexicon.single)
    if not near:
        return 0
    better = _near(token.word, tuple(KNOWN | MOVING | VESSELS))
    if better and _distance(token.word, better) < _distance(token.word, near):
        return 0
    text.typos.append((token.word, near, (token.start, token.end)))
    _mention(text, token.start, token.end, near, text.lexicon.phrases[near])
    return 1


def _word(text: Text, token: Token) -> str:
    """A word as patterns see it: a misspelled command word is corrected, with a note."""
    word = token.word.replace("<", "lt").replace(">", "gt") if token.kind not in ("sign",) else _sign(token.word)
    if token.kind != "word" or len(word) < 4 or plain(word) or not word.isalpha() or not word.isascii():
        return word
    near = _near(word, tuple(w for w in KNOWN | MOVING if len(w) >= 4), keyword=True)
    if near:
        text.typos.append((token.word, near, (token.start, token.end)))
        return near
    return word


def _sign(word: str) -> str:
    return {"<": "lt", ">": "gt", "<=": "lte", ">=": "gte", "!=": "neq"}.get(word, word)


COMMON = (
    FUNCTION
    | GLUE
    | VESSELS
    | MOVING
    | POLARITY
    | QUANTITY
    | set(NUMBERS)
    | set(TENS)
    | set(ORDINALS)
    | set(MONTHS)
    | set(DAYS)
    | set(UNITS)
    | set(CURRENCIES)
)


def plain(word: str) -> bool:
    """Is it an ordinary word or command that must not be taken for a misspelled name?"""
    if word in COMMON or word in KNOWN:
        return True
    return any(
        word.endswith(end) and (word[: -len(end)] in KNOWN or word[: -len(end)] + "e" in KNOWN) for end in ("s", "es", "ed", "ing", "ly")
    )


def _near(word: str, known: tuple[str, ...], *, keyword: bool = False) -> str:
    """The closest known word with the same first letter, or nothing: one slip up to 7 letters, two above."""
    if not known:
        return ""
    allowed = 1 if len(word) < 8 else 2
    found = [(d, k) for k in known if k[0] == word[0] and abs(len(k) - len(word)) <= allowed and (d := _distance(word, k)) <= allowed]
    found = [(d, k) for d, k in found if len(word) > 5 or _slip(word, k, keyword)]
    return min(found)[1] if found else ""


def _slip(word: str, other: str, keyword: bool) -> bool:
    """Short words: only a lost, doubled or swapped letter, or one vowel for another, and the same last letter."""
    if word[-1] != other[-1] or len(other) < 4:
        return False
    if len(word) != len(other):
        return not keyword or len(word) < len(other) or len(word) >= 5
    wrong = [(a, b) for a, b in zip(word, other, strict=True) if a != b]
    return len(wrong) == 2 or (not keyword and all(a in "aeiouy" and b in "aeiouy" for a, b in wrong))


def _distance(word: str, other: str) -> int:
    from rapidfuzz.distance import OSA

    return int(OSA.distance(word, other, score_cutoff=2))
