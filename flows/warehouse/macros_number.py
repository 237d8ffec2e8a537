"""Numbers and casts of BigQuery as macros. Source of the rules: BigQuery, "Mathematical functions", "Conversion rules"; ZetaSQL."""

from __future__ import annotations

_SPACE = r"[ \t\n\v\f\r]*"
_DIGITS = r"([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
FLOAT = rf"{_SPACE}[+-]?({_DIGITS}|(?i:inf|infinity|nan)){_SPACE}"
NUMBER = rf"{_SPACE}[+-]?{_DIGITS}{_SPACE}"
WHOLE = rf"{_SPACE}[+-]?[0-9]+{_SPACE}"
HEX = r" *[+-]?0[xX][0-9a-fA-F]+"
_COMMAS = r"([0-9][0-9,]*\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_LOOSE = f"{_SPACE}([+-]?{_SPACE}{_COMMAS}|{_COMMAS}{_SPACE}[+-]){_SPACE}"
_TRIM = "trim({s}, chr(32) || chr(9) || chr(10) || chr(11) || chr(12) || chr(13))"
_UNITS = "CAST(CAST({x} AS DECIMAL(38,9)) * 1000000000 AS HUGEINT)"  # a NUMERIC as a whole number of its last digit
_DECIMAL = "CAST(CAST({u} AS DECIMAL(38,0)) * CAST('0.000000001' AS DECIMAL(9,9)) AS DECIMAL(38,9))"
_NAN = "CAST('nan' AS DOUBLE)"


def _read(name: str, pattern: str, made: str, word: str) -> tuple[str, str]:
    """(strict, safe) macro of a text that must match a pattern."""
    return (f"bq_{name}(s) AS CASE WHEN s IS NULL OR regexp_full_match(s, '{pattern}') THEN {made.format(cast='CAST')} "
            f"ELSE error('Bad {word} value: ' || s) END",
            f"bq_safe_{name}(s) AS CASE WHEN regexp_full_match(s, '{pattern}') THEN {made.format(cast='TRY_CAST')} END")


_TRIMMED = _TRIM.format(s="s")
_HEX = ("CASE WHEN contains(s, '-') THEN - {cast}(replace(trim(s), '-', '') AS HUGEINT) "
        "ELSE {cast}(replace(trim(s), '+', '') AS HUGEINT) END")
_INT = (f"CASE WHEN regexp_full_match(s, '{HEX}') THEN {{cast}}({_HEX} AS BIGINT) ELSE {{cast}}({_TRIMMED} AS BIGINT) END")

_EVEN = (f"list_transform([{_UNITS.format(x='x')}], lambda u: u - u % step + CASE WHEN 2 * abs(u % step) > step "
         "OR (2 * abs(u % step) = step AND (u // step) % 2 <> 0) THEN step * sign(u) ELSE 0 END)[1]")

MACROS = (
    # text to values, as strict as BigQuery
    *_read("int", f"{WHOLE}|{HEX}", _INT, "int64"),
    *_read("float", FLOAT, f"{{cast}}({_TRIMMED} AS DOUBLE)", "double"),
    *_read("numeric", NUMBER, f"{{cast}}({_TRIMMED} AS DECIMAL(38,9))", "NUMERIC"),
    *_read("bignumeric", NUMBER, f"{{cast}}({_TRIMMED} AS DECIMAL(38,18))", "BIGNUMERIC"),
    f"bq_parse_numeric(s) AS CASE WHEN s IS NULL OR regexp_full_match(s, '{_LOOSE}') THEN "
    rf"CAST(CASE WHEN regexp_matches(s, '^{_SPACE}-|[0-9. \t\n\v\f\r]-{_SPACE}$') THEN '-' ELSE '' END "
    f"|| replace(regexp_extract(s, '{_COMMAS}', 0), ',', '') AS DECIMAL(38,9)) "
    "ELSE error('Invalid NUMERIC value: ' || s) END",
    # values to text
    "bq_float_text(x) AS CASE WHEN isnan(x) THEN 'nan' WHEN isinf(x) THEN CASE WHEN x > 0 THEN 'inf' ELSE '-inf' END "
    "WHEN CAST(printf('%.15g', x) AS DOUBLE) = x THEN printf('%.15g', x) ELSE printf('%.17g', x) END",
    # FLOAT64 to whole numbers and NUMERIC: exact, half away from zero
    "bq_float_numeric(x) AS CASE WHEN isnan(x) OR isinf(x) THEN CAST(error('Illegal conversion of non-finite floating point number "
    "to numeric: ' || CAST(x AS VARCHAR)) AS DECIMAL(38,9)) "
    "WHEN abs(x) >= 1e29 THEN CAST(error('numeric overflow: ' || CAST(x AS VARCHAR)) AS DECIMAL(38,9)) "
    "ELSE CAST(TRY_CAST(trunc(x) AS HUGEINT) AS DECIMAL(38,9)) "
    "+ CAST(round((x - trunc(x)) * 1e9) AS DECIMAL(38,0)) * CAST('0.000000001' AS DECIMAL(9,9)) END",
    # rounding; p is 10 to the digits. A product that is a tie only because it was rounded itself is looked at exactly (Dekker's product)
    "bq_product_error(x, p) AS list_transform([x], lambda v: (((v * 134217729.0 - (v * 134217729.0 - v)) * (p * 134217729.0 - "
    "(p * 134217729.0 - p)) - v * p) + (v * 134217729.0 - (v * 134217729.0 - v)) * (p - (p * 134217729.0 - (p * 134217729.0 - p))) "
    "+ (v - (v * 134217729.0 - (v * 134217729.0 - v))) * (p * 134217729.0 - (p * 134217729.0 - p))) "
    "+ (v - (v * 134217729.0 - (v * 134217729.0 - v))) * (p - (p * 134217729.0 - (p * 134217729.0 - p))))[1]",
    "bq_round(x, p) AS CASE WHEN NOT isfinite(x) OR abs(x * p) >= 4503599627370496.0 THEN x "
    "WHEN abs(x * p - trunc(x * p)) = 0.5 AND sign(bq_product_error(x, p)) = - sign(x) THEN trunc(x * p) / p ELSE round(x * p) / p END",
    "bq_round_tens(x, p) AS CASE WHEN abs(x / p - trunc(x / p)) = 0.5 AND abs(x) < (abs(trunc(x / p)) + 0.5) * p "
    "THEN trunc(x / p) * p ELSE round(x / p) * p END",
    "bq_trunc(x, p) AS CASE WHEN NOT isfinite(x) OR abs(x * p) >= 4503599627370496.0 THEN x "
    "WHEN x * p = trunc(x * p) AND sign(bq_product_error(x, p)) = - sign(x) THEN (trunc(x * p) - sign(x)) / p ELSE trunc(x * p) / p END",
    "bq_trunc_tens(x, p) AS CASE WHEN abs(trunc(x / p)) * p > abs(x) THEN (trunc(x / p) - sign(x)) * p ELSE trunc(x / p) * p END",
    "bq_numeric_trunc(x, step) AS " + _DECIMAL.format(u=f"({_UNITS.format(x='x')} - {_UNITS.format(x='x')} % step)"),
    "bq_round_even(x, step) AS " + _DECIMAL.format(u=_EVEN),
    f"bq_numeric_int_div(a, b) AS CASE WHEN b = 0 THEN CAST(error('division by zero') AS DECIMAL(38,9)) ELSE "
    f"CAST({_UNITS.format(x='a')} // {_UNITS.format(x='b')} AS DECIMAL(38,9)) END",
    "bq_mod(a, b) AS CASE WHEN b = 0 THEN error('division by zero: MOD') ELSE a % b END",
    "bq_no_overflow(x, fine) AS CASE WHEN NOT isfinite(x) AND fine THEN error('double overflow') ELSE x END",
    # bits
    "bq_shl(x, n) AS CASE WHEN n < 0 THEN error('Bitwise shift by a negative number') WHEN n >= 64 THEN 0 WHEN n = 0 THEN x ELSE "
    "CAST(list_transform([CAST(x & ((CAST(1 AS BIGINT) << CAST(63 - n AS INTEGER)) - 1) AS HUGEINT) * CAST(pow(2, n) AS HUGEINT)], "
    "lambda h: CASE WHEN (x >> CAST(63 - n AS INTEGER)) & 1 = 1 THEN h - 9223372036854775808 ELSE h END)[1] AS BIGINT) END",
    "bq_shr(x, n) AS CASE WHEN n < 0 THEN error('Bitwise shift by a negative number') WHEN n >= 64 THEN 0 WHEN n = 0 THEN x ELSE "
    "((x >> 1) & 9223372036854775807) >> CAST(greatest(least(n, 64) - 1, 0) AS INTEGER) END",
    # NaN is no number and equals nothing; NULL stays NULL
    "bq_nan_eq(a, b) AS CASE WHEN isnan(a) OR isnan(b) THEN nullif(a IS NULL OR b IS NULL, true) ELSE a = b END",
    "bq_nan_ne(a, b) AS CASE WHEN isnan(a) OR isnan(b) THEN nullif(a IS NOT NULL AND b IS NOT NULL, false) ELSE a <> b END",
    "bq_nan_lt(a, b) AS CASE WHEN isnan(a) OR isnan(b) THEN nullif(a IS NULL OR b IS NULL, true) ELSE a < b END",
    "bq_nan_le(a, b) AS CASE WHEN isnan(a) OR isnan(b) THEN nullif(a IS NULL OR b IS NULL, true) ELSE a <= b END",
    f"bq_min(x) AS CASE WHEN bool_or(isnan(x)) THEN {_NAN} ELSE min(x) END",
    f"bq_sign(x) AS CASE WHEN isnan(x) THEN {_NAN} ELSE CAST(sign(x) AS DOUBLE) END",
    # arrays of numbers
    "bq_range_bucket(p, a) AS CASE WHEN p IS NULL OR a IS NULL THEN NULL WHEN len(list_filter(a, lambda v: v IS NULL)) > 0 "
    "THEN error('Elements in input array to RANGE_BUCKET cannot be NULL') WHEN list_sort(a) <> a "
    "THEN error('Elements in input array to RANGE_BUCKET must be in ascending order') ELSE len(list_filter(a, lambda v: v <= p)) END",
    "bq_reciprocal(x, name) AS CASE WHEN x = 0 THEN error('Floating point error in function: ' || name) ELSE 1 / x END",
)
