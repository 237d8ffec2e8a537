"""Patterns as BigQuery means them; both have RE2. Source: BigQuery, string functions; googlesql, regexp.cc for how finds are counted."""

from __future__ import annotations

import re

from sqlglot import exp

from flows.warehouse.rewrite_text import no_bytes
from flows.warehouse.trees import Rule, call, cast, invalid, is_text, refuse

_GROUP = re.compile(r"\\.|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]|(\((?!\?)|\(\?P?<)", re.DOTALL)


def groups_in(pattern: str) -> int:
    """How many groups a pattern captures."""
    return sum(1 for found in _GROUP.finditer(pattern) if found[1])


def _text(node: exp.Expr) -> str:
    """The literal pattern. Raises SqlError."""
    if not is_text(node.expression):
        raise refuse(node, f"{_name(node)} takes a literal pattern here")
    return str(node.expression.name)


def _name(node: exp.Expr) -> str:
    return node.sql(dialect="bigquery").partition("(")[0]


def _may_be_left_out(pattern: str) -> bool:
    """Whether the group may take no part in a find: BigQuery gives NULL then, DuckDB an empty text."""
    bare = re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", "x", pattern)
    begin = re.search(r"\((?!\?)|\(\?P?<", bare)
    if begin is None:
        return False
    depth, at = 0, begin.start()
    for at in range(begin.start(), len(bare)):
        depth += {"(": 1, ")": -1}.get(bare[at], 0)
        if not depth:
            break
    outside, behind = bare[:begin.start()] + bare[at + 1:], bare[at + 1:]
    if "|" in outside or re.match(r"[?*]|\{0", behind):
        return True
    return "(" in bare[:begin.start()] and re.search(r"\)([?*]|\{0)", behind) is not None


def _extracted(node: exp.Expr) -> int:
    """The group to take: 1, or 0 for all of the find. Raises SqlError."""
    pattern = _text(node)
    groups = groups_in(pattern)
    if groups > 1:
        raise invalid(node, f"a pattern of {_name(node)} has at most one capturing group", "Write (?:...) for the others")
    if groups and _may_be_left_out(pattern):
        raise refuse(node, f"a group that may be left out of a find is not offered in {_name(node)} by the local warehouse")
    return groups


def _number(node: exp.Expr, name: str) -> int:
    value = node.args.get(name)
    while isinstance(value, (exp.Cast, exp.Paren)):
        value = value.this
    if value is None:
        return 1
    if isinstance(value, exp.Neg) or (isinstance(value, exp.Literal) and value.name == "0"):
        raise invalid(node, f"the {name} of {_name(node)} is above 0")
    if not isinstance(value, exp.Literal) or not value.is_int:
        raise refuse(node, f"{_name(node)} takes a literal {name} here")
    return int(value.name)


def extract(node: exp.RegexpExtract) -> exp.Expr:
    """The find of a number, counted from a position; NULL when there is none."""
    group, text = _extracted(node), no_bytes(node, node.this)
    start, number = _number(node, "position"), _number(node, "occurrence")
    if start > 1:
        text = call("bq_from", text, start)
    if number == 1:
        return call("bq_extract", text, node.expression.copy(), group)
    return call("list_extract", call("bq_extract_all", text, node.expression.copy(), group), number)


def extract_all(node: exp.RegexpExtractAll) -> exp.Expr:
    return call("bq_extract_all", no_bytes(node, node.this), node.expression.copy(), _extracted(node))


def replace(node: exp.RegexpReplace) -> exp.Expr:
    r"""Every find; \1 to \9 are its groups, \\ a backslash, and another \ is an error."""
    new = node.args["replacement"]
    if not is_text(new):
        raise refuse(node, "REGEXP_REPLACE takes a literal to put in here")
    if re.search(r"\\([^0-9\\]|$)", new.name.replace("\\\\", "")):
        raise invalid(node, r"a backslash in what REGEXP_REPLACE puts in stands before a digit or a backslash")
    most = max((int(n) for n in re.findall(r"\\(\d)", new.name.replace("\\\\", ""))), default=0)
    if is_text(node.expression) and most > groups_in(node.expression.name):
        raise invalid(node, f"the pattern of REGEXP_REPLACE has no group {most}")
    return call("regexp_replace", no_bytes(node, node.this), node.expression.copy(), new.copy(), "g")


def contains(node: exp.RegexpLike) -> exp.Expr:
    return call("regexp_matches", no_bytes(node, node.this), node.expression.copy())


def place(node: exp.RegexpInstr) -> exp.Expr:
    """Where the first find begins, or with 1 as the last argument what stands behind it; 0 when there is none."""
    pattern = _text(node)
    option, text = node.args.get("option"), no_bytes(node, node.this)
    if groups_in(pattern) or _number(node, "occurrence") > 1 or not pattern:
        raise refuse(node, "REGEXP_INSTR with a group or for a later find is not offered by the local warehouse")
    while isinstance(option, exp.Cast):
        option = option.this
    if option is not None and option.name not in ("0", "1"):
        raise invalid(node, "the last argument of REGEXP_INSTR is 0 or 1")
    start = _number(node, "position")
    begin = call("bq_regexp_place", call("bq_from", text.copy(), start), pattern, f"(?s)^(.*?)(?:(?-s){pattern})",
                 1 if option is not None and option.name == "1" else 0, start)
    return cast(begin, "BIGINT")


RULES: dict[type[exp.Expr], Rule] = {
    exp.RegexpExtract: extract, exp.RegexpExtractAll: extract_all, exp.RegexpReplace: replace, exp.RegexpLike: contains,
    exp.RegexpInstr: place,
}
