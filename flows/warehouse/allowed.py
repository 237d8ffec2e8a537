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
