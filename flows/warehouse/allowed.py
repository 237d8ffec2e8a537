"""The functions that a written statement may call, on either warehouse: BigQuery's own, pure and without a way out of the tenant.

Not here, so refused: what reaches other systems or models (EXTERNAL_QUERY, ML, AI, OBJ), keys (KEYS, AEAD, DETERMINISTIC_*), functions of
other datasets, table functions, and everything that BigQuery has not. What one warehouse lacks is its own affair, said after this.
Source: BigQuery's function reference; the class names are sqlglot's for those functions and operators.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import exp

_TYPED = """
Abs Acos Acosh And AnyValue ApproxDistinct ApproxQuantiles ApproxTopK ApproxTopSum ArgMax ArgMin Array ArrayAgg ArrayConcat ArrayConcatAgg
ArrayFilter ArrayFirst ArrayLast ArrayMax ArrayMin ArrayReverse ArraySize ArraySlice ArraySum ArrayToString Ascii Asin Asinh Atan
Atan2 Atanh Avg BitwiseAndAgg BitwiseCount BitwiseOrAgg BitwiseXorAgg ByteLength Case Cast CastToStrType Cbrt Ceil Chr Coalesce
CodePointsToBytes CodePointsToString Collate Concat Contains Corr Cos Cosh CosineDistance Cot Coth Count CountIf CovarPop
CovarSamp Csc Csch CumeDist CurrentDate CurrentDatetime CurrentTime CurrentTimestamp Date DateAdd DateDiff DateFromParts
DateFromUnixDate DateSub DateTrunc Datetime DatetimeAdd DatetimeDiff DatetimeSub DatetimeTrunc DenseRank EndsWith
EuclideanDistance Exists Exp Extract FarmFingerprint FirstValue Float64 Floor Format FromBase32 FromBase64 GenerateDateArray
GenerateSeries GenerateTimestampArray Greatest GroupConcat Grouping Host If Initcap Int64 IsInf IsNan JSONArray JSONArrayAppend
JSONArrayInsert JSONBool JSONExtract JSONExtractArray JSONExtractScalar JSONFormat JSONKeysAtDepth JSONObject JSONRemove JSONSet
JSONStripNulls JSONType JSONValueArray JustifyDays JustifyHours JustifyInterval Lag LastDay LastValue LaxBool LaxFloat64 LaxInt64
LaxString Lead Least Left Length Levenshtein Ln Log LogicalAnd LogicalOr Lower LowerHex MD5 MD5Digest MakeInterval Max Min NetFunc
Normalize NthValue Ntile Nullif Or Pad ParseBignumeric ParseDatetime ParseJSON ParseNumeric ParseTime PercentRank PercentileCont
PercentileDisc Pi Pow Rand RangeBucket Rank RegDomain RegexpExtract RegexpExtractAll RegexpInstr RegexpLike RegexpReplace Repeat
Replace Reverse Right Round RowNumber SHA1Digest SHA2Digest SafeAdd SafeConvertBytesToString SafeDivide SafeFunc SafeMultiply
SafeNegate SafeSubtract Sec Sech SessionUser Sign Sin Sinh Soundex Split Sqrt StDistance StartsWith Stddev StddevPop StddevSamp
StrPosition StrToDate StrToTime String Struct Substring Sum Tan Tanh Time TimeAdd TimeDiff TimeFromParts TimeSub TimeToStr TimeTrunc
Timestamp TimestampAdd TimestampDiff TimestampFromParts TimestampSub TimestampTrunc ToBase32 ToBase64 ToCodePoints Translate Trim
Trunc TryCast TsOrDsToDate TsOrDsToDatetime TsOrDsToTime TsOrDsToTimestamp Unhex Unicode UnixDate UnixMicros UnixMillis
UnixSeconds UnixToTime Unnest Upper Uuid Variance VariancePop WeekStart Xor
"""
_NAMED = """
ARRAY_AVG ARRAY_FIND ARRAY_FIRST ARRAY_FIRST_N ARRAY_INCLUDES ARRAY_INCLUDES_ALL ARRAY_INCLUDES_ANY ARRAY_IS_DISTINCT ARRAY_LAST
ARRAY_LAST_N ARRAY_OFFSET ARRAY_OFFSETS ARRAY_SLICE ARRAY_TRANSFORM ARRAY_ZIP ASSERT BAG_OF_WORDS BIT_COUNT BOOL BOOL_ARRAY CBRT
CODE_POINTS_TO_BYTES CODE_POINTS_TO_STRING COLLATE COSINE_DISTANCE COT COTH CSC CSCH DATETIME_BUCKET DATE_BUCKET DOUBLE EDIT_DISTANCE
ERROR EUCLIDEAN_DISTANCE EXTRACT FLOAT32 FLOAT32_ARRAY FLOAT64 FLOAT64_ARRAY FORMAT_TIME GENERATE_RANGE_ARRAY IEEE_DIVIDE INT32
INT32_ARRAY INT64 INT64_ARRAY ISNULL IS_INF IS_NAN JSON_ARRAY_APPEND JSON_ARRAY_INSERT JSON_FLATTEN JSON_QUERY_ARRAY JSON_TYPE LAX_BOOL
LAX_BOOL_ARRAY LAX_DOUBLE LAX_FLOAT64 LAX_FLOAT64_ARRAY LAX_INT64 LAX_INT64_ARRAY LAX_STRING LAX_STRING_ARRAY MAKE_INTERVAL
NORMALIZE_AND_CASEFOLD NULLIFZERO OFFSET ORDINAL PARSE_BIGNUMERIC PARSE_NUMERIC PARSE_TIME RANGE RANGE_BUCKET RANGE_CONTAINS RANGE_END
RANGE_INTERSECT RANGE_OVERLAPS RANGE_START REGEXP_INSTR REGEXP_SUBSTR S2_CELLIDFROMPOINT S2_COVERINGCELLIDS SAFE_CONVERT_BYTES_TO_STRING
SAFE_NEGATE SAFE_OFFSET SAFE_ORDINAL SEARCH SEC SECH SPLIT_SUBSTR STRING_ARRAY TEXT_ANALYZE TF_IDF TIMESTAMP_BUCKET TO_CODE_POINTS
TYPEOF ZEROIFNULL
HLL_COUNT.EXTRACT HLL_COUNT.INIT HLL_COUNT.MERGE HLL_COUNT.MERGE_PARTIAL KLL_QUANTILES.EXTRACT_FLOAT64 KLL_QUANTILES.EXTRACT_INT64
KLL_QUANTILES.EXTRACT_POINT_FLOAT64 KLL_QUANTILES.EXTRACT_POINT_INT64 KLL_QUANTILES.INIT_FLOAT64 KLL_QUANTILES.INIT_INT64
KLL_QUANTILES.MERGE_FLOAT64 KLL_QUANTILES.MERGE_INT64 KLL_QUANTILES.MERGE_PARTIAL KLL_QUANTILES.MERGE_POINT_FLOAT64
KLL_QUANTILES.MERGE_POINT_INT64
NET.HOST NET.IPV4_FROM_INT64 NET.IPV4_TO_INT64 NET.IP_FROM_STRING NET.IP_NET_MASK NET.IP_TO_STRING NET.IP_TRUNC NET.PUBLIC_SUFFIX
NET.REG_DOMAIN NET.SAFE_IP_FROM_STRING
"""
_SPELLED = """
ABS ACOS ACOSH AND ANY_VALUE APPROX_COUNT_DISTINCT APPROX_QUANTILES APPROX_TOP_COUNT APPROX_TOP_SUM ARRAY ARRAY_AGG ARRAY_CONCAT
ARRAY_CONCAT_AGG ARRAY_FILTER ARRAY_FIRST ARRAY_LAST ARRAY_LENGTH ARRAY_MAX ARRAY_MIN ARRAY_REVERSE ARRAY_SLICE ARRAY_SUM ARRAY_TO_STRING
ASCII ASIN ASINH ATAN ATAN2 ATANH AVG BIT_AND BIT_COUNT BIT_OR BIT_XOR BOOL BYTE_LENGTH CASE CAST CBRT CEIL CEILING CHARACTER_LENGTH
CHAR_LENGTH CHR COALESCE CODE_POINTS_TO_BYTES CODE_POINTS_TO_STRING COLLATE CONCAT CONTAINS_SUBSTR CORR COS COSH COSINE_DISTANCE COT COTH
COUNT COUNTIF COVAR_POP COVAR_SAMP CSC CSCH CUME_DIST CURRENT_DATE CURRENT_DATETIME CURRENT_TIME CURRENT_TIMESTAMP DATE DATETIME
DATETIME_ADD DATETIME_DIFF DATETIME_SUB DATETIME_TRUNC DATE_ADD DATE_DIFF DATE_FROM_UNIX_DATE DATE_SUB DATE_TRUNC DENSE_RANK DIV
EDIT_DISTANCE ENDS_WITH EUCLIDEAN_DISTANCE EXISTS EXP EXTRACT FARM_FINGERPRINT FIRST_VALUE FLOAT64 FLOOR FORMAT FORMAT_DATE
FORMAT_DATETIME FORMAT_TIME FORMAT_TIMESTAMP FROM_BASE32 FROM_BASE64 FROM_HEX GENERATE_ARRAY GENERATE_DATE_ARRAY GENERATE_TIMESTAMP_ARRAY
GENERATE_UUID GREATEST GROUPING HOST IEEE_DIVIDE IF IFNULL INITCAP INSTR INT64 IS_INF IS_NAN JSON_ARRAY JSON_ARRAY_APPEND
JSON_ARRAY_INSERT JSON_EXTRACT JSON_EXTRACT_ARRAY JSON_EXTRACT_SCALAR JSON_EXTRACT_STRING_ARRAY JSON_KEYS JSON_OBJECT JSON_QUERY
JSON_QUERY_ARRAY JSON_REMOVE JSON_SET JSON_STRIP_NULLS JSON_TYPE JSON_VALUE JSON_VALUE_ARRAY JUSTIFY_DAYS JUSTIFY_HOURS JUSTIFY_INTERVAL
LAG LAST_DAY LAST_VALUE LAX_BOOL LAX_FLOAT64 LAX_INT64 LAX_STRING LEAD LEAST LEFT LENGTH LN LOG LOG10 LOGICAL_AND LOGICAL_OR LOWER LPAD
LTRIM MAKE_INTERVAL MAX MAX_BY MD5 MIN MIN_BY MOD NORMALIZE NORMALIZE_AND_CASEFOLD NTH_VALUE NTILE NULLIF OCTET_LENGTH OR PARSE_BIGNUMERIC
PARSE_DATE PARSE_DATETIME PARSE_JSON PARSE_NUMERIC PARSE_TIME PARSE_TIMESTAMP PERCENTILE_CONT PERCENTILE_DISC PERCENT_RANK POW POWER RAND
RANGE_BUCKET RANK REGEXP_CONTAINS REGEXP_EXTRACT REGEXP_EXTRACT_ALL REGEXP_INSTR REGEXP_REPLACE REGEXP_SUBSTR REG_DOMAIN REPEAT REPLACE
REVERSE RIGHT ROUND ROW_NUMBER RPAD RTRIM SAFE_ADD SAFE_CAST SAFE_CONVERT_BYTES_TO_STRING SAFE_DIVIDE SAFE_MULTIPLY SAFE_NEGATE
SAFE_SUBTRACT SEC SECH SESSION_USER SHA1 SHA256 SHA512 SIGN SIN SINH SOUNDEX SPLIT SQRT STARTS_WITH STDDEV STDDEV_POP STDDEV_SAMP STRING
STRING_AGG STRPOS STRUCT ST_DISTANCE SUBSTR SUBSTRING SUM TAN TANH TIME TIMESTAMP TIMESTAMP_ADD TIMESTAMP_DIFF TIMESTAMP_MICROS
TIMESTAMP_MILLIS TIMESTAMP_SECONDS TIMESTAMP_SUB TIMESTAMP_TRUNC TIME_ADD TIME_DIFF TIME_SUB TIME_TRUNC TO_BASE32 TO_BASE64 TO_CODE_POINTS
TO_HEX TO_JSON TO_JSON_STRING TRANSLATE TRIM TRUNC UNICODE UNIX_DATE UNIX_MICROS UNIX_MILLIS UNIX_SECONDS UNNEST UPPER VARIANCE VAR_POP
VAR_SAMP WEEK
"""
"""How BigQuery spells the functions that have a class: the parser takes other dialects' names for them as well."""
_OUTSIDE = ("EXTERNAL_QUERY", "DETERMINISTIC_ENCRYPT", "DETERMINISTIC_DECRYPT_STRING", "DETERMINISTIC_DECRYPT_BYTES", "VECTOR_SEARCH",
            "APPENDS", "CHANGES", "GAP_FILL", "RANGE_SESSIONIZE", "EXTERNAL_OBJECT_TRANSFORM", "CURRENT_USER")


@cache
def typed() -> frozenset[type[exp.Expr]]:
    """The node classes of allowed functions and operators."""
    from sqlglot import exp

    return frozenset(getattr(exp, name) for name in _TYPED.split())


def refused(node: exp.Func, own: Collection[str] = ()) -> tuple[str, str] | None:
    """(name, code) of a function that may not be called, None when it may. `own`: functions of this session or script, in lower case.

    The codes: not_allowed (it leaves the tenant, or is nobody's that is known), unknown_function (BigQuery has none of that name).
    """
    from sqlglot import exp

    written = str(node.meta.get("bigquery_name") or "")
    if written and type(node) in typed() and written.upper() not in (*_SPELLED.split(), *_NAMED.split()) and written.lower() not in own:
        return written, "unknown_function"
    if node.meta.get("ours") or type(node) in typed():
        return None
    path = called(node)
    upper = path.upper()
    if isinstance(node, exp.Anonymous) and (upper in _NAMED.split() or upper.startswith("ST_") or path.lower() in own):
        return None
    return path, "not_allowed" if "." in upper or upper in _OUTSIDE else "unknown_function"


def called(node: exp.Func) -> str:
    """The whole name of a call: evil.d.lower(x) is a call of `evil.d.lower`, not of LOWER."""
    from sqlglot import exp

    named = isinstance(node, exp.Anonymous)
    name, here = node.name if named else node.sql(dialect="bigquery").partition("(")[0].strip() or node.key.upper(), node.parent
    if isinstance(here, exp.NetFunc):
        return f"NET.{name}"
    if isinstance(here, exp.Dot) and here.expression is node:
        return f"{here.this.sql(dialect='bigquery').replace('`', '')}.{name}"
    if isinstance(here, exp.Table) and here.this is node and here.db:
        return f"{here.catalog}.{here.db}.{name}".lstrip(".")
    return name
