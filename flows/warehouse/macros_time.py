"""Dates and times of BigQuery as macros. Source of the rules: BigQuery, function reference and data types; ZetaSQL."""

from __future__ import annotations

OFFSET = "(UTC)?[+-][0-9]{1,2}(:?[0-9]{1,2})?"
_FRACTION = ("CASE WHEN {us} % 1000000 = 0 THEN '' WHEN {us} % 1000 = 0 THEN '.' || lpad(CAST({us} % 1000000 // 1000 AS VARCHAR), 3, '0') "
             "ELSE '.' || lpad(CAST({us} % 1000000 AS VARCHAR), 6, '0') END")
_YMD = "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
_HMS = r"[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(\.[0-9]{1,6})?"
_ZONE = "([+-][0-9]{1,2}(:[0-9]{1,2})?|[zZ]| UTC([+-][0-9]{1,2}(:[0-9]{1,2})?)?| [A-Za-z][A-Za-z0-9_/+-]*)"
DATETIME = f"{_YMD}([ Tt]{_HMS})?"
MOMENT = f"{_YMD}([ Tt]({_HMS})?{_ZONE}?|[ Tt]{_HMS})?"


def _read(name: str, pattern: str, made: str, bounds: str = "") -> tuple[str, str]:
    """(strict, safe) macro of a text that must match a pattern. `bounds`: (first, last) macro of the values that there are."""
    strict = f"bq_{bounds}({made})" if bounds else made
    safe = f"bq_known_{bounds}(try({made}))" if bounds else f"try({made})"
    return (f"bq_{name}(s) AS CASE WHEN s IS NULL OR regexp_full_match(s, '{pattern}') THEN {strict} "
            f"ELSE error('Invalid {name}: ' || s) END",
            f"bq_safe_{name}(s) AS CASE WHEN regexp_full_match(s, '{pattern}') THEN {safe} END")


_CIVIL = f"CAST(regexp_replace(regexp_extract(s, '^({_YMD}([ Tt]{_HMS})?)', 1), '[Tt]', ' ') AS TIMESTAMP)"
_TAIL = f"regexp_extract(substr(s, length(regexp_extract(s, '^(({_YMD})([ Tt]{_HMS})?)', 1)) + 1), '^ ?(.*)$', 1)"

def _limited(name: str, word: str, test: str) -> tuple[str, str]:
    """(error, NULL) macro of what is too early or too late."""
    return (f"bq_{name}(d) AS CASE WHEN d IS NULL OR {test} THEN d ELSE error('{word} is out of range: ' || CAST(d AS VARCHAR)) END",
            f"bq_known_{name}(d) AS CASE WHEN {test} THEN d END")


def _made(name: str, takes: str, value: str) -> str:
    """A date or time of its parts, an error when there is none."""
    nulls = " OR ".join(f"{part} IS NULL" for part in takes.split(", "))
    years = "y BETWEEN 1 AND 9999 AND " if takes.startswith("y") else ""
    return (f"bq_make_{name}({takes}) AS CASE WHEN {nulls} THEN NULL WHEN {years}try({value}({takes})) IS NOT NULL "
            f"THEN try({value}({takes})) ELSE error('Input calculates to invalid date or time') END")


MACROS = (
    _made("day", "y, mo, d", "make_date"), _made("wall", "y, mo, d, h, mi, s", "make_timestamp"), _made("time", "h, mi, s", "make_time"),
    # zones: an offset is written with its sign, a time that is there twice is the first one. z of timezone() may be no offset
    "bq_minutes(z) AS CASE WHEN contains(z, '-') THEN -1 ELSE 1 END * (60 * CAST(regexp_extract(z, '[+-]([0-9]{1,2})', 1) AS BIGINT) "
    "+ CASE WHEN regexp_matches(z, '[+-][0-9]{1,2}:?[0-9]') THEN CAST(regexp_extract(z, '[+-][0-9]{1,2}:?([0-9]{1,2})', 1) AS BIGINT) "
    "ELSE 0 END)",
    f"bq_local(t, z) AS CASE WHEN regexp_full_match(z, '{OFFSET}') THEN timezone('UTC', t + to_minutes(bq_minutes(z))) "
    "ELSE timezone(z, t) END",
    "bq_first(t, z) AS list_transform([timezone(z, t)], lambda u: CASE WHEN timezone(z, u - to_minutes(60)) = t THEN u - to_minutes(60) "
    "WHEN timezone(z, u - to_minutes(30)) = t THEN u - to_minutes(30) ELSE u END)[1]",
    f"bq_utc(t, z) AS CASE WHEN regexp_full_match(z, '{OFFSET}') THEN timezone('UTC', t - to_minutes(bq_minutes(z))) "
    "ELSE bq_first(t, z) END",
    # limits: 0001-01-01 to 9999-12-31
    *_limited("day", "Date", "d BETWEEN DATE '0001-01-01' AND DATE '9999-12-31'"),
    *_limited("wall", "Datetime", "(d >= TIMESTAMP '0001-01-01' AND d < TIMESTAMP '10000-01-01')"),
    *_limited("moment", "Timestamp", "(d >= TIMESTAMPTZ '0001-01-01 00:00:00+00' AND d < TIMESTAMPTZ '10000-01-01 00:00:00+00')"),
    # text to values, as strict as BigQuery
    *_read("date", _YMD, "CAST(s AS DATE)", "day"),
    *_read("datetime", DATETIME, _CIVIL, "wall"),
    *_read("time", _HMS, "CAST(s AS TIME)"),
    *_read("timestamp", MOMENT, f"CASE WHEN {_TAIL} IN ('', 'Z', 'z', 'UTC') THEN timezone('UTC', {_CIVIL}) "
           f"ELSE bq_utc({_CIVIL}, {_TAIL}) END", "moment"),
    # values to text: no, three or six digits of a second
    f"bq_time_text(t) AS strftime(DATE '1970-01-01' + t, '%H:%M:%S') || {_FRACTION.format(us='microsecond(t)')}",
    f"bq_datetime_text(t) AS strftime(t, '%Y-%m-%d %H:%M:%S') || {_FRACTION.format(us='microsecond(t)')}",
    "bq_timestamp_text(t) AS bq_datetime_text(timezone('UTC', t)) || '+00'",
    "bq_offset_text(t, z) AS list_transform([CAST((epoch_us(bq_local(t, z)) - epoch_us(t)) // 60000000 AS BIGINT)], lambda m: "
    "CASE WHEN m < 0 THEN '-' ELSE '+' END || lpad(CAST(abs(m) // 60 AS VARCHAR), 2, '0') "
    "|| CASE WHEN m % 60 = 0 THEN '' ELSE ':' || lpad(CAST(abs(m) % 60 AS VARCHAR), 2, '0') END)[1]",
    "bq_zoned_text(t, z) AS bq_datetime_text(bq_local(t, z)) || bq_offset_text(t, z)",
    "bq_sign_text(n) AS CASE WHEN n < 0 THEN '-' ELSE '' END",
    "bq_interval_us(i) AS CAST(datepart('hour', i) * 3600000000 + datepart('minute', i) * 60000000 + datepart('microsecond', i) AS BIGINT)",
    "bq_interval_text(i) AS bq_sign_text(datepart('year', i) * 12 + datepart('month', i)) "
    "|| CAST(abs(datepart('year', i) * 12 + datepart('month', i)) // 12 AS VARCHAR) || '-' "
    "|| CAST(abs(datepart('year', i) * 12 + datepart('month', i)) % 12 AS VARCHAR) || ' ' || CAST(datepart('day', i) AS VARCHAR) || ' ' "
    "|| bq_sign_text(bq_interval_us(i)) || CAST(abs(bq_interval_us(i)) // 3600000000 AS VARCHAR) || ':' "
    "|| CAST(abs(bq_interval_us(i)) // 60000000 % 60 AS VARCHAR) || ':' || CAST(abs(bq_interval_us(i)) // 1000000 % 60 AS VARCHAR) "
    f"|| {_FRACTION.format(us='abs(bq_interval_us(i))')}",
    "bq_interval_months(i, years) AS CASE WHEN years = 12 THEN (datepart('year', i) * 12 + datepart('month', i)) // 12 "
    "ELSE (datepart('year', i) * 12 + datepart('month', i)) % 12 END",
    "bq_one_way(a, b) AS CASE WHEN a > 0 AND b < 0 OR a < 0 AND b > 0 THEN error('parts of an interval with different signs are not "
    "offered by the local warehouse') ELSE b END",
    "bq_justify_hours(i) AS to_months(CAST(datepart('year', i) * 12 + datepart('month', i) AS INTEGER)) "
    "+ to_days(CAST(datepart('day', i) + bq_one_way(datepart('day', i), bq_interval_us(i)) // 86400000000 AS INTEGER)) "
    "+ to_microseconds(bq_interval_us(i) % 86400000000)",
    "bq_justify_days(i) AS to_months(CAST(datepart('year', i) * 12 + datepart('month', i) "
    "+ bq_one_way(datepart('year', i) * 12 + datepart('month', i), datepart('day', i)) // 30 AS INTEGER)) "
    "+ to_days(CAST(datepart('day', i) % 30 AS INTEGER)) + to_microseconds(bq_interval_us(i))",
    "bq_no_months(i) AS CASE WHEN datepart('year', i) * 12 + datepart('month', i) <> 0 "
    "THEN error('TIMESTAMP +/- INTERVAL is not supported for intervals with years or months') ELSE i END",
    # parts of dates
    "bq_week(d, k) AS CAST(CAST(d AS DATE) - CAST((dayofweek(CAST(d AS DATE)) + 7 - k) % 7 AS INTEGER) AS DATE)",
    "bq_isoyear_start(d) AS CAST(date_trunc('week', make_date(CAST(isoyear(d) AS BIGINT), 1, 4)) AS DATE)",
    "bq_isoyear_end(d) AS CAST(date_trunc('week', make_date(CAST(isoyear(d) AS BIGINT) + 1, 1, 4)) AS DATE) - 1",
    "bq_week_number(d, k) AS CAST((dayofyear(d) + 6 - (dayofweek(d) - k + 7) % 7) // 7 AS BIGINT)",
    # what a format read
    "bq_matched(s, p) AS CASE WHEN s IS NULL OR regexp_full_match(s, p) THEN s ELSE error('Failed to parse input string ' || s) END",
    "bq_two_digits(y) AS CASE WHEN y < 69 THEN 2000 + y ELSE 1900 + y END",
    "bq_month(w) AS (position(lower(left(w, 3)) IN 'janfebmaraprmayjunjulaugsepoctnovdec') + 2) // 3",
    "bq_twelve(h, w) AS CASE WHEN h NOT BETWEEN 1 AND 12 THEN error('Invalid 12-hour clock') ELSE h % 12 END "
    "+ CASE WHEN lower(w) = 'pm' THEN 12 ELSE 0 END",
    "bq_civil(y, mo, d, h, mi, s) AS CASE WHEN y < 1 OR s >= 61 THEN error('Out-of-range datetime field in parsing function') "
    "ELSE make_timestamp(y, mo, d, h, mi, CAST(0 AS DOUBLE)) + to_microseconds(CAST(s * 1000000 AS BIGINT)) END",
    # arrays
    "bq_dates_up(s, e, months, days) AS list_filter(list_transform(range(0, greatest(0, CASE WHEN months > 0 "
    "THEN date_diff('month', s, e) // months ELSE date_diff('day', s, e) // greatest(days, 1) END + 1)), "
    "lambda i: CAST(s + to_months(CAST(i * months AS INTEGER)) + to_days(CAST(i * days AS INTEGER)) AS DATE)), lambda d: d <= e)",
    "bq_dates_down(s, e, months, days) AS list_reverse(list_filter(list_transform(range(0, greatest(0, CASE WHEN months < 0 "
    "THEN date_diff('month', e, s) // - months ELSE date_diff('day', e, s) // greatest(- days, 1) END + 1)), "
    "lambda i: CAST(s + to_months(CAST(i * months AS INTEGER)) + to_days(CAST(i * days AS INTEGER)) AS DATE)), lambda d: d >= e))",
    "bq_date_array(s, e, months, days) AS CASE WHEN months < 0 OR days < 0 THEN list_reverse(bq_dates_down(s, e, months, days)) "
    "ELSE bq_dates_up(s, e, months, days) END",
    "bq_timestamp_array(s, e, us) AS CASE WHEN (epoch_us(e) - epoch_us(s)) // us >= 1000000 "
    "THEN error('GENERATE_TIMESTAMP_ARRAY makes at most 1,000,000 items here') "
    "ELSE generate_series(s, CASE WHEN (epoch_us(e) - epoch_us(s)) // us >= 1000000 THEN s ELSE e END, "  # constants are folded first
    "to_microseconds(CAST(us AS BIGINT))) END",
    # limits of texts with a size
    "bq_limit(v, n, most) AS CASE WHEN n > most THEN error('a value is longer than its type allows: ' || CAST(most AS VARCHAR)) ELSE v END",
    "bq_safe_limit(v, n, most) AS CASE WHEN n <= most THEN v END",
)
