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
-- = [[2.0,2.0,1.0,8.0,1.4142135623730951,1.0,5.0,3.0000000000000004]]
SELECT LOG(100,10), LOG10(100), LN(EXP(1)), POW(2,3), POWER(2,0.5), EXP(0), SQRT(25), CBRT(27)

-- # 034 number: EXP is an error
-- = ERROR
SELECT EXP(1000)

-- # 035 number: POW is an error
-- = ERROR
SELECT POW(0,-1)

-- # 036 number: 1e308*10 is an error
-- = ERROR
SELECT 1e308*10

-- # 037 number: CAST is an error
-- = ERROR
SELECT CAST(CAST('nan' AS FLOAT64) AS INT64)

-- # 038 number: NUMERIC '99999999999999999999999999999' + 1 is an error
-- = ERROR
SELECT NUMERIC '99999999999999999999999999999' + 1

-- # 039 number: NUMERIC '99999999999999999999999999999.999999999'
-- = [["99999999999999999999999999999.999999999"]]
SELECT NUMERIC '99999999999999999999999999999.999999999'

-- # 040 number: NUMERIC '100000000000000000000000000000' is an error
-- = ERROR
SELECT NUMERIC '100000000000000000000000000000'

-- # 041 number: NUMERIC '1.123456789' * NUMERIC '1.123456789'
-- = [["1.262155157"]]
SELECT NUMERIC '1.123456789' * NUMERIC '1.123456789'

-- # 042 number: NUMERIC '1' / NUMERIC '3', NUMERIC '2' / 3, 2 / NUMERIC '3'
-- = [["0.333333333","0.666666667","0.666666667"]]
SELECT NUMERIC '1' / NUMERIC '3', NUMERIC '2' / 3, 2 / NUMERIC '3'

-- # 043 number: NUMERIC '1.5' + 1.5, NUMERIC '1.5' * 2, 2 * NUMERIC '1.5', N
-- = [[3.0,"3","3","0.5"]]
SELECT NUMERIC '1.5' + 1.5, NUMERIC '1.5' * 2, 2 * NUMERIC '1.5', NUMERIC '1.5' - 1

-- # 044 number: SUM, AVG
-- = [["6.6","2.2"]]
SELECT SUM(x), AVG(x) FROM UNNEST([NUMERIC '1.1', NUMERIC '2.2', NUMERIC '3.3']) x

-- # 045 number: AVG
-- = [[1.5]]
SELECT AVG(x) FROM UNNEST([1,2]) x

-- # 046 number: SUM is an error
-- = ERROR
SELECT SUM(x) FROM UNNEST([9223372036854775807,1]) x

-- # 047 number: PARSE_NUMERIC
-- = [["123.45","-12.34","1234.56"]]
SELECT PARSE_NUMERIC('123.45'), PARSE_NUMERIC('- 12.34'), PARSE_NUMERIC('1,234.56')

-- # 048 number: IS_INF, IEEE_DIVIDE, IS_NAN
-- = [[true,true]]
SELECT IS_INF(IEEE_DIVIDE(1,0)), IS_NAN(IEEE_DIVIDE(0,0))

-- # 049 number: RANGE_BUCKET
-- = [[3,0,3]]
SELECT RANGE_BUCKET(20, [0, 10, 20, 30, 40]), RANGE_BUCKET(-10,[5,10]), RANGE_BUCKET(25,[0,10,20,30,40])

-- # 050 number: 1 = 1.0, NUMERIC '1' = 1, NUMERIC '1.5' = 1.5, 1 < 1.5
-- = [[true,true,true,true]]
SELECT 1 = 1.0, NUMERIC '1' = 1, NUMERIC '1.5' = 1.5, 1 < 1.5

-- # 051 number: IF, COALESCE
-- = [[1.0,1.0,"1"]]
SELECT IF(TRUE, 1, 2.5), COALESCE(NULL, 1, 2.5), CASE WHEN TRUE THEN 1 ELSE NUMERIC '2' END

-- # 052 number: IF is an error
-- = ERROR
SELECT IF(TRUE, 1, 'a')

-- # 053 number: 1 UNION ALL 2.5
-- = [[1.0],[2.5]]
SELECT 1 UNION ALL SELECT 2.5

-- # 054 number: 1 UNION ALL 'a' is an error
-- = ERROR
SELECT 1 UNION ALL SELECT 'a'

-- # 055 number: 1 IN (1.0, 2), 1 IN (NUMERIC '1')
-- = [[true,true]]
SELECT 1 IN (1.0, 2), 1 IN (NUMERIC '1')

-- # 056 number: 1 IN ('1') is an error
-- = ERROR
SELECT 1 IN ('1')

-- # 057 number: DATE '2020-01-01' = TIMESTAMP '2020-01-01' is an error
-- = ERROR
SELECT DATE '2020-01-01' = TIMESTAMP '2020-01-01'

-- # 058 number: COSH, SINH, TANH, ACOS
-- = [[1.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,0.0,0.0]]
SELECT COSH(0), SINH(0), TANH(0), ACOS(1), ASIN(0), ATAN(0), ATAN2(0,1), COS(0), SIN(0), TAN(0)

-- # 059 number: SAFE.SQRT, SAFE.LN, SAFE_DIVIDE
-- = [[null,null,null]]
SELECT SAFE.SQRT(-1), SAFE.LN(0), SAFE_DIVIDE(1,0)

-- # 060 number: -(-9223372036854775807-1) is an error
-- = ERROR
SELECT -(-9223372036854775807-1)

-- # 061 number: RAND
-- = [[true]]
SELECT RAND() < 1

-- # 062 number: ROUND (4)
-- = [[124.0,1.24,120.0,-1.24,2.67,1.0,0.28,3.0,1e+20]]
SELECT ROUND(123.7), ROUND(1.235, 2), ROUND(123.7, -1), ROUND(-1.235, 2), ROUND(2.675, 2), ROUND(1.005, 2), ROUND(0.285, 2), ROUND(2.5, 0), ROUND(1e20, 2)

-- # 063 number: TRUNC (2)
-- = [[2.354,0.28,-1.99,1000.0]]
SELECT TRUNC(2.355, 3), TRUNC(0.29, 2), TRUNC(-1.999, 2), TRUNC(1999, -3)

-- # 064 number: ROUND, TRUNC, CEIL, FLOOR
-- = [["100","-123.4","-1","-2","-1"]]
SELECT ROUND(NUMERIC '123.456', -2), TRUNC(NUMERIC '-123.456', 1), CEIL(NUMERIC '-1.5'), FLOOR(NUMERIC '-1.5'), ROUND(NUMERIC '-0.5')

-- # 065 number: ROUND (5)
-- = [["2","4","-2","120"]]
SELECT ROUND(NUMERIC '2.5', 0, 'ROUND_HALF_EVEN'), ROUND(NUMERIC '3.5', 0, 'ROUND_HALF_EVEN'), ROUND(NUMERIC '-2.5', 0, 'ROUND_HALF_EVEN'), ROUND(NUMERIC '125', -1, 'ROUND_HALF_EVEN')

-- # 066 number: IEEE_DIVIDE
-- = [[true,true,true]]
SELECT IEEE_DIVIDE(1, 0) > 5, IEEE_DIVIDE(-1, 0) < 0, IEEE_DIVIDE(1,0) = IEEE_DIVIDE(2,0)

-- # 067 number: NOT, CAST
-- = [[true,false,false,true]]
SELECT x <> x, x < 1, x >= 1, NOT (x = x) FROM UNNEST([CAST('nan' AS FLOAT64)]) x

-- # 068 number: COUNT, CAST
-- = [[1]]
SELECT COUNT(*) FROM UNNEST([CAST('nan' AS FLOAT64), 1.0]) x JOIN UNNEST([CAST('nan' AS FLOAT64), 1.0]) y ON x = y

-- # 069 number: MIN, OVER
-- = [[1.0,1.0],[2.0,1.0]]
SELECT x, MIN(x) OVER () FROM UNNEST([1.0, 2.0]) x ORDER BY x

-- # 070 number: MIN, OVER, MAX, CAST
-- = [["NaN","NaN"]]
SELECT MIN(x) OVER (), MAX(x) OVER () FROM UNNEST([1.0, CAST('nan' AS FLOAT64)]) x LIMIT 1

-- # 071 number: SUM, CAST
-- = [["Infinity"]]
SELECT SUM(x) FROM UNNEST([1.0, CAST('inf' AS FLOAT64)]) x

-- # 072 number: CAST (4)
-- = [["Infinity","NaN"]]
SELECT CAST('inf' AS FLOAT64) + 1, CAST('inf' AS FLOAT64) * 0

-- # 073 number: x * x FROM UNNEST([1e200]) x is an error
-- = ERROR
SELECT x * x FROM UNNEST([1e200]) x

-- # 074 number: x + 1 FROM UNNEST([9223372036854775807]) x is an error
-- = ERROR
SELECT x + 1 FROM UNNEST([9223372036854775807]) x

-- # 075 number: x * 2 FROM UNNEST([9223372036854775807]) x is an error
-- = ERROR
SELECT x * 2 FROM UNNEST([9223372036854775807]) x

-- # 076 number: -x FROM UNNEST([-9223372036854775808]) x is an error
-- = ERROR
SELECT -x FROM UNNEST([-9223372036854775808]) x

-- # 077 number: ABS is an error (2)
-- = ERROR
SELECT ABS(x) FROM UNNEST([-9223372036854775808]) x

-- # 078 number: DIV is an error (2)
-- = ERROR
SELECT DIV(x, -1) FROM UNNEST([-9223372036854775808]) x

-- # 079 number: 5 / 0 is an error
-- = ERROR
SELECT 5 / 0

-- # 080 number: NUMERIC '5' / 0 is an error
-- = ERROR
SELECT NUMERIC '5' / 0

-- # 081 number: MOD is an error (2)
-- = ERROR
SELECT MOD(5.5, 2)

-- # 082 number: DIV is an error (3)
-- = ERROR
SELECT DIV(5.5, 2)

-- # 083 number: ROUND is refused
-- ! refused
-- = ANY
SELECT ROUND(2.5, 0, 'ROUND_HALF_EVEN')

-- # 084 number: SQRT is refused
-- ! refused
-- = ANY
SELECT SQRT(NUMERIC '2')

-- # 085 number: PARSE_NUMERIC (2)
-- = [["-1.5","1200","123.45"]]
SELECT PARSE_NUMERIC('1.5-'), PARSE_NUMERIC(' 12e2 '), PARSE_NUMERIC('1,2,,3,.45 + ')

-- # 086 number: PARSE_NUMERIC is an error
-- = ERROR
SELECT PARSE_NUMERIC('1.2.3')

-- # 087 number: RANGE_BUCKET (2)
-- = [[1,null,0]]
SELECT RANGE_BUCKET('b', ['a','c']), RANGE_BUCKET(NULL, [1]), RANGE_BUCKET(5, [])

-- # 088 number: RANGE_BUCKET is an error
-- = ERROR
SELECT RANGE_BUCKET(1, [3, 2])

-- # 089 number: ACOS is an error
-- = ERROR
SELECT ACOS(2)

-- # 090 number: ATANH is an error
-- = ERROR
SELECT ATANH(1)

-- # 091 number: CSC is an error
-- = ERROR
SELECT CSC(0)

-- # 092 number: SUM
-- = [["0.3"]]
SELECT SUM(x) FROM UNNEST([NUMERIC '0.1', NUMERIC '0.2']) x

-- # 093 number: AVG (2)
-- = [["2.333333333"]]
SELECT AVG(x) FROM UNNEST([NUMERIC '1', NUMERIC '2', NUMERIC '4']) x

-- # 094 number: NUMERIC '0.000000001' / 2, NUMERIC '-0.000000001' / 2, NUMER
-- = [["0.000000001","-0.000000001","0.000000001"]]
SELECT NUMERIC '0.000000001' / 2, NUMERIC '-0.000000001' / 2, NUMERIC '0.000000001' * NUMERIC '0.5'

-- # 095 number: NUMERIC '99999999999999999999999999999.999999999' + NUMERIC  is an error
-- = ERROR
SELECT NUMERIC '99999999999999999999999999999.999999999' + NUMERIC '0.000000001'
