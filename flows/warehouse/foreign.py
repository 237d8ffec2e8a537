"""What the parser takes from other dialects and BigQuery rejects: their functions, their signs, their clauses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flows.errors import SqlError
from flows.warehouse.lexer import Token

if TYPE_CHECKING:
    from sqlglot import exp

_FUNCTIONS = """
APPROX_DISTINCT APPROX_TOP_K ARGMAX ARGMIN ARG_MAX ARG_MIN ARRAYAGG ARRAY_CAT ARRAY_JOIN ARRAY_SIZE BITWISE_AND_AGG BITWISE_COUNT
BITWISE_OR_AGG BITWISE_XOR_AGG BOOLAND_AGG BOOLOR_AGG BOOL_AND BOOL_OR CAST_TO_STR_TYPE CHAR CHARINDEX CONTAINS COUNT_IF DATEDIFF
DATEFROMPARTS DATE_FROM_PARTS ENDSWITH FARMFINGERPRINT64 FILTER GENERATE_SERIES GEN_RANDOM_UUID GROUP_CONCAT HOST IIF ISINF ISNAN
JSON_FORMAT JSON_PARSE LAST_DAY_OF_MONTH LCASE LEFTPAD LEN LEVENSHTEIN LOCATE LOWER_HEX MD5_DIGEST NVL PAD POSITION RANDOM REGEXP_FULL_MATCH
REGEXP_I_LIKE REGEXP_LIKE REG_DOMAIN RIGHTPAD SHA SHA2 SIGNUM SPLIT_BY_STRING STARTSWITH STDEV STRING_TO_ARRAY STR_POSITION STR_TO_DATE
STR_TO_TIME TIMEFROMPARTS TIMESTAMPDIFF TIMESTAMPFROMPARTS TIMESTAMP_FROM_PARTS TIME_FROM_PARTS TIME_TO_STR TRUNCATE TRY_CAST
TS_OR_DS_TO_DATE TS_OR_DS_TO_DATETIME TS_OR_DS_TO_TIME TS_OR_DS_TO_TIMESTAMP UCASE UNHEX UNIX_TO_TIME UUID UUID_STRING VARIANCE_POP
VARIANCE_SAMP WEEK_START
"""
FUNCTIONS = frozenset(_FUNCTIONS.split())
"""Names that the parser reads as another function of BigQuery; BigQuery has none of them."""
SIGNS = {"::": "Write CAST(value AS type)", "==": "Write =", "{": "Write STRUCT(...)", "}": "Write STRUCT(...)"}


def words(found: Sequence[Token]) -> None:
    """Raises SqlError for a function, sign or word of another dialect."""
    for at, token in enumerate(found):
        before, after = found[at - 1] if at else None, found[at + 1] if at + 1 < len(found) else None
        close = after is not None and after.start == token.end
        if token.word in FUNCTIONS and after is not None and after.text == "(" and (before is None or before.text != "."):
            if before is not None and before.word in ("FUNCTION", "EXISTS", "INTO", "TABLE"):
                raise SqlError(f"the name {token.text} is not offered by the local warehouse", verdict="refused", code="bigquery_only",
                               line=token.line, fix="Give it another name")
            raise SqlError(f"there is no function {token.text}", code="unknown_function", line=token.line, fix="Use a function of BigQuery")
        if token.kind == "sign":
            sign = token.text + (after.text if close and after is not None and token.text in ":=" else "")
            if sign in SIGNS:
                raise SqlError(f"{sign} is no operator", line=token.line, fix=SIGNS[sign])
            if token.text == "!" and not (close and after is not None and after.text == "="):
                raise SqlError("! is no operator", line=token.line, fix="Write NOT")
        if (token.word == "EXCLUDE" and before is not None and before.text == "*") or (
                token.word == "RLIKE" and after is not None and after.kind == "string"):
            raise SqlError(f"there is no {token.word}", line=token.line, fix="Write EXCEPT, or REGEXP_CONTAINS")


def clauses(tree: exp.Expr) -> None:
    """Raises SqlError for a clause of another dialect."""
    from sqlglot import exp

    from flows.warehouse.trees import invalid

    for node in tree.walk():
        what = ""
        if isinstance(node, exp.Filter):
            what = "FILTER after an aggregate"
        elif isinstance(node, exp.Distinct) and node.args.get("on"):
            what = "DISTINCT ON"
        elif isinstance(node, (exp.Fetch, exp.SimilarTo)):
            what = "FETCH" if isinstance(node, exp.Fetch) else "SIMILAR TO"
        elif isinstance(node, exp.Join) and (str(node.args.get("method") or "") or node.args.get("kind") in ("SEMI", "ANTI", "POSITIONAL")):
            what = f"{node.args.get('method') or node.args['kind']} JOIN"
        elif isinstance(node, exp.Join) and isinstance(node.this, (exp.Table, exp.Subquery)) \
                and not any(node.args.get(key) for key in ("kind", "on", "using")):
            what = "JOIN without ON or USING"
        elif isinstance(node, exp.With) and len({cte.alias.lower() for cte in node.expressions}) < len(node.expressions):
            what = "WITH that names two queries the same"
        elif isinstance(node, exp.Values) and isinstance(node.parent, (exp.From, exp.Join, exp.Subquery)):
            what = "VALUES as a table"
        elif isinstance(node, exp.Unnest) and isinstance(node.parent, (exp.Select, exp.Alias)):
            what = "UNNEST in a SELECT list"
        elif isinstance(node, exp.Lateral):
            what = "LATERAL"
        if what:
            raise invalid(node, f"there is no {what} on BigQuery")
