"""Cuts a text into tokens that keep their place in it: words, numbers, names of tables, files, addresses, quoted values."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flows.planner.read.words import NUMBERS, SCALES, TENS

# every repetition is bounded or over one class of characters, so that no input takes more than linear time
TOKEN = re.compile(
    r"""
    (?P<quote>"[^"\n]{1,200}"|“[^”\n]{1,200}”|`[^`\n]{1,200}`|(?<![\w])'[^'\n]{1,200}'(?!\w))
  | (?P<mail>[A-Za-z0-9_.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5})
  | (?P<url>(?:https?|gs|s3|sftp|ftp)://[^\s,;"']{1,300}[^\s,;"'.)])
  | (?P<file>(?:[\w-]{1,60}[./]){0,8}[\w-]{1,60}\.(?:csv|xlsx?|parquet|jsonl?|txt|ndjson)\b)
  | (?P<channel>\#[A-Za-z][\w-]{0,79})
  | (?P<date>\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d)?[Zz]?)?(?!\d))
  | (?P<time>\d{1,2}:\d\d(?::\d\d)?(?!\d))
  | (?P<number>\d{1,3}(?:,\d{3}){1,5}(?:\.\d{1,12})?(?!\d)|\d{1,18}(?:\.\d{1,12})?)
  | (?P<zone>(?:Europe|America|Asia|Africa|Australia|Pacific|Atlantic|Indian|Antarctica|Etc)/[A-Za-z_]{1,30}(?:/[A-Za-z_]{1,30})?)
  | (?P<name>[A-Za-z_][\w-]{0,80}(?:\.[A-Za-z_]\w{0,80}){1,2}(?!\w))
  | (?P<word>[^\W\d_]{1,40}(?:['’][^\W\d_]{1,8})?(?!\w)|[^\W\d]\w{0,80})
  | (?P<sign>>=|<=|!=|<>|==|\|\||->|=>|→|[^\s\w])
  | (?P<rest>\w{1,80})
""",
    re.X,
)

SIGNS = {
    "→": "to",
    "->": "to",
    "=>": "to",
    "≥": ">=",
    "≤": "<=",
    "≠": "!=",
    "==": "=",
    "<>": "!=",
    "×": "*",
    "–": "-",
    "—": "-",
    "&": "and",
    "’": "'",
}
CONTRACTED = {
    "isn't": "is not",
    "aren't": "are not",
    "don't": "do not",
    "doesn't": "does not",
    "wasn't": "was not",
    "can't": "can not",
    "cannot": "can not",
    "shouldn't": "should not",
    "won't": "will not",
    "mustn't": "must not",
    "haven't": "have not",
    "hasn't": "has not",
    "didn't": "did not",
    "weren't": "were not",
}


@dataclass(slots=True)
class Token:
    """`word` is what patterns see, `kind` the group that matched; start and end are places in the raw text."""

    start: int
    end: int
    word: str
    kind: str


def tokenize(text: str) -> list[Token]:
    """The tokens of a text, number words and 1,000 as digits, `don't` as two words on the same span."""
    found: list[Token] = []
    for m in TOKEN.finditer(text):
        kind, raw = str(m.lastgroup), m.group()
        if kind == "name":
            found += _name(m.start(), raw)
        elif kind in ("word", "rest"):
            found += _words(m.start(), raw)
        else:
            found.append(Token(m.start(), m.end(), _plain(kind, raw), kind))
    return _numbers(_meridian(found))


def _plain(kind: str, raw: str) -> str:
    if kind == "number":
        return raw.replace(",", "")
    if kind == "sign":
        return SIGNS.get(raw, raw)
    return raw.lower() if kind in ("time", "date") else raw


def _name(start: int, raw: str) -> list[Token]:
    """`mart.orders` is one name; `warehouse.Then` is a full stop without a space, `e.g.` and `a.m` are words."""
    parts = raw.split(".")
    if raw.lower() in ("e.g", "i.e", "a.m", "p.m"):
        return [Token(start, start + len(raw), raw.lower().replace(".", ""), "word")]
    if any(p[:1].isupper() and p[1:].islower() for p in parts[1:]) and not parts[0][:1].isupper():
        out, at = [], start
        for n, part in enumerate(parts):
            out += _words(at, part)
            at += len(part)
            if n < len(parts) - 1:
                out.append(Token(at, at + 1, ".", "sign"))
                at += 1
        return out
    return [Token(start, start + len(raw), raw, "name")]


def _words(start: int, raw: str) -> list[Token]:
    end, low = start + len(raw), raw.lower().replace("’", "'")
    if low in CONTRACTED:
        return [Token(start, end, w, "word") for w in CONTRACTED[low].split()]
    if low.endswith("'s") and low not in ("it's", "that's", "what's", "there's", "let's", "here's"):
        low = low[:-2]
    return [Token(start, end, low, "word")]


def _meridian(tokens: list[Token]) -> list[Token]:
    """`6 a . m .` and `6 AM` read the same; `rd` of 3rd stays a word."""
    out: list[Token] = []
    n = 0
    while n < len(tokens):
        words = [t.word for t in tokens[n : n + 4]]
        if (
            out
            and out[-1].kind in ("number", "time")
            and words[0] in ("a", "p", "am", "pm")
            and (words[:3] in (["a", ".", "m"], ["p", ".", "m"]) or words[0] in ("am", "pm"))
        ):
            dotted = words[1:2] == ["."] and len(words[0]) == 1
            size = (4 if words[3:4] == ["."] else 3) if dotted else 1
            if not dotted and words[1:2] == ["."] and n + 1 < len(tokens) and tokens[n].end - tokens[n].start > 2:
                size = 2
            out.append(Token(tokens[n].start, tokens[n + size - 1].end, words[0][0] + "m", "word"))
            n += size
            continue
        out.append(tokens[n])
        n += 1
    return out


def _numbers(tokens: list[Token]) -> list[Token]:
    out: list[Token] = []
    n = 0
    while n < len(tokens):
        value, size = _spelled(tokens, n)
        if size:
            out.append(Token(tokens[n].start, tokens[n + size - 1].end, f"{value:g}" if value < 1e6 else str(int(value)), "number"))
            n += size
        else:
            out.append(tokens[n])
            n += 1
    return out


def _spelled(tokens: list[Token], n: int) -> tuple[float, int]:
    """The number that starts here and how many tokens it has; `one` alone stays a word (one of, one row per)."""
    word = tokens[n].word
    if tokens[n].kind == "number":
        value, size = float(word), 1
        scale = tokens[n + 1] if n + 1 < len(tokens) else None
        if scale and (scale.word in ("thousand", "million", "billion") or (scale.word == "k" and scale.start == tokens[n].end)):
            return value * SCALES[scale.word], 2
        return (value, size) if value < 1e6 and "." not in word else (0, 0)
    if tokens[n].kind != "word" or (word not in NUMBERS and word not in TENS):
        return 0, 0
    following = [t.word for t in tokens[n + 1 : n + 4]]
    if word in TENS:
        skip = 1 if following[:1] == ["-"] else 0
        ones = NUMBERS.get(following[skip], 0) if len(following) > skip else 0
        value, size = (TENS[word] + ones, 2 + skip) if 0 < ones < 10 else (TENS[word], 1)
    else:
        value, size = NUMBERS[word], 1
    if n + size < len(tokens) and tokens[n + size].word in ("hundred", "thousand", "million"):
        return value * SCALES[tokens[n + size].word], size + 1
    return (value, size) if word != "one" else (0, 0)
