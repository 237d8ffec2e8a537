-- Casts and literals. Source: BigQuery, conversion rules, conversion functions, lexical structure.

-- # 001 cast: CAST
-- = [["1"]]
SELECT CAST(1.0 AS STRING)

-- # 002 cast: CAST (2)
-- = [["1e+20"]]
SELECT CAST(1e20 AS STRING)

-- # 003 cast: CAST (3)
-- = [["1.5"]]
SELECT CAST(1.5 AS STRING)

-- # 004 cast: CAST (4)
-- = [["inf","nan","-inf"]]
SELECT CAST(CAST('inf' AS FLOAT64) AS STRING), CAST(CAST('nan' AS FLOAT64) AS STRING), CAST(CAST('-inf' AS FLOAT64) AS STRING)

-- # 005 cast: CAST (5)
-- = [[2170,-2170]]
SELECT CAST('0x87a' AS INT64), CAST('-0x87a' AS INT64)

-- # 006 cast: CAST (6)
-- = [[3,-3,2,1]]
SELECT CAST(2.5 AS INT64), CAST(-2.5 AS INT64), CAST(1.5 AS INT64), CAST(0.5 AS INT64)

-- # 007 cast: CAST is an error
-- = ERROR
SELECT CAST(1e20 AS INT64)

-- # 008 cast: CAST (7)
-- = [[3,-3]]
SELECT CAST(NUMERIC '2.5' AS INT64), CAST(NUMERIC '-2.5' AS INT64)

-- # 009 cast: CAST (8)
-- = [[1,false,true,"false","true"]]
SELECT CAST(TRUE AS INT64), CAST(0 AS BOOL), CAST(5 AS BOOL), CAST(FALSE AS STRING), CAST(TRUE AS STRING)

-- # 010 cast: CAST is an error (2)
-- = ERROR
SELECT CAST(TRUE AS FLOAT64)

-- # 011 cast: CAST is an error (3)
-- = ERROR
SELECT CAST(1.0 AS BOOL)

-- # 012 cast: CAST is an error (4)
-- = ERROR
SELECT CAST(DATE '2020-01-01' AS INT64)

-- # 013 cast: CAST is an error (5)
-- = ERROR
SELECT CAST(1 AS DATE)

-- # 014 cast: CAST (9)
-- = [["2020-01-02","2020-01-02"]]
SELECT CAST('2020-1-2' AS DATE), CAST('2020-01-02' AS DATE)

-- # 015 cast: CAST is an error (6)
-- = ERROR
SELECT CAST('  2020-01-02' AS DATE)

-- # 016 cast: CAST (10)
-- = [["1.1","100","-0.5"]]
SELECT CAST(NUMERIC '1.10' AS STRING), CAST(NUMERIC '100' AS STRING), CAST(NUMERIC '-0.5' AS STRING)

-- # 017 cast: CAST (11)
-- = [["1.12345679","1.12345679"]]
SELECT CAST('1.1234567895' AS NUMERIC), CAST(1.1234567895 AS NUMERIC)

-- # 018 cast: CAST is an error (7)
-- = ERROR
SELECT CAST('1e30' AS NUMERIC)

-- # 019 cast: 0xFF, -0x1F, 1., .5, 1E2
-- = [[255,-31,1.0,0.5,100.0]]
SELECT 0xFF, -0x1F, 1., .5, 1E2

-- # 020 cast: CAST is an error (8)
-- = ERROR
SELECT CAST(X'4142' AS STRING), CAST('AB' AS BYTES)

-- # 021 cast: "a'b", 'a"b', '\'', "\"", '\x41\u00e9\U0001F600', '\101'
-- = [["a'b","a\"b","'","\"","Aé😀","A"]]
SELECT "a'b", 'a"b', '\'', "\"", '\x41\u00e9\U0001F600', '\101'

-- # 022 cast: CAST (12)
-- = [[-5,5,5]]
SELECT -CAST('5' AS INT64), - -5, +5

-- # 023 cast: CAST is an error (9)
-- = ERROR
SELECT CAST('abc' AS FLOAT64)

-- # 024 cast: SAFE_CAST
-- = [["300","true","2020-01-01"]]
SELECT SAFE_CAST(300 AS STRING), SAFE_CAST(TRUE AS STRING), SAFE_CAST(DATE '2020-01-01' AS STRING)

-- # 025 cast: CAST (13)
-- = [["0.30000000000000004","1e+15","1.2345678901234568e+17","1e-07","-0.5"]]
SELECT CAST(0.1 + 0.2 AS STRING), CAST(1e15 AS STRING), CAST(123456789012345678.0 AS STRING), CAST(1e-7 AS STRING), CAST(-0.5 AS STRING)

-- # 026 cast: CAST (14)
-- = [[2.5,"7",-2,1.0]]
SELECT CAST(NUMERIC '2.5' AS FLOAT64), CAST(7 AS NUMERIC), CAST(NUMERIC '-1.5' AS INT64), CAST(1 AS FLOAT64)

-- # 027 cast: CAST (15)
-- = [[12,12,5,7,255]]
SELECT CAST('  12' AS INT64), CAST('12 ' AS INT64), CAST('+5' AS INT64), CAST('007' AS INT64), CAST('0XFF' AS INT64)

-- # 028 cast: SAFE_CAST (2)
-- = [[null,null,null,null,null]]
SELECT SAFE_CAST('9223372036854775808' AS INT64), SAFE_CAST('1,000' AS INT64), SAFE_CAST('1_000' AS INT64), SAFE_CAST('1.0' AS INT64), SAFE_CAST('' AS INT64)

-- # 029 cast: SAFE_CAST (3)
-- = [[null,null,"-Infinity","NaN",1000.0]]
SELECT SAFE_CAST('1_000' AS FLOAT64), SAFE_CAST('0x1p3' AS FLOAT64), SAFE_CAST('-Infinity' AS FLOAT64), SAFE_CAST('NaN' AS FLOAT64), SAFE_CAST('1e3' AS FLOAT64)

-- # 030 cast: SAFE_CAST (4)
-- = [["1.5"],["2"],[null],["100"],[null],["0.5"],[null]]
SELECT SAFE_CAST(s AS NUMERIC) FROM UNNEST(['1.5', ' 2 ', 'x', '1e2', '1_0', '.5', '']) s

-- # 031 cast: SAFE_CAST (5)
-- = [[true,false,null,null,null]]
SELECT SAFE_CAST('True' AS BOOL), SAFE_CAST('FALSE' AS BOOL), SAFE_CAST('t' AS BOOL), SAFE_CAST('1' AS BOOL), SAFE_CAST(' true' AS BOOL)

-- # 032 cast: CAST, SAFE_CAST
-- = [["abc",true,null]]
SELECT CAST(b'abc' AS STRING), CAST('é' AS BYTES) = b'\xc3\xa9', SAFE_CAST(b'\xff' AS STRING)

-- # 033 cast: CAST is an error (10)
-- = ERROR
SELECT CAST(b'\xff' AS STRING)

-- # 034 cast: CAST is an error (11)
-- = ERROR
SELECT CAST(1 AS BYTES)

-- # 035 cast: CAST is an error (12)
-- = ERROR
SELECT CAST(TRUE AS NUMERIC)

-- # 036 cast: CAST is an error (13)
-- = ERROR
SELECT CAST(NUMERIC '1' AS BOOL)

-- # 037 cast: CAST is an error (14)
-- = ERROR
SELECT CAST(TIME '10:00:00' AS DATETIME)

-- # 038 cast: CAST is an error (15)
-- = ERROR
SELECT CAST(DATE '2020-01-01' AS BOOL)

-- # 039 cast: CAST is an error (16)
-- = ERROR
SELECT CAST('{"a":1}' AS JSON)

-- # 040 cast: CAST is an error (17)
-- = ERROR
SELECT CAST([1] AS INT64)

-- # 041 cast: CAST, NUMERIC, STRING
-- = [["1.23","abc"]]
SELECT CAST(1.23456 AS NUMERIC(5, 2)), CAST('abc' AS STRING(3))

-- # 042 cast: CAST, NUMERIC is an error
-- = ERROR
SELECT CAST(1234.5 AS NUMERIC(5, 2))

-- # 043 cast: CAST, STRING is an error
-- = ERROR
SELECT CAST('abcd' AS STRING(3))

-- # 044 cast: SAFE_CAST, STRING
-- = [[null]]
SELECT SAFE_CAST('abcd' AS STRING(3))

-- # 045 cast: CAST is an error (18)
-- = ERROR
SELECT CAST(1e30 AS NUMERIC)

-- # 046 cast: CAST, IEEE_DIVIDE is an error
-- = ERROR
SELECT CAST(IEEE_DIVIDE(0, 0) AS NUMERIC)

-- # 047 cast: CAST (16)
-- = [["9999999999999999583119736832","0.1","-1.000000001"]]
SELECT CAST(1e28 AS NUMERIC), CAST(0.1 AS NUMERIC), CAST(-1.0000000005 AS NUMERIC)

-- # 048 cast: SAFE_CAST (6)
-- = [[null,"2020-01-05",null,null,null,null]]
SELECT SAFE_CAST('2020-02-30' AS DATE), SAFE_CAST('2020-1-5' AS DATE), SAFE_CAST('20200105' AS DATE), SAFE_CAST('infinity' AS TIMESTAMP), SAFE_CAST('24:00:00' AS TIME), SAFE_CAST('10:00' AS TIME)

-- # 049 cast: r'a\nb', 'a\nb', R"x\", b'\x41', "it's", 'say "x"' is an error
-- = ERROR
SELECT r'a\nb', 'a\nb', R"x\", b'\x41', "it's", 'say "x"'

-- # 050 cast: r'a\nb', "a\tb", "it's", 'say "x"', '''it's "x"''', 'a\\b', 
-- = [["a\\nb","a\tb","it's","say \"x\"","it's \"x\"","a\\b","A","é"]]
SELECT r'a\nb', "a\tb", "it's", 'say "x"', '''it's "x"''', 'a\\b', '\x41', '\u00e9'

-- # 051 cast: 0xFF, 0XfF, 1e3, 1E-2, .25, 5.
-- = [[255,255,1000.0,0.01,0.25,5.0]]
SELECT 0xFF, 0XfF, 1e3, 1E-2, .25, 5.

-- # 052 cast: DATE '2020-1-5', TIMESTAMP '2020-01-05 10:00:00-08', TIMESTA
-- = [["2020-01-05","2020-01-05T18:00:00+00:00","2020-01-05T09:00:00+00:00","2020-01-05T10:00:00.500000","01:02:03"]]
SELECT DATE '2020-1-5', TIMESTAMP '2020-01-05 10:00:00-08', TIMESTAMP '2020-01-05 10:00:00 Europe/Berlin', DATETIME '2020-01-05T10:00:00.5', TIME '1:2:3'

-- # 053 cast: DATETIME '2020-01-05 10:00:00+01' is an error
-- = ERROR
SELECT DATETIME '2020-01-05 10:00:00+01'

-- # 054 cast: TIME '25:00:00' is an error
-- = ERROR
SELECT TIME '25:00:00'

-- # 055 cast: NUMERIC 'abc' is an error
-- = ERROR
SELECT NUMERIC 'abc'

-- # 056 cast: CAST (17)
-- ! approximate
-- = [["1.5"]]
SELECT CAST(BIGNUMERIC '1.5' AS NUMERIC)

-- # 057 cast: IF, IFNULL
-- = [["1",2.5,1.5]]
SELECT IF(TRUE, 1, NUMERIC '2.5'), IF(FALSE, NUMERIC '1', 2.5), IFNULL(NULL, 1.5)
