-- Numbers: arithmetic, rounding, NaN, bits. Source: BigQuery, mathematical functions, operators, numeric types.

-- # 001 number: 9223372036854775807 + 1 is an error
-- = ERROR
SELECT 9223372036854775807 + 1

-- # 002 number: -9223372036854775808
-- = [[-9223372036854775808]]
SELECT -9223372036854775808

-- # 003 number: 9223372036854775808 is an error
-- = ERROR
SELECT 9223372036854775808

-- # 004 number: DIV
-- = [[5,-1,0]]
SELECT DIV(20,4), DIV(12,-7), DIV(0,20)

-- # 005 number: DIV is an error
-- = ERROR
SELECT DIV(20,0)

-- # 006 number: DIV (2)
-- = [["3"]]
SELECT DIV(NUMERIC '7.5', NUMERIC '2')

-- # 007 number: MOD
-- = [[1,-1,1]]
SELECT MOD(25,12), MOD(-25,12), MOD(25,-12)

-- # 008 number: MOD is an error
-- = ERROR
SELECT MOD(25,0)

-- # 009 number: MOD (2)
-- = [["1.5"]]
SELECT MOD(NUMERIC '7.5', NUMERIC '2')

-- # 010 number: ROUND
-- = [[3.0,-3.0,4.0,2.35,1240.0,1200.0]]
SELECT ROUND(2.5), ROUND(-2.5), ROUND(3.5), ROUND(2.355, 2), ROUND(1235, -1), ROUND(1234.56, -2)

-- # 011 number: ROUND (2)
-- = [["2.3","-2.3","130"]]
SELECT ROUND(NUMERIC '2.25', 1), ROUND(NUMERIC '-2.25', 1), ROUND(NUMERIC '125', -1)

-- # 012 number: ROUND (3)
-- = [["2.2","2.3"]]
SELECT ROUND(NUMERIC '2.25', 1, 'ROUND_HALF_EVEN'), ROUND(NUMERIC '2.25', 1, 'ROUND_HALF_AWAY_FROM_ZERO')

-- # 013 number: TRUNC
-- = [[2.0,-2.0,25.7,1200.0,"2.9"]]
SELECT TRUNC(2.9), TRUNC(-2.9), TRUNC(25.76, 1), TRUNC(1234.5,-2), TRUNC(NUMERIC '2.99', 1)

-- # 014 number: CEIL, CEILING, FLOOR
-- = [[3.0,-2.0,-3.0,"3",5.0]]
SELECT CEIL(2.1), CEILING(-2.9), FLOOR(-2.1), CEIL(NUMERIC '2.1'), FLOOR(5)

-- # 015 number: 7/2, 6/3
-- = [[3.5,2.0]]
SELECT 7/2, 6/3

-- # 016 number: 1/0 is an error
-- = ERROR
SELECT 1/0

-- # 017 number: 1.0/0 is an error
-- = ERROR
SELECT 1.0/0

-- # 018 number: IEEE_DIVIDE, CAST
-- = [[5.0,0.0,"Infinity","-Infinity","NaN","NaN"]]
SELECT IEEE_DIVIDE(20.0,4.0), IEEE_DIVIDE(0.0,25.0), IEEE_DIVIDE(25.0,0.0), IEEE_DIVIDE(-25.0,0.0), IEEE_DIVIDE(0.0,0.0), IEEE_DIVIDE(25, CAST('nan' AS FLOAT64))

-- # 019 number: SAFE_ADD, SAFE_SUBTRACT, SAFE_MULTIPLY, SAFE_NEGATE
-- = [[null,9,1,80,null]]
SELECT SAFE_ADD(9223372036854775807,1), SAFE_ADD(5,4), SAFE_SUBTRACT(5,4), SAFE_MULTIPLY(20,4), SAFE_NEGATE(-9223372036854775807-1)

-- # 020 number: SAFE_NEGATE
-- = [[-1]]
SELECT SAFE_NEGATE(+1)

-- # 021 number: ABS, CAST, SIGN
-- = [[25,"NaN",-1,0.0,"-1"]]
SELECT ABS(-25), ABS(CAST('nan' AS FLOAT64)), SIGN(-25), SIGN(0.0), SIGN(NUMERIC '-2')

-- # 022 number: ABS is an error
-- = ERROR
SELECT ABS(-9223372036854775807-1)

-- # 023 number: CAST
-- = [[false,true,false,false,false]]
SELECT CAST('nan' AS FLOAT64) = CAST('nan' AS FLOAT64), CAST('nan' AS FLOAT64) <> CAST('nan' AS FLOAT64), CAST('nan' AS FLOAT64) > 1, CAST('nan' AS FLOAT64) < 1, CAST('nan' AS FLOAT64) >= CAST('nan' AS FLOAT64)

-- # 024 number: CAST (2)
-- = [[null],["NaN"],["-Infinity"],[1.0],["Infinity"]]
SELECT x FROM UNNEST([1.0, CAST('nan' AS FLOAT64), CAST('-inf' AS FLOAT64), NULL, CAST('inf' AS FLOAT64)]) x ORDER BY x

-- # 025 number: CAST (3)
-- = [["Infinity"],[1.0],["-Infinity"],["NaN"],[null]]
SELECT x FROM UNNEST([1.0, CAST('nan' AS FLOAT64), CAST('-inf' AS FLOAT64), NULL, CAST('inf' AS FLOAT64)]) x ORDER BY x DESC

-- # 026 number: MIN, MAX, CAST
-- = [["NaN","NaN"]]
SELECT MIN(x), MAX(x) FROM UNNEST([1.0, CAST('nan' AS FLOAT64), 2.0]) x

-- # 027 number: GREATEST, CAST, LEAST
-- = [["NaN","NaN",null,0.0]]
SELECT GREATEST(1, CAST('nan' AS FLOAT64)), LEAST(1.0, CAST('nan' AS FLOAT64)), GREATEST(1,NULL), LEAST(1,2.5,0)

-- # 028 number: 5 & 3, 5 | 3, 5 ^ 3, ~5, 1 << 3, 16 >> 2, 1 << 64, 1 << 63, 
-- = [[1,7,6,-6,8,4,0,-9223372036854775808,9223372036854775807]]
SELECT 5 & 3, 5 | 3, 5 ^ 3, ~5, 1 << 3, 16 >> 2, 1 << 64, 1 << 63, -1 >> 1

-- # 029 number: 1 << -1 is an error
-- = ERROR
SELECT 1 << -1

-- # 030 number: BIT_COUNT, BIT_AND, BIT_OR, BIT_XOR
-- = [[2,1,7,6]]
SELECT BIT_COUNT(5), BIT_AND(x), BIT_OR(x), BIT_XOR(x) FROM UNNEST([5,3]) x GROUP BY 1

-- # 031 number: SQRT is an error
-- = ERROR
SELECT SQRT(-1)

-- # 032 number: LN is an error
-- = ERROR
SELECT LN(0)

-- # 033 number: LOG, LOG10, LN, EXP
-- = [[2.0,2.0,1.0,8.0,1.4142135623730951,1.0,5.0,3.0]]
SELECT LOG(100,10), LOG10(100), LN(EXP(1)), POW(2,3), POWER(2,0.5), EXP(0), SQRT(25), CBRT(27)

-- # 034 number: EXP is an error
-- = ERROR
SELECT EXP(1000)

-- # 035 number: POW is an error
-- = ERROR
SELECT POW(0,-1)

-- # 036 number: CAST is an error
-- = ERROR
SELECT CAST(CAST('nan' AS FLOAT64) AS INT64)

-- # 037 number: NUMERIC '99999999999999999999999999999' + 1 is an error
-- = ERROR
SELECT NUMERIC '99999999999999999999999999999' + 1

-- # 038 number: NUMERIC '99999999999999999999999999999.999999999'
-- = [["99999999999999999999999999999.999999999"]]
SELECT NUMERIC '99999999999999999999999999999.999999999'

-- # 039 number: NUMERIC '100000000000000000000000000000' is an error
-- = ERROR
SELECT NUMERIC '100000000000000000000000000000'

-- # 040 number: NUMERIC '1' / NUMERIC '3', NUMERIC '2' / 3, 2 / NUMERIC '3'
-- = [["0.333333333","0.666666667","0.666666667"]]
SELECT NUMERIC '1' / NUMERIC '3', NUMERIC '2' / 3, 2 / NUMERIC '3'

-- # 041 number: NUMERIC '1.5' + 1.5, NUMERIC '1.5' * 2, 2 * NUMERIC '1.5', N
-- = [[3.0,"3","3","0.5"]]
SELECT NUMERIC '1.5' + 1.5, NUMERIC '1.5' * 2, 2 * NUMERIC '1.5', NUMERIC '1.5' - 1

-- # 042 number: SUM, AVG
-- = [["6.6","2.2"]]
SELECT SUM(x), AVG(x) FROM UNNEST([NUMERIC '1.1', NUMERIC '2.2', NUMERIC '3.3']) x

-- # 043 number: AVG
-- = [[1.5]]
SELECT AVG(x) FROM UNNEST([1,2]) x

-- # 044 number: SUM is an error
-- = ERROR
SELECT SUM(x) FROM UNNEST([9223372036854775807,1]) x

-- # 045 number: PARSE_NUMERIC
-- = [["123.45","-12.34","1234.56"]]
SELECT PARSE_NUMERIC('123.45'), PARSE_NUMERIC('- 12.34'), PARSE_NUMERIC('1,234.56')

-- # 046 number: IS_INF, IEEE_DIVIDE, IS_NAN
-- = [[true,true]]
SELECT IS_INF(IEEE_DIVIDE(1,0)), IS_NAN(IEEE_DIVIDE(0,0))

-- # 047 number: RANGE_BUCKET
-- = [[3,0,3]]
SELECT RANGE_BUCKET(20, [0, 10, 20, 30, 40]), RANGE_BUCKET(-10,[5,10]), RANGE_BUCKET(25,[0,10,20,30,40])

-- # 048 number: 1 = 1.0, NUMERIC '1' = 1, NUMERIC '1.5' = 1.5, 1 < 1.5
-- = [[true,true,true,true]]
SELECT 1 = 1.0, NUMERIC '1' = 1, NUMERIC '1.5' = 1.5, 1 < 1.5

-- # 049 number: IF, COALESCE
-- = [[1.0,1.0,"1"]]
SELECT IF(TRUE, 1, 2.5), COALESCE(NULL, 1, 2.5), CASE WHEN TRUE THEN 1 ELSE NUMERIC '2' END

-- # 050 number: IF is an error
-- = ERROR
SELECT IF(TRUE, 1, 'a')

-- # 051 number: 1 UNION ALL 2.5
-- = [[1.0],[2.5]]
SELECT 1 UNION ALL SELECT 2.5

-- # 052 number: 1 UNION ALL 'a' is an error
-- = ERROR
SELECT 1 UNION ALL SELECT 'a'

-- # 053 number: 1 IN (1.0, 2), 1 IN (NUMERIC '1')
-- = [[true,true]]
SELECT 1 IN (1.0, 2), 1 IN (NUMERIC '1')

-- # 054 number: 1 IN ('1') is an error
-- = ERROR
SELECT 1 IN ('1')

-- # 055 number: DATE '2020-01-01' = TIMESTAMP '2020-01-01' is an error
-- = ERROR
SELECT DATE '2020-01-01' = TIMESTAMP '2020-01-01'

-- # 056 number: COSH, SINH, TANH, ACOS
-- = [[1.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,0.0,0.0]]
SELECT COSH(0), SINH(0), TANH(0), ACOS(1), ASIN(0), ATAN(0), ATAN2(0,1), COS(0), SIN(0), TAN(0)

-- # 057 number: SAFE.SQRT, SAFE.LN, SAFE_DIVIDE
-- = [[null,null,null]]
SELECT SAFE.SQRT(-1), SAFE.LN(0), SAFE_DIVIDE(1,0)

-- # 058 number: -(-9223372036854775807-1) is an error
-- = ERROR
SELECT -(-9223372036854775807-1)

-- # 059 number: RAND
-- = [[true]]
SELECT RAND() < 1
