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
