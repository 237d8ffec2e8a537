"""Functions of BigQuery that DuckDB has not, or has with another meaning, as macros of every local session."""

from __future__ import annotations

PREFIX = "bq_"
_DIV_ZERO = "error('division by zero')"
_UNITS = "abs(CAST(CAST({x} AS DECIMAL(38,9)) * 1000000000 AS HUGEINT))"  # a NUMERIC as a whole number of its last digit

MACROS = (
    # numbers
    f"bq_div(a, b) AS CASE WHEN b = 0 THEN {_DIV_ZERO} ELSE CAST(a AS DOUBLE) / CAST(b AS DOUBLE) END",
    "bq_safe_div(a, b) AS CASE WHEN b = 0 THEN NULL ELSE CAST(a AS DOUBLE) / CAST(b AS DOUBLE) END",
    # exact, half away from zero at the ninth digit: (2 * |a| * 10^9 + |b|) // (2 * |b|)
    f"bq_numeric_div(a, b) AS CASE WHEN b = 0 THEN {_DIV_ZERO} ELSE CAST(sign(a) * sign(b) AS INTEGER) * CAST(CAST("
    f"(2000000000 * {_UNITS.format(x='a')} + {_UNITS.format(x='b')}) // (2 * {_UNITS.format(x='b')}) AS DECIMAL(29,0)) "
    "* CAST('0.000000001' AS DECIMAL(9,9)) AS DECIMAL(38,9)) END",
    "bq_numeric_text(x) AS rtrim(rtrim(CAST(CAST(x AS DECIMAL(38,9)) AS VARCHAR), '0'), '.')",
    f"bq_int_div(a, b) AS CASE WHEN b = 0 THEN {_DIV_ZERO} ELSE a // b END",
    "bq_finite(x, what) AS CASE WHEN x IS NULL OR isfinite(x) THEN x ELSE error(what) END",
    "bq_finite_or_null(x) AS CASE WHEN isfinite(x) THEN x END",
    # text to values, as strict as BigQuery
    "bq_int(s) AS CASE WHEN s IS NULL OR regexp_full_match(trim(s), '[-+]?[0-9]+') THEN CAST(trim(s) AS BIGINT) "
    "ELSE error('Bad int64 value: ' || s) END",
    "bq_safe_int(s) AS CASE WHEN regexp_full_match(trim(s), '[-+]?[0-9]+') THEN TRY_CAST(trim(s) AS BIGINT) END",
    "bq_bool(s) AS CASE lower(s) WHEN 'true' THEN true WHEN 'false' THEN false ELSE CASE WHEN s IS NULL THEN NULL "
    "ELSE error('Bad bool value: ' || s) END END",
    "bq_safe_bool(s) AS CASE lower(s) WHEN 'true' THEN true WHEN 'false' THEN false END",
    "bq_date(s) AS CASE WHEN s IS NULL OR regexp_full_match(s, '[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}') THEN CAST(s AS DATE) "
    "ELSE error('Invalid date: ' || s) END",
    "bq_safe_date(s) AS CASE WHEN regexp_full_match(s, '[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}') THEN TRY_CAST(s AS DATE) END",
    # time
    "bq_week(d, k) AS CAST(CAST(d AS DATE) - CAST((dayofweek(CAST(d AS DATE)) + 7 - k) % 7 AS INTEGER) AS DATE)",
    "bq_isoyear_start(d) AS CAST(date_trunc('week', make_date(CAST(isoyear(d) AS BIGINT), 1, 4)) AS DATE)",
    "bq_week_number(d, k) AS CAST((dayofyear(d) + 6 - (dayofweek(d) - k + 7) % 7) // 7 AS BIGINT)",
    "bq_date_array(s, e, months, days) AS list_filter(list_transform(range(0, greatest(0, CASE WHEN months > 0 "
    "THEN date_diff('month', s, e) // months ELSE date_diff('day', s, e) // days END + 1)), "
    "lambda i: CAST(s + to_months(CAST(i * months AS INTEGER)) + to_days(CAST(i * days AS INTEGER)) AS DATE)), lambda d: d <= e)",
    "bq_timestamp_array(s, e, us) AS CASE WHEN (epoch_us(e) - epoch_us(s)) // us >= 1000000 "
    "THEN error('GENERATE_TIMESTAMP_ARRAY makes at most 1,000,000 items here') "
    "ELSE generate_series(s, CASE WHEN (epoch_us(e) - epoch_us(s)) // us >= 1000000 THEN s ELSE e END, "  # constants are folded first
    "to_microseconds(CAST(us AS BIGINT))) END",
    "bq_round_after(n) AS CASE WHEN n >= 500 THEN error('A recursive CTE has reached the maximum number of iterations: 500') ELSE n + 1 END",
    # arrays; i counts from 0
    "bq_at(a, i) AS CASE WHEN a IS NULL OR i IS NULL THEN NULL WHEN i < 0 OR i >= len(a) "
    "THEN error('Array index ' || CAST(i AS VARCHAR) || ' is out of bounds') ELSE a[i + 1] END",
    "bq_safe_at(a, i) AS CASE WHEN i < 0 THEN NULL ELSE a[i + 1] END",
    # text
    "bq_substr(s, p, n) AS CASE WHEN n < 0 THEN error('Third argument in SUBSTR() cannot be negative') "
    "WHEN p > 0 THEN substr(s, p, n) WHEN p = 0 THEN substr(s, 1, n) WHEN -p > length(s) THEN substr(s, 1, n) "
    "ELSE substr(s, length(s) + p + 1, n) END",
    "bq_left(s, n) AS CASE WHEN n < 0 THEN error('Second argument in LEFT() cannot be negative') ELSE left(s, n) END",
    "bq_right(s, n) AS CASE WHEN n < 0 THEN error('Second argument in RIGHT() cannot be negative') ELSE right(s, n) END",
    "bq_extract(s, p, g) AS CASE WHEN regexp_matches(s, p) THEN regexp_extract(s, p, g) END",
    # JSON
    "bq_json_value(j, p) AS CASE WHEN json_type(j, p) IN ('OBJECT', 'ARRAY', 'NULL') THEN NULL ELSE json_extract_string(j, p) END",
    "bq_json_text(j) AS CASE WHEN json_type(j) = 'VARCHAR' THEN json_extract_string(j, '$') WHEN j IS NULL THEN NULL "
    "ELSE error('The provided JSON input is not a string') END",
)


def statements() -> list[str]:
    """What to run on a new connection."""
    return [f"CREATE MACRO {macro}" for macro in MACROS]
