"""Which rows stay: comparisons, ranges, nulls, lists, periods, and the words that turn them round."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from flows.planner.read.dates import DAY, SPAN, bare_month, one_day, period
from flows.planner.read.draft import Branch, Draft, Leaf, Ref, ref, ref_of, widen
from flows.planner.read.measures import dated
from flows.planner.read.sources import sure_tables
from flows.planner.read.text import Found, P, Text

BE = r"(?: (?:is|are|was|were|be|has|have|being|must be|should be|equals?|that is|which is|of|value|values))*"
MORE = r"(?:more than|greater than|higher than|larger than|bigger than|above|over|exceeds?|exceeding|beyond|in excess of|gt|north of)"
LESS = r"(?:less than|lower than|smaller than|fewer than|below|under|beneath|lt|short of)"
LEAST = (
    r"(?:at least|at the very least|no less than|not less than|minimum|a minimum of|min|gte|greater than or equal to|more than or "
    r"equal to|not below|not under|no lower than|not lower than|from|a minimum)"
)
MOST = (
    r"(?:at most|no more than|not more than|maximum|a maximum of|max|lte|less than or equal to|not above|not over|up to|not "
    r"exceeding|no higher than|not higher than|does not exceed)"
)
COMPARE = rf"(?P<gte>{LEAST})|(?P<lte>{MOST})|(?P<gt>{MORE})|(?P<lt>{LESS})"
MONEY = r"(?: ?(?:usd|eur|gbp|euros?|dollars?|pounds?|\$|€|£|%|percent|units?|pieces|items|tokens|days?))?"
SIGN = r"(?:\$ |€ |£ |usd |eur |gbp )?"
NUMBER = rf"{SIGN}-? ?{{N}}"
COMPARISONS = [
    P(source)
    for source in (
        rf"(?P<c>{{C}}){BE}(?: (?P<no>not|never))?(?: (?:is|be|strictly|a|an|the|value))* (?:{COMPARE}) (?P<n>{NUMBER})(?P<or> or (?:more|"
        rf"higher|above|greater|over)| or (?:less|lower|below|fewer|under))?{MONEY}",
        rf"(?P<c>{{C}}){BE} (?P<n>{NUMBER}){MONEY} (?P<or>or (?:more|higher|above|greater|over)|or (?:less|lower|below|fewer|under)|and "
        r"(?:above|up|over|more)|and (?:below|less))",
        rf"(?:(?:with|having|have|has|of|for|where|whose|an?|the) )*(?:{COMPARE}) (?P<n>{NUMBER}){MONEY}(?: (?:in|of|for|as))?(?: the)? "
        r"(?P<c>{C})",
        rf"(?P<n>{NUMBER}) (?P<or>or (?:more|higher|above|greater)|or (?:less|lower|below|fewer)) (?P<c>{{C}})",
    )
]
BETWEEN = P(
    rf"(?P<c>{{C}}){BE}(?: (?P<no>not|outside|never))?(?: (?:lies|is|in the range|ranges|ranging|in))*(?: (?:between|from|"
    rf"of))+ (?P<a>{NUMBER}){MONEY} (?:and|to|-|through|up to) (?P<b>{NUMBER}){MONEY}",
    "between|from|range| of ",
)
BARE_MONEY = P(
    r"(?P<t>{T})(?: (?:worth|of|with|that are|which are|having|valued|valued at|totall?ing|costing|at|that|which|who|"
    rf"cost|costs|priced|is|are))* (?:{COMPARE}) (?P<n>{NUMBER}){MONEY}(?: (?:in value|each))?"
)
NULLS = [
    P(source)
    for source in (
        r"(?P<c>{C})(?: (?:address|number|value|field|column))?(?: (?:is|are|was|being|has been|have been|be))* (?P<no>not|never|non)(?: "
        r"(?:a|be|being|been))? ?(?:null|nulls|empty|missing|blank|unknown|unset|none|absent)",
        r"(?P<c>{C})(?: (?:address|number|value|field|column))?(?: (?:is|are|was|being|has been|have been))* (?P<null>null|empty|missing|"
        r"blank|unknown|unset|absent|not (?:set|known|given|there|present|filled|filled in|available|provided|specified))",
        r"(?P<c>{C})(?: (?:is|are|was|has been|have been))* (?P<no>set|known|filled|filled in|present|given|available|"
        r"provided|there|exists)",
        r"(?:(?:with|having|have|has|and|who|that|which) )*(?P<null>no|without|without any|without an?|lacking|lacking an?|lack|lack an?|"
        r"missing|missing an?|do not have|do not have an?|does not have|does not have an?|with no|null|empty|blank|not have an?|with "
        r"missing|with an? (?:missing|empty|null|blank)|with (?:empty|null|blank)|have no|has no|having no)(?: (?:a|an|any|known|valid|"
        r"the))* (?P<c>{C})(?: (?:address|number|value|on file|given|set))?",
        r"(?:with|having|have|has|that have|who have)(?: (?:a|an|any))* (?P<no>known|non - null|nonnull|non - empty|valid|given|existing|"
        r"filled) (?P<c>{C})",
    )
]
SIGNED = [
    P(source, "positive|negative|zero")
    for source in (
        r"(?:where|whose|with|having|which have|that have|if|when)(?: (?:the|an?|its|their))* (?P<c>{C})(?: (?:value|field|column))?"
        r"(?: (?:is|are|being|be|of))+ (?P<s>(?:not |non - )?(?:strictly )?(?:positive|negative|zero))",
        r"(?:with|having|of|only|keep|just)(?: (?:an?|the|only|rows|with))* (?P<s>positive|negative|non - negative|non - zero) (?P<c>{C})",
    )
]
SIGN_OF = {"positive": (">", "<="), "negative": ("<", ">="), "zero": ("=", "!=")}
TEXTS = P(
    r"(?P<c>{C})(?: (?:that|which))?(?P<no> (?:do|does) not| not)?(?: (?:is|are))? (?P<op>starts with|start with|starting with|"
    r"begins with|begin with|beginning with|contains?|containing|includes?|like|matching|ends with|end with|ending with|ending "
    r"in|ends in)(?: (?:the|word|text|prefix|letters?|string))* (?P<v>{Q}|{W}|{E}|{N}|<[^>]*>)",
    "start|begin|contain|includ|like|end",
)
WHEN = rf"(?P<day>{DAY})|(?P<span>{SPAN})"
PLACED = (
    r"(?:placed|made|created|dated|ordered|recorded|received|happened|happening|occurred|from|sold|bought|issued|booked|logged|"
    r"entered|taken|done)"
)
BETWEEN_DAYS = P(
    rf"(?:(?P<c>{{C}}|{{V}}|{PLACED})(?: (?:is|are|was|were|date|lies))* )?(?:between|from|for|in the time from|in the "
    rf"range) (?P<a>{DAY}) (?:and|to|until|till|through|up to|-) (?P<b>{DAY})",
    "between|from|for|range",
)
SINCE = P(
    rf"(?:(?P<c>{{C}}|{{V}}|{PLACED}|opened|closed|updated|changed|modified|refunded|paid|signed up|registered|joined)(?: (?:is|"
    r"are|was|were|date|only))* )?(?P<p>since|after|from|before|until|till|up to|on or after|on or before|not before|not after|"
    r"later than|earlier than|no later than|no earlier than|starting|starting from|as of|prior to|by|gte|lte|gt|lt|=|on)(?: "
    rf"the)?(?: (?:beginning|start|first day) of)? (?P<day>{DAY}|(?:19|20)\d\d(?![-\d])|(?:{SPAN}))(?: (?:on|onwards?|onward|and "
    r"later|or later|or earlier))?"
)
DURING = P(
    rf"(?:(?P<c>{{C}}|{{V}}|{PLACED}|opened|closed|updated|changed|modified|refunded|paid|signed up|registered|joined)(?: (?:is|"
    r"are|was|were|date|only|date is))* )?(?:in|within|during|over|from|of|for|on|only|just|out of|throughout)(?: (?:the|only|"
    rf"just))* (?:{WHEN})(?: only)?"
)
NOT_YET = P(
    r"(?:(?:that|which|who|have|has|are|were|is|was|still) )*(?:not|never)(?: yet)? been (?P<w>{V}|{C}|closed|paid|refunded|"
    r"updated|opened|changed)(?: yet| so far)?",
    "been",
)
DONE_WHEN = P(rf"(?P<c>{{C}}|{{V}}|opened|closed|updated|changed|refunded|paid|registered|signed up|created|placed|made) (?:{WHEN})")
POSSESSIVE = P(
    rf"(?:only |just )?(?P<span>(?:last|previous|this|current|yesterday|today) ?(?:week|month|quarter|year)?|{SPAN})"
    r"(?= (?:(?:{V}|{C}|all|new) ){0,3}{T})"
)
OLDER = P(
    r"(?:(?P<c>{C}|opened|created|updated|placed|closed)(?: (?:is|are|was|were))* )?(?P<p>older than|more than|over|newer than|"
    r"younger than|less than|not older than|at most|within|no older than) (?P<n>{N}) (?P<u>days?|weeks?|months?|years?)(?: "
    r"(?:ago|old|back))?",
    "older|ago|old|newer|younger|back",
)
VERBS = {
    "opened": "opened_at",
    "closed": "closed_at",
    "updated": "updated_at",
    "changed": "updated_at",
    "modified": "updated_at",
    "refunded": "refunded_at",
    "paid": "paid_at",
    "registered": "created_at",
    "signed up": "created_at",
    "joined": "created_at",
    "created": "created_at",
}
NEGATORS = re.compile(
    r"(?:^| )(?:exclude|excludes|excluding|excluded|drop|drops|dropping|dropped|without|except|except for|remove|"
    r"removing|removes|ignore|ignoring|ignores|skip|skipping|"
    r"leave out|leaving out|filter out|filtering out|filters out|throw away|throw out|discard|discarding|omit|"
    r"omitting|minus|besides|apart from|other than|no|not|none|reject)(?: [^,;.]*)?$"
)


def read_filters(text: Text, draft: Draft, today: dt.date) -> None:
    """Comparisons with numbers, nulls, text and dates; values of the catalogue come later, when tables are known."""
    found: list[tuple[int, int, Any]] = []
    for wanted in (BETWEEN_DAYS, SINCE, DURING, DONE_WHEN, POSSESSIVE, OLDER):
        for hit in text.find(wanted):
            if leaf := _date(text, hit, wanted, today):
                start = hit.skip or hit.match.start()
                leaf.span = text.span(start, hit.match.end())
                found.append((start, hit.match.end(), leaf))
                text.take((start, hit.match.end()))
    for hit in text.find(NOT_YET):
        word = hit["w"]
        if mark := _participle(text, text.mention(word).words if word.startswith("<") else word):
            found.append((*hit.match.span(), Leaf(mark, "is_null", None, hit.span)))
            text.take(hit)
    for wanted in (BETWEEN, *COMPARISONS):
        for hit in text.find(wanted):
            leaf = _between(hit) if wanted is BETWEEN else _comparison(hit)
            found.append((*hit.match.span(), leaf))
            text.take(hit)
    for wanted in NULLS:
        for hit in text.find(wanted):
            groups = hit.match.groupdict()
            op = "is_not_null" if groups.get("no") and not groups.get("null") else "is_null"
            found.append((*hit.match.span(), Leaf(ref(hit, "c"), op, None, hit.span)))
            text.take(hit)
    for wanted in SIGNED:
        for hit in text.find(wanted):
            op = SIGN_OF[hit["s"].split()[-1]][hit["s"].startswith(("not ", "non "))]
            leaf = Leaf(ref(hit, "c"), op, 0, hit.span)
            found.append((*hit.match.span(), leaf))
            text.take(hit)
    for hit in text.find(TEXTS):
        found.append((*hit.match.span(), _text(text, hit)))
        text.take(hit)
    for hit in text.find(BARE_MONEY):
        leaf = _comparison(hit, text.mention(hit["t"]).of("t")[0].table)
        start = hit.match.start() + len(hit["t"]) + 1
        leaf.span = text.span(start, hit.match.end())
        found.append((start, hit.match.end(), leaf))
        text.take((start, hit.match.end()))
    for start, end, leaf in sorted(found, key=lambda f: f[:2]):
        draft.filters.append((start, end, leaf))


def number(words: str) -> int | float:
    """The number in `- 5`, `$ 100`, `2.50`."""
    digits = re.sub(r"[^\d.]", "", words)
    value = float(digits) * (-1 if "-" in words else 1)
    return int(value) if value == int(value) else value


INVERSE = {">": "<=", "<": ">=", ">=": "<", "<=": ">", "=": "!=", "!=": "=", "is_null": "is_not_null", "is_not_null": "is_null",
           "in": "not_in", "not_in": "in"}


def _comparison(hit: Found, table: str = "") -> Leaf:
    groups = hit.match.groupdict()
    op = next((o for g, o in (("gte", ">="), ("lte", "<="), ("gt", ">"), ("lt", "<")) if groups.get(g)), "")
    extra = groups.get("or") or ""
    if extra:
        more = any(w in extra for w in ("more", "higher", "above", "greater", "over", "up"))
        op = {"": "", ">": ">=", "<": "<="}.get(op, op) or (">=" if more else "<=")
    if groups.get("no"):
        op = INVERSE[op]
    return Leaf(
        ref(hit, "c") if groups.get("c") else None, op, number(groups["n"]), hit.span, about="" if groups.get("c") else "money", table=table
    )


def _between(hit: Found) -> Any:
    leaf = Leaf(ref(hit, "c"), "between", [number(hit["a"]), number(hit["b"])], hit.span)
    return Branch("not", [leaf], hit.span) if hit["no"] else leaf


def _text(text: Text, hit: Found) -> Any:
    value = text.literal(hit["v"]) if hit["v"].startswith("<") else hit.raw("v")
    op = hit["op"]
    kind = "starts_with" if op.startswith(("start", "begin")) else "like" if op.startswith(("like", "match", "end")) else "contains"
    value = "%" + value if op.startswith("end") else value
    leaf = Leaf(ref(hit, "c"), kind, value, hit.span)
    return Branch("not", [leaf], hit.span) if hit["no"] else leaf


def _when(text: Text, hit: Found) -> tuple[Ref | None, str]:
    """The date column that the words before a date name: a column, a participle with an own column, or nothing."""
    word = hit.match.groupdict().get("c") or ""
    if word.startswith("<"):
        if word[2] == "c":
            column = ref_of(text, word)
            return (column, "") if dated(text, column) else (None, "other")
        mark = _participle(text, text.mention(word).words)
        return (mark, "") if mark and not _only_value(text, word, mark) else (None, "other")
    return _participle(text, word) if word in VERBS else None, ""


def _only_value(text: Text, word: str, mark: Ref) -> bool:
    """`orders paid in May`: a value of the named table, whose own date is meant, and no other table's paid_at."""
    named = sure_tables(text)
    return bool(named & {m.table for m in text.mention(word).of("v")}) and not named & {m.table for m in mark.meanings}


def _participle(text: Text, word: str) -> Ref | None:
    from flows.planner.lexicon import Meaning

    column = VERBS.get(word, word.replace(" ", "_") + "_at")
    owners = text.lexicon.owners(column)
    return Ref(column, (0, 0), tuple(Meaning("c", t, column) for t in owners)) if owners else None


def _date(text: Text, hit: Found, wanted: P, today: dt.date) -> Leaf | None:
    column, other = _when(text, hit)
    about = "" if column else "date"
    if other:
        hit.skip = hit.match.end("c") + 1  # the value stays for the reader of values
    if wanted is BETWEEN_DAYS:
        a, b = one_day(hit["a"], today), one_day(hit["b"], today)
        return Leaf(column, "between", [a.isoformat(), b.isoformat()], hit.span, about=about) if a and b and a <= b else None
    if wanted is OLDER:
        return _older(hit, column, about)
    if wanted is SINCE:
        return _since(hit, column, about, today)
    name = "span" if hit.match.groupdict().get("span") else "day"
    if bare_month(hit, name) or not hit[name].strip():
        return None
    found = period(hit[name], today)
    if wanted is POSSESSIVE:
        if found:
            text.take(hit.match.span("span"))
            text.extra.append((*hit.match.span("span"), Leaf(None, found.op, found.value, hit.part("span"), about="date")))
        return None
    return Leaf(column, found.op, found.value, hit.span, about=about) if found else None


def _older(hit: Found, column: Ref | None, about: str) -> Leaf | None:
    unit = hit["u"].rstrip("s")
    days = int(float(hit["n"])) * {"day": 1, "week": 7, "month": 30, "year": 365}[unit]
    older = hit["p"] in ("older than", "more than", "over")
    if (
        not older and hit["p"] not in ("newer than", "younger than", "not older than", "no older than", "less than")
    ) or not 0 < days < 40_000:
        return None
    return Leaf(column, "<" if older else ">=", {"today": -days}, hit.span, about=about)


def _since(hit: Found, column: Ref | None, about: str, today: dt.date) -> Leaf | None:
    words, prep = hit["day"], hit["p"]
    day = one_day(words, today)
    later = prep in ("since", "from", "on or after", "not before", "no earlier than", "starting", "starting from", "as of", "gte")
    op = (
        ">="
        if later
        else {
            "after": ">",
            "later than": ">",
            "gt": ">",
            "before": "<",
            "prior to": "<",
            "earlier than": "<",
            "lt": "<",
            "on": "=",
            "=": "=",
        }.get(prep, "<=")
    )
    value: Any = day.isoformat() if day else None
    if words in ("today", "yesterday"):
        if prep == "from" and hit[0].endswith(words):
            return None  # `orders from yesterday` are those of that day; `from yesterday on` are those since
        value = {"today": 0 if words == "today" else -1}
    if value is None:
        stretch = period(words, today)
        if stretch is None or prep in ("from", "on", "=", "by", "up to") or words.split()[0] in ("may", "march"):
            return None
        edge = stretch.last if op in (">", "<=") else stretch.first
        value = edge.isoformat()
    if prep in ("from", "by") and not column and not hit["c"] and prep == "by":
        return None
    return Leaf(column, op, value, hit.span, about=about)


LINKED = re.compile(
    r" ?(?:¦* )*(?P<w>or|nor|and)?(?: (?:also|where|whose|with|who|that|which|the|a|an|their|its|are|is|have|"
    r"has|from|whichever|in|only|either|those|ones?))* ?"
)

APART = re.compile(r" (?:,|;|\.|:|and|or|nor|but|then|for|into|to|per|as|only|keep|where) ")


def combine(text: Text, draft: Draft) -> list[Any]:
    """Leaves in the order of the text: `or` between two makes an any, a negator before them turns them round.

    How far a negator reaches is not always sure: `skip refunded orders of enterprise customers` becomes a `doubt`, which is asked.
    """
    out: list[Any] = []
    end_of_last, reach = -1, ""
    for start, end, leaf in sorted([*draft.filters, *text.extra], key=lambda f: f[:2]):
        linked = LINKED.fullmatch(text.norm[end_of_last:start]) if out else None
        word = linked["w"] if linked else ""
        between = text.norm[end_of_last:start]
        negator = _negator(text, start)
        last = out[-1] if out else None
        if last is not None and word == "or" and text.seen(end_of_last, start):
            out[-1] = _either(last, leaf, bool(negator))
            text.take_between(end_of_last, start)
        elif word == "and" and isinstance(last, Branch) and last.kind == "not" and not negator:
            last.items = [Branch("all", [*last.items, leaf], leaf.span)]
        elif last is not None and reach and not (negator or getattr(leaf, "about", "") == "date") and _reaches(reach, between):
            items = last.items if last.kind == "doubt" else [last]
            out[-1] = Branch("doubt", [*items, leaf], widen(last.span, leaf.span))
        else:
            out.append(Branch("not", [leaf], leaf.span) if negator else leaf)
            reach = negator
            if word == "and" and isinstance(last, Branch) and last.kind == "any" and not negator:
                draft.notes.append(("steps.transform.config.operations", _grouped(text, last, leaf)))
        end_of_last = end
    return out


def _reaches(negator: str, between: str) -> bool:
    """May a negator mean what stands behind the words it turns round, too? `not paid by card`, but not `not paid, by card`."""
    if negator in ("not", "none", "no"):
        return between.strip() in ("by", "via", "through", "using")
    return between.count("¦ ") < 2 and not APART.search(f" {between} ")


def _grouped(text: Text, either: Branch, leaf: Any) -> str:
    """How `a or b and c` was read."""
    first, second = (" ".join(text.raw[a:b].split()) for a, b in (either.span, leaf.span))
    return f"“{first}” is one condition, and “{second}” must hold as well"


def _either(last: Any, leaf: Any, negated: bool) -> Branch:
    """`a or b`; behind a negator both are meant: not (a or b)."""
    if isinstance(last, Branch) and last.kind == "doubt":
        return Branch("doubt", [*last.items[:-1], _either(last.items[-1], leaf, negated)], widen(last.span, leaf.span))
    if isinstance(last, Branch) and last.kind == "not" and not negated:
        return Branch("not", [Branch("any", [*last.items, leaf], leaf.span)], widen(last.span, leaf.span))
    items = last.items if isinstance(last, Branch) and last.kind == "any" else [last]
    return Branch("any", [*items, Branch("not", [leaf], leaf.span) if negated else leaf], widen(last.span, leaf.span))


def _negator(text: Text, start: int) -> str:
    """The word before this place, in the same clause, that turns it round; it is consumed. Nothing when there is none."""
    before = text.norm[:start]
    clause = max(before.rfind(s) for s in (" , ", " ; ", " . ", " and ", " or ", " then ", " : ", " but ")) + 1
    found = NEGATORS.search(before[clause:].rstrip())
    if not found:
        return ""
    word = re.match(
        r" ?(?:leave out|leaving out|filter out|filtering out|filters out|throw away|throw out|except for|apart from|other "
        r"than|[a-z]+)",
        found.group(),
    )
    if word is None:
        return ""
    a = clause + found.start()
    text.take((a + 1 if before[a] == " " else a, a + word.end()))
    return word.group().strip()
