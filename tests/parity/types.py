"""The types that BigQuery documents for the arguments of the functions that operations use, and a check of compiled text against them.

Source: BigQuery, "Functions, operators, and conditionals", the signature of each function. sqlglot tells the types of the arguments.
"""

from __future__ import annotations

from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

NUMBER, MOMENT = {"INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC"}, {"DATE", "DATETIME", "TIMESTAMP"}
TEXT, BYTES, WHOLE, DAY = {"STRING"}, {"STRING", "BYTES"}, {"INT64"}, {"DATE"}
PLAIN = NUMBER | MOMENT | BYTES | {"BOOL"}
TAKES: dict[str, tuple[set[str], ...]] = {
    **dict.fromkeys(("ABS", "SIGN", "CEIL", "FLOOR", "EXP", "LN", "SQRT", "SUM", "AVG", "STDDEV_SAMP"), (NUMBER,)),
    **dict.fromkeys(("POW", "LOG", "SAFE_DIVIDE"), (NUMBER, NUMBER)),
    **dict.fromkeys(("ROUND", "TRUNC"), (NUMBER, WHOLE)),
    **dict.fromkeys(("MOD", "DIV"), ({"INT64", "NUMERIC", "BIGNUMERIC"},) * 2),
    "PERCENTILE_CONT": (NUMBER, NUMBER),
    **dict.fromkeys(("UPPER", "LOWER", "REVERSE", "LENGTH", "TO_HEX", "SHA256", "MD5", "CHAR_LENGTH"), (BYTES,)),
    **dict.fromkeys(("TRIM", "LTRIM", "RTRIM", "STARTS_WITH", "ENDS_WITH", "INSTR", "STRPOS", "SPLIT"), (BYTES, BYTES)),
    **dict.fromkeys(("REGEXP_CONTAINS", "REGEXP_EXTRACT"), (TEXT, TEXT)),
    **dict.fromkeys(("REGEXP_REPLACE", "REPLACE"), (TEXT, TEXT, TEXT)),
    **dict.fromkeys(("LEFT", "RIGHT"), (BYTES, WHOLE)),
    "SUBSTR": (BYTES, WHOLE, WHOLE),
    **dict.fromkeys(("LPAD", "RPAD"), (BYTES, WHOLE, BYTES)),
    "INITCAP": (TEXT, TEXT),
    "CONCAT": (BYTES,) * 9,
    "JSON_VALUE": ({"JSON", "STRING"}, TEXT),
    **dict.fromkeys(("MIN", "MAX", "COUNT", "GREATEST", "LEAST"), (PLAIN,)),
    **dict.fromkeys(("DATE_ADD", "DATE_SUB"), (DAY,)),
    "DATE_TRUNC": (DAY,),
    "DATE_DIFF": (DAY, DAY),
    **dict.fromkeys(("DATETIME_ADD", "DATETIME_SUB", "DATETIME_TRUNC"), ({"DATETIME"},)),
    "DATETIME_DIFF": ({"DATETIME"}, {"DATETIME"}),
    **dict.fromkeys(("TIMESTAMP_ADD", "TIMESTAMP_SUB", "TIMESTAMP_TRUNC", "UNIX_SECONDS"), ({"TIMESTAMP"},)),
    "TIMESTAMP_DIFF": ({"TIMESTAMP"}, {"TIMESTAMP"}),
    **dict.fromkeys(("TIMESTAMP_SECONDS", "TIMESTAMP_MILLIS", "TIMESTAMP_MICROS"), (WHOLE,)),
    "LAST_DAY": (DAY | {"DATETIME"},),
    "DATE": (MOMENT | WHOLE, WHOLE, WHOLE),
    "DATETIME": (MOMENT,),
    "TIMESTAMP": (MOMENT | TEXT,),
    "ERROR": (TEXT,),
}
"""Function: the types of its first arguments, in order."""
UNSEEN = {"UNKNOWN", "NULL", ""}
ALIKE = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE)


def mistyped(tree: exp.Query, schema: dict[str, Any]) -> list[str]:
    """Arguments and comparisons of types that BigQuery does not document; types that sqlglot cannot tell pass."""
    read = sqlglot.parse_one(tree.sql("bigquery"), read="bigquery")
    read = annotate_types(qualify(read, schema=schema, dialect="bigquery"), schema=schema, dialect="bigquery")
    found = []
    for node in read.find_all(exp.Func, exp.Mod, exp.IntDiv, *ALIKE):
        text = node.sql("bigquery")
        if isinstance(node, ALIKE):
            left, right = _type(node.this), _type(node.expression)
            if left != right and not {left, right} <= NUMBER and not {left, right} & UNSEEN:
                found.append(f"{left} and {right} in {text}")
            continue
        for want, part in zip(TAKES.get(text.split("(", 1)[0], ()), _arguments(node), strict=False):
            if _type(part) not in want | UNSEEN:
                found.append(f"{_type(part)} in {text}")
    return found


def _type(node: exp.Expr) -> str:
    return node.type.sql("bigquery").split("(")[0] if node.type is not None else ""


def _arguments(node: exp.Expr) -> list[exp.Expr]:
    """As they are written; of a shift or a cut, what is shifted or cut."""
    if isinstance(node, exp.Anonymous):
        return list(node.expressions)
    keys = ("this", "expression", "start", "length", "fill_pattern", "replacement", "decimals")
    if node.key.endswith(("_add", "_sub", "_trunc", "add", "sub", "trunc")) or isinstance(node, exp.UnixSeconds):
        keys = ("this",)
    return [part for key in keys if isinstance(part := node.args.get(key), exp.Expr)] + list(node.expressions)
