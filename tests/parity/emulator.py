"""What the BigQuery emulator gets wrong, each with another form that BigQuery documents as the same: there that form is sent to it.

The static check and the golden pairs are about our own form; the model says what both forms give.
"""

from __future__ import annotations

from sqlglot import exp

from flows.transform.functions import WHITE

TEXT_CAST = "it casts texts as DuckDB does: 1_000, yes, t and 1.5 to INT64, but no -0x1a"
WHOLE_HOURS = "it counts the borders between; BigQuery whole units"
MAX = "1.7976931348623157e308"
INSTEAD: dict[tuple[str, str], tuple[str, str]] = {
    ("SUBSTR({0}, 0, 2)", "STRING"): ("SUBSTR({0}, 1, 2)", "its position 0 is before the text; on BigQuery it is the first character"),
    ("SUBSTR({0}, -4, 3)", "STRING"): (
        "IF(LENGTH({0}) < 4, SUBSTR({0}, 1, 3), SUBSTR({0}, -4, 3))",
        "a position before the text loses characters; on BigQuery it is the first character",
    ),
    ("SAFE_CAST({0} AS INT64)", "STRING"): (
        r"CASE WHEN REGEXP_CONTAINS({0}, r'^\s*[+-]?[0-9]+\s*$') THEN SAFE_CAST({0} AS INT64) "
        r"WHEN REGEXP_CONTAINS({0}, r'^\s*[+-]?0[xX][0-9a-fA-F]+\s*$') "
        r"THEN SAFE_CAST(REGEXP_REPLACE({0}, r'[\s+-]', '') AS INT64) * IF(STRPOS({0}, '-') > 0, -1, 1) END",
        TEXT_CAST,
    ),
    ("SAFE_CAST({0} AS FLOAT64)", "STRING"): ("IF(STRPOS({0}, '_') > 0, NULL, SAFE_CAST({0} AS FLOAT64))", TEXT_CAST),
    ("SAFE_CAST({0} AS NUMERIC)", "STRING"): ("IF(STRPOS({0}, '_') > 0, NULL, SAFE_CAST({0} AS NUMERIC))", TEXT_CAST),
    ("SAFE_CAST({0} AS BOOL)", "STRING"): ("CASE LOWER({0}) WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END", TEXT_CAST),
    ("{0} LIKE '%\\\\_%'", "STRING"): ("STRPOS({0}, '_') > 0", "its LIKE knows no backslash"),
    ("ROUND({0})", "INT64"): ("CAST({0} AS FLOAT64)", "its ROUND of INT64 is INT64; BigQuery's is FLOAT64"),
    ("CAST({0} AS INT64)", "FLOAT64"): ("CAST(ROUND({0}) AS INT64)", "it rounds half to even; BigQuery away from zero, as its ROUND does"),
    ("SIGN({0})", "FLOAT64"): ("CAST(SIGN({0}) AS FLOAT64)", "its SIGN of FLOAT64 is INT64"),
    ("CAST({0} AS STRING)", "NUMERIC"): (
        r"REGEXP_REPLACE(CAST({0} AS STRING), r'\.0*$|(\.[0-9]*[1-9])0+$', r'\1')",
        "it writes all nine decimals of a NUMERIC; BigQuery only those there are",
    ),
    ("DATE_DIFF({0}, DATE '2024-08-14', ISOWEEK)", "DATE"): (
        "DIV(DATE_DIFF(DATE_TRUNC({0}, ISOWEEK), DATE '2024-08-12', DAY), 7)",
        "its ISOWEEK counts seven days and no Mondays",
    ),
    ("SAFE_DIVIDE({0}, {1})", "FLOAT64"): (
        f"IF(ABS(SAFE_DIVIDE({{0}}, {{1}})) > {MAX} AND ABS({{0}}) <= {MAX}, NULL, SAFE_DIVIDE({{0}}, {{1}}))",
        "its overflow is infinite; BigQuery's SAFE_DIVIDE is empty for every error",
    ),
    **{
        ("{0} / {1}", type_): ("IF({0} IS NULL, NULL, {0} / {1})", "an empty cell by zero ends its query; on BigQuery it is empty")
        for type_ in ("FLOAT64", "INT64")
    },
    ("DATE_TRUNC({0}, WEEK)", "DATE"): (
        "DATE_SUB({0}, INTERVAL (EXTRACT(DAYOFWEEK FROM {0}) - 1) DAY)",
        "its weeks begin on Monday; BigQuery's WEEK on Sunday",
    ),
    ("EXTRACT(WEEK FROM {0})", "DATE"): (
        "DIV((EXTRACT(DAYOFYEAR FROM {0}) + 7 - EXTRACT(DAYOFWEEK FROM {0})), 7)",
        "it gives the ISO week; BigQuery the Sundays so far",
    ),
    ("UNIX_SECONDS({0})", "TIMESTAMP"): (
        "DIV(TIMESTAMP_DIFF({0}, TIMESTAMP '0001-01-01 00:00:00+00', MICROSECOND), 1000000) - 62135596800",
        "it rounds through FLOAT64; BigQuery cuts down",
    ),
    ("TIMESTAMP_DIFF({0}, TIMESTAMP '2024-08-14 15:30:00+00', HOUR)", "TIMESTAMP"): (
        "DIV(TIMESTAMP_DIFF({0}, TIMESTAMP '2024-08-14 15:30:00+00', MICROSECOND), 3600000000)",
        WHOLE_HOURS,
    ),
    ("TIMESTAMP_DIFF({0}, TIMESTAMP '2024-08-14 15:30:00+00', DAY)", "TIMESTAMP"): (
        "DIV(TIMESTAMP_DIFF({0}, TIMESTAMP '2024-08-14 15:30:00+00', MICROSECOND), 86400000000)",
        WHOLE_HOURS,
    ),
}
"""(expression in derive, type of its first column): (the form for the emulator, why)."""


def spoken(tree: exp.Query) -> str:
    """The text for the emulator: besides, its TRIM takes away blanks only, its REVERSE keeps an accent behind its letter, its dates
    become times when they are shifted or cut, it knows no ISOWEEK in TRUNC (no rows, no columns, no error) while its WEEK begins on
    Monday, and its bare NUMERIC has three decimals."""
    tree = tree.copy()
    points = exp.Anonymous(this="CODE_POINTS_TO_STRING", expressions=[exp.Array(expressions=[exp.Literal.number(ord(c)) for c in WHITE])])
    for node in list(tree.find_all(exp.Anonymous)):
        if node.name.upper() in ("TRIM", "LTRIM", "RTRIM") and len(node.expressions) == 1:
            node.append("expressions", points.copy())
    for node in list(tree.find_all(exp.Reverse)):
        signs = exp.Anonymous(this="SPLIT", expressions=[node.this, exp.Literal.string("")])
        turned = exp.Anonymous(this="ARRAY_REVERSE", expressions=[signs])
        node.replace(exp.Anonymous(this="ARRAY_TO_STRING", expressions=[turned, exp.Literal.string("")]))
    for node in list(tree.find_all(exp.DateAdd, exp.DateSub, exp.DateTrunc, exp.Anonymous)):
        if not isinstance(node, exp.Anonymous) or node.name.upper() in ("DATE_ADD", "DATE_SUB", "DATE_TRUNC"):
            node.replace(exp.Cast(this=node.copy(), to=exp.DataType.build("DATE")))
    for word in list(tree.find_all(exp.Var)):
        if word.name == "ISOWEEK" and isinstance(word.parent, exp.Anonymous) and word.parent.name.endswith("_TRUNC"):
            word.set("this", "WEEK")
    return tree.sql("bigquery").replace(" AS NUMERIC)", " AS NUMERIC(38, 9))")
