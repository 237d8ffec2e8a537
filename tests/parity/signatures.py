"""What a BigQuery compilation may hold: functions with as many arguments as BigQuery documents, and windows as BigQuery allows them.

Source: BigQuery, "Functions, operators, and conditionals" (each function's own page) and "Window function calls".
"""

from __future__ import annotations

from itertools import pairwise

from sqlglot import exp
from sqlglot.tokens import TokenType

SIGNATURES = {
    "ABS": (1, 1),
    "AVG": (1, 1),
    "ANY_VALUE": (1, 1),
    "ARRAY_LENGTH": (1, 1),
    "CAST": (1, 1),
    "CEIL": (1, 1),
    "CHAR_LENGTH": (1, 1),
    "COALESCE": (1, 99),
    "CONCAT": (1, 99),
    "COUNT": (1, 1),
    "DATE": (1, 3),
    "DATE_ADD": (2, 2),
    "DATE_DIFF": (3, 3),
    "DATE_SUB": (2, 2),
    "DATE_TRUNC": (2, 2),
    "DATETIME": (1, 1),
    "DATETIME_ADD": (2, 2),
    "DATETIME_DIFF": (3, 3),
    "DATETIME_SUB": (2, 2),
    "DATETIME_TRUNC": (2, 2),
    "DENSE_RANK": (0, 0),
    "DIV": (2, 2),
    "ENDS_WITH": (2, 2),
    "ERROR": (1, 1),
    "EXISTS": (1, 1),
    "EXP": (1, 1),
    "EXTRACT": (1, 1),
    "FIRST_VALUE": (1, 1),
    "FLOOR": (1, 1),
    "FORMAT_DATE": (2, 2),
    "FORMAT_DATETIME": (2, 2),
    "FORMAT_TIMESTAMP": (2, 2),
    "GREATEST": (1, 99),
    "IF": (3, 3),
    "INITCAP": (1, 2),
    "INSTR": (2, 2),
    "JSON_VALUE": (2, 2),
    "LAG": (1, 3),
    "LAST_DAY": (1, 2),
    "LAST_VALUE": (1, 1),
    "LEAD": (1, 3),
    "LEAST": (1, 99),
    "LEFT": (2, 2),
    "LENGTH": (1, 1),
    "LN": (1, 1),
    "LOG": (2, 2),
    "LOWER": (1, 1),
    "LPAD": (2, 3),
    "LTRIM": (1, 2),
    "MAX": (1, 1),
    "MD5": (1, 1),
    "MIN": (1, 1),
    "MOD": (2, 2),
    "NULLIF": (2, 2),
    "PARSE_DATE": (2, 2),
    "PARSE_TIMESTAMP": (2, 2),
    "PERCENTILE_CONT": (2, 2),
    "POW": (2, 2),
    "RANK": (0, 0),
    "REGEXP_CONTAINS": (2, 2),
    "REGEXP_EXTRACT": (2, 2),
    "REGEXP_REPLACE": (3, 3),
    "REPLACE": (3, 3),
    "REVERSE": (1, 1),
    "RIGHT": (2, 2),
    "ROUND": (1, 2),
    "ROW_NUMBER": (0, 0),
    "RPAD": (2, 3),
    "RTRIM": (1, 2),
    "SAFE_CAST": (1, 1),
    "SAFE_DIVIDE": (2, 2),
    "SHA256": (1, 1),
    "SIGN": (1, 1),
    "SPLIT": (2, 2),
    "SQRT": (1, 1),
    "STARTS_WITH": (2, 2),
    "STDDEV_SAMP": (1, 1),
    "STRPOS": (2, 2),
    "SUBSTR": (2, 3),
    "SUBSTRING": (2, 3),
    "SUM": (1, 1),
    "TIMESTAMP": (1, 1),
    "TIMESTAMP_ADD": (2, 2),
    "TIMESTAMP_DIFF": (3, 3),
    "TIMESTAMP_MICROS": (1, 1),
    "TIMESTAMP_MILLIS": (1, 1),
    "TIMESTAMP_SECONDS": (1, 1),
    "TIMESTAMP_SUB": (2, 2),
    "TIMESTAMP_TRUNC": (2, 2),
    "TO_HEX": (1, 1),
    "TRIM": (1, 2),
    "TRUNC": (1, 2),
    "UNIX_SECONDS": (1, 1),
    "UNNEST": (1, 1),
    "UPPER": (1, 1),
    "CURRENT_TIMESTAMP": (0, 0),
    "SAFE_OFFSET": (1, 1),
    "SAFE_ORDINAL": (1, 1),
}
"""Function: fewest and most arguments."""
_WORDS = {
    "SELECT",
    "FROM",
    "WHERE",
    "AND",
    "OR",
    "NOT",
    "IN",
    "OVER",
    "AS",
    "ON",
    "BY",
    "WHEN",
    "THEN",
    "ELSE",
    "CASE",
    "WITH",
    "UNION",
    "ALL",
    "DISTINCT",
    "JOIN",
    "BETWEEN",
    "IS",
    "INTERVAL",
    "QUALIFY",
    "LIKE",
    "LIMIT",
    "ORDER",
    "GROUP",
    "NUMERIC",
    "WEEK",
    "VALUES",
}


def unknown(tree: exp.Query) -> list[str]:
    """What of a BigQuery query BigQuery does not document."""
    from sqlglot.dialects.bigquery import BigQuery

    text = tree.sql("bigquery")
    tokens = BigQuery().tokenize(text)
    found = []
    for n, (word, mark) in enumerate(pairwise(tokens)):
        quoted = text[word.start] == "`"
        name = word.text.upper()
        if mark.token_type != TokenType.L_PAREN or quoted or not name.replace("_", "").isalnum() or name in _WORDS:
            continue
        bounds, count = SIGNATURES.get(name), _count(tokens, n + 1)
        if bounds is None or not bounds[0] <= count <= bounds[1]:
            found.append(f"{name} with {count} arguments")
    return found + _windows(tree)


def _count(tokens: list, at: int) -> int:  # type: ignore[type-arg]
    """Arguments of the call whose parenthesis is at `at`."""
    depth, commas = 0, 0
    for n, token in enumerate(tokens[at:]):
        if token.token_type in (TokenType.L_PAREN, TokenType.L_BRACKET):
            depth += 1
        elif token.token_type in (TokenType.R_PAREN, TokenType.R_BRACKET):
            depth -= 1
            if depth == 0:
                return 0 if n == 1 else commas + 1
        elif token.token_type == TokenType.COMMA and depth == 1:
            commas += 1
    return -1


def _windows(tree: exp.Query) -> list[str]:
    """Ranks and neighbours need an order, percentiles take none, and NULLS FIRST or LAST stands in no window."""
    found = []
    for window in tree.find_all(exp.Window):
        order = window.args.get("order")
        text = window.sql("bigquery")
        percentile = text.startswith("PERCENTILE_CONT")
        if isinstance(window.this, exp.Rank | exp.DenseRank | exp.Lag | exp.Lead) and order is None:
            found.append(f"no order in {text}")
        if percentile and order is not None:
            found.append(f"an order in {text}")
        if order is not None and "NULLS" in order.sql("bigquery"):
            found.append(f"NULLS in {text}")
    return found
