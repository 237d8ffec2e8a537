"""Macros of text, arrays, aggregates and JSON."""

from __future__ import annotations

MACROS = (
    # text
    "bq_substr(s, p, n) AS CASE WHEN n < 0 THEN error('Third argument in SUBSTR() cannot be negative') "
    "WHEN p > 0 THEN substr(s, p, n) WHEN p = 0 THEN substr(s, 1, n) WHEN -p > length(s) THEN substr(s, 1, n) "
    "ELSE substr(s, length(s) + p + 1, n) END",
    "bq_left(s, n) AS CASE WHEN n < 0 THEN error('Second argument in LEFT() cannot be negative') ELSE left(s, n) END",
    "bq_right(s, n) AS CASE WHEN n < 0 THEN error('Second argument in RIGHT() cannot be negative') ELSE right(s, n) END",
    "bq_ascii(s) AS CASE WHEN s = '' THEN CAST(0 AS BIGINT) WHEN ascii(s) > 127 THEN error('ASCII of a character that is none') "
    "ELSE CAST(ascii(s) AS BIGINT) END",
    "bq_unicode(s) AS CASE WHEN s = '' THEN CAST(0 AS BIGINT) ELSE CAST(unicode(s) AS BIGINT) END",
    "bq_chr(n) AS CASE WHEN n = 0 THEN '' WHEN n < 0 OR n > 1114111 OR n BETWEEN 55296 AND 57343 "
    "THEN error('CHR of a number that is no code point') ELSE chr(CAST(n AS INTEGER)) END",
    "bq_clock(t) AS CASE WHEN microsecond(t) % 1000000 = 0 THEN strftime(DATE '2000-01-01' + t, '%H:%M:%S') "
    "WHEN microsecond(t) % 1000 = 0 THEN strftime(DATE '2000-01-01' + t, '%H:%M:%S.%g') "
    "ELSE strftime(DATE '2000-01-01' + t, '%H:%M:%S.%f') END",
    # patterns
    "bq_from(s, p) AS CASE WHEN p = 1 OR p <= length(s) THEN substr(s, p) END",
    "bq_extract(s, p, g) AS CASE WHEN regexp_matches(s, p) THEN regexp_extract(s, p, g) END",
    # DuckDB finds nothing once more behind the last letter
    "bq_extract_all(s, p, g) AS CASE WHEN s <> '' AND regexp_full_match('', p) "
    "THEN list_slice(regexp_extract_all(s, p, g), 1, len(regexp_extract_all(s, p, g)) - 1) ELSE regexp_extract_all(s, p, g) END",
    "bq_regexp_place(s, p, q, behind, start) AS CASE WHEN s IS NULL THEN NULL WHEN NOT regexp_matches(s, p) THEN 0 "
    "ELSE start + length(regexp_extract(s, q, 1)) + behind * length(regexp_extract(s, p, 0)) END",
    # arrays; i counts from 0
    "bq_at(a, i) AS CASE WHEN a IS NULL OR i IS NULL THEN NULL WHEN i < 0 OR i >= len(a) "
    "THEN error('Array index ' || CAST(i AS VARCHAR) || ' is out of bounds') ELSE a[i + 1] END",
    "bq_safe_at(a, i) AS CASE WHEN i < 0 THEN NULL ELSE a[i + 1] END",
    "bq_array_first(a) AS CASE WHEN len(a) = 0 THEN error('ARRAY_FIRST of an empty array') ELSE a[1] END",
    "bq_array_last(a) AS CASE WHEN len(a) = 0 THEN error('ARRAY_LAST of an empty array') ELSE a[len(a)] END",
    "bq_slice(a, s, e) AS CASE WHEN s IS NULL OR e IS NULL THEN NULL ELSE list_slice(a, "
    "CASE WHEN s < 0 THEN greatest(len(a) + s, 0) ELSE s END + 1, greatest(CASE WHEN e < 0 THEN len(a) + e ELSE e END + 1, 0)) END",
    "bq_glued(a, g) AS CASE WHEN a IS NULL OR g IS NULL THEN NULL ELSE coalesce(array_to_string(a, g), '') END",
    "bq_no_null(a) AS CASE WHEN len(list_filter(a, lambda x: x IS NULL)) > 0 "
    "THEN error('Array cannot have a null element; error in writing a field of the result') ELSE a END",
    # aggregates that are approximate on BigQuery
    "bq_quantiles(l, n) AS CASE WHEN len(l) > 0 THEN list_transform(range(0, n + 1), "
    "lambda k: l[CASE WHEN k = 0 THEN 1 ELSE CAST((len(l) * k + n - 1) // n AS BIGINT) END]) END",
    "bq_top(h, n) AS list_transform(list_slice(list_sort(list_transform(map_entries(h), "
    "lambda e: {'c': -CAST(e.value AS BIGINT), 'k': e.key.v})), 1, n), lambda e: {'value': e.k, 'count': -e.c})",
    # JSON
    "bq_json_value(j, p) AS CASE WHEN json_type(j, p) IN ('OBJECT', 'ARRAY', 'NULL') THEN NULL ELSE json_extract_string(j, p) END",
    "bq_json_text(j) AS CASE WHEN json_type(j) = 'VARCHAR' THEN json_extract_string(j, '$') WHEN j IS NULL THEN NULL "
    "ELSE error('The provided JSON input is not a string') END",
    "bq_json_int(j) AS CASE WHEN j IS NULL THEN NULL WHEN json_type(j) IN ('BIGINT', 'UBIGINT') "
    "THEN CAST(json_extract_string(j, '$') AS BIGINT) WHEN json_type(j) = 'DOUBLE' AND CAST(json_extract_string(j, '$') AS DOUBLE) = "
    "trunc(CAST(json_extract_string(j, '$') AS DOUBLE)) THEN CAST(CAST(json_extract_string(j, '$') AS DOUBLE) AS BIGINT) "
    "ELSE error('The provided JSON input is not an integer') END",
    "bq_json_float(j) AS CASE WHEN j IS NULL THEN NULL WHEN json_type(j) IN ('BIGINT', 'UBIGINT', 'DOUBLE') "
    "THEN CAST(json_extract_string(j, '$') AS DOUBLE) ELSE error('The provided JSON input is not a number') END",
    "bq_json_bool(j) AS CASE WHEN j IS NULL THEN NULL WHEN json_type(j) = 'BOOLEAN' THEN json_extract_string(j, '$') = 'true' "
    "ELSE error('The provided JSON input is not a boolean') END",
    "bq_json_type(j) AS CASE WHEN j IS NULL THEN NULL ELSE CASE json_type(j) WHEN 'OBJECT' THEN 'object' WHEN 'ARRAY' THEN 'array' "
    "WHEN 'VARCHAR' THEN 'string' WHEN 'BOOLEAN' THEN 'boolean' WHEN 'NULL' THEN 'null' ELSE 'number' END END",
    "bq_json_items(j, p) AS CASE json_type(j, p) WHEN 'ARRAY' THEN CAST(json_extract(j, p) AS JSON[]) END",
    "bq_json_number(x) AS CASE WHEN x = trunc(x) AND abs(x) <= 9007199254740992 THEN bq_numeric_text(x) "
    "ELSE '\"' || bq_numeric_text(x) || '\"' END",
)
